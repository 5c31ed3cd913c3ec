import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hostAccess } from "../../../host/address";
import { engineProblem } from "../../../tools/cli/pulumi-cli";
import { commandWords } from "../../support/project-command";
import { HOST_KEY } from "../../support/raw-config";
import { run } from "../../support/run";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "preview-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("npm run preview without the Pulumi CLI and without a network", () => {
  it("says of each thing what is missing and why, and shows the offline plan", async () => {
    await mkdir(join(folder, "bin"));
    await symlink(process.execPath, join(folder, "bin", "node"));
    const noNetwork = join(folder, "no-network.cjs");
    const text = `globalThis.fetch = () => Promise.reject(new Error("no network"));`;
    await writeFile(noNetwork, text);
    const { code, stdout, stderr } = await run(process.execPath, commandWords("preview"), {
      env: {
        // Node and nothing else, as on a machine that has just got it.
        PATH: join(folder, "bin"),
        HOME: folder,
        PULUMI_HOME: join(folder, "pulumi"),
        NODE_OPTIONS: `--require=${noNetwork}`,
      },
    });
    assert.equal(code, 0, stderr);
    const plugins = join(folder, "pulumi", "plugins");
    // Whether Docker is there is the machine's own business, and what is known of the pins changes with them.
    const lines = stderr
      .split("\n")
      .filter((line) => !/^missing: Docker Engine|^known: |^$/.test(line));
    assert.match(
      lines.shift() ?? "",
      /^missing: Pulumi CLI: .*no network.*; install it on PATH, or connect to the internet /,
    );
    assert.equal(lines.length, 3, stderr);
    for (const [index, plugin] of ["docker 5.2.0", "command 1.2.1"].entries())
      assert.ok(
        lines[index]?.startsWith(`missing: Pulumi plugin ${plugin}: not in ${plugins}; `),
        lines[index],
      );
    assert.match(lines[2] ?? "", /offline plan/);
    assert.match(stdout, /^stack dev: \d+ containers, \d+ networks and \d+ volumes$/m);
    assert.match(
      stdout,
      /^homepage +nginx:1\.\d+\.\d+-alpine +[0-9a-f]{12} +101:101 +none +read-only /m,
    );
  }).timeout(30_000);
});

describe("a Docker engine on this machine", () => {
  const ask = (): Promise<string | undefined> =>
    engineProblem(hostAccess({ address: `unix://${join(folder, "docker.sock")}` }));
  const serve = async (status: number): Promise<Server> => {
    const server = createServer((_, answer) => answer.writeHead(status).end());
    await new Promise<void>((done) => server.listen(join(folder, "docker.sock"), done));
    return server;
  };

  it("that answers is not missing", async () => {
    const server = await serve(200);
    assert.equal(await ask(), undefined);
    server.close();
  });

  it("that does not exist is missing, with what helps", async () => {
    const socket = join(folder, "docker.sock");
    assert.equal(
      await ask(),
      `Docker Engine: ${socket}: connect ENOENT ${socket}; start Docker, or set its address in pinned-stack:host`,
    );
  });

  it("that answers with an error is missing", async () => {
    const server = await serve(503);
    const problem = (await ask()) ?? "";
    assert.ok(problem.includes(join(folder, "docker.sock")), problem);
    assert.match(problem, /^Docker Engine: .* 503$/);
    server.close();
  });

  it("on another machine is not needed", async () => {
    const access = hostAccess({ address: "ssh://a@host.example", hostKey: HOST_KEY });
    assert.equal(await engineProblem(access), undefined);
  });
});
