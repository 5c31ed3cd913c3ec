/** What another Pulumi program gets from components/hardened alone, by the daemon's own account. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { stringify } from "yaml";

import { HARDENED } from "../../components/hardened/policy";
import { Inspected } from "../support/inspect";
import { PulumiStack } from "../support/pulumi";
import { IMAGES } from "../support/requirements";
import { succeeded } from "../support/run";
import { until } from "../support/until";
import { useWorld } from "../support/world";

describe("a program with the hardened components alone", function () {
  this.timeout(60_000);
  const world = useWorld({ images: [IMAGES.homepage], pulumi: true });
  let stack: PulumiStack;
  let inspected: Inspected;
  const exec = (...words: readonly string[]) =>
    world().docker.cli(["exec", inspected.Id, ...words]);

  before(async function () {
    this.timeout(90_000);
    stack = await world().stack({ project: resolve("."), stack: "demo" });
    const settings = join(stack.project, "Pulumi.yaml");
    const yaml = await readFile(settings, "utf8");
    await writeFile(settings, yaml.replace("main: index.ts", "main: example.ts"));
    const program = 'export * from "./tests/integration/hardened-example";\n';
    await writeFile(join(stack.project, "example.ts"), program);
    const config = {
      "pinned-stack:docker": world().docker.address,
      "pinned-stack:image": await world().pinned(IMAGES.homepage),
    };
    await stack.configure(stringify({ config }));
    succeeded("up", await stack.up());
    const name = String((await stack.outputs())["container"]);
    // It works when `up` ends; Docker's own check comes a little later.
    inspected = await until("Docker's own health check", async () => {
      const [found] = JSON.parse(await world().docker.ask("inspect", name)) as [Inspected];
      return found.State.Health?.Status === "starting" ? undefined : found;
    });
  });

  it("runs its container under every control of the policy, the limit of processes included", () => {
    const { Config, HostConfig } = inspected;
    assert.equal(inspected.State.Health?.Status, "healthy");
    assert.deepEqual(
      {
        user: Config.User,
        capabilities: HostConfig.CapAdd ?? [],
        dropped: HostConfig.CapDrop,
        readOnlyRootfs: HostConfig.ReadonlyRootfs,
        securityOptions: HostConfig.SecurityOpt,
        memoryMiB: HostConfig.Memory / 1024 ** 2,
        swap: HostConfig.MemorySwap === HostConfig.Memory,
        cpus: HostConfig.NanoCpus / 1e9,
        pidsLimit: HostConfig.PidsLimit,
        openFiles: HostConfig.Ulimits.map(({ Hard }) => Hard),
      },
      {
        user: "101:101",
        capabilities: [],
        dropped: ["ALL"],
        readOnlyRootfs: true,
        securityOptions: ["no-new-privileges:true"],
        memoryMiB: 32,
        swap: true,
        cpus: HARDENED.cpus,
        pidsLimit: 50,
        openFiles: [HARDENED.openFiles],
      },
    );
  });

  it("brings its files, its secret for its user alone, and a volume that it can write to", async () => {
    assert.equal((await exec("cat", "/srv/index.html")).stdout, "hello\n");
    assert.equal((await exec("cat", "/run/secrets/token")).stdout, "s3cret-t0ken");
    assert.equal((await exec("stat", "-c", "%a %u", "/run/secrets/token")).stdout, "400 101\n");
    assert.equal((await exec("touch", "/data/written")).code, 0);
    assert.equal((await exec("touch", "/srv/written")).code, 1);
  });

  it("keeps the secret out of the state, and has nothing left to do", async () => {
    assert.ok(!(await stack.exportState()).includes("s3cret-t0ken"));
    const again = await stack.preview("--refresh", "--expect-no-changes");
    assert.equal(again.code, 0, again.stdout);
  });
});
