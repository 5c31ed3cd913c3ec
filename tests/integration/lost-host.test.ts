/**
 * A host that is lost with Pulumi's state. What is left: the project with its stack file, the passphrase, and the repository. A
 * new host with another engine answers with the workflow and the decrypted credential of the old one. Takes minutes, so it runs
 * only where PINNED_STACK_TEST_LOST_HOST=1.
 */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { engine29 } from "../support/engine";
import { commandWords } from "../support/project-command";
import { IMAGES, missing, RESTIC } from "../support/requirements";
import { run, succeeded, type Result } from "../support/run";
import { startWorld, type World } from "../support/world";
import { deployStack } from "./deploy-stack";

const all = (result: Result): string => `${result.stdout}${result.stderr}`;
const COMMAND_MS = 580_000;
const REPOSITORY = "/run/home/repository";
const CREDENTIAL = [
  {
    id: "kept",
    name: "kept",
    type: "httpBasicAuth",
    data: { user: "me", password: "word-of-old" },
  },
];
const WORKFLOW = [
  {
    ...{ id: "kept", name: "kept", active: false, connections: {}, settings: {} },
    nodes: [
      {
        ...{ id: "n", name: "n", type: "n8n-nodes-base.manualTrigger", typeVersion: 1 },
        ...{ position: [0, 0], parameters: {} },
      },
    ],
  },
];

const inN8n = async (world: World, name: string, script: string, input = ""): Promise<string> => {
  const label = ["--filter", `label=pinned-stack.stack=${name}`];
  const id = await world.docker.ask(
    ...["ps", "-q", ...label, "--filter", "label=pinned-stack.container=n8n"],
  );
  return succeeded(
    script,
    await world.docker.cli(["exec", "-i", id.trim(), "sh", "-c", script], { input }),
  ).stdout;
};

describe("a host that is lost", function () {
  this.timeout(1_800_000);
  const images = [IMAGES.traefik, IMAGES.homepage, IMAGES.n8n, IMAGES.postgres, RESTIC];
  const other = engine29("classic");
  let repository = join(tmpdir(), "lost-none");
  let world: World | undefined;

  before(async function () {
    const absent = [
      ...(process.env.PINNED_STACK_TEST_LOST_HOST === "1" ? [] : ["PINNED_STACK_TEST_LOST_HOST=1"]),
      ...(await missing({ images, pulumi: true })),
      ...(await missing({ engine: other })),
    ];
    if (absent.length > 0) {
      console.log(`skipped: ${absent.map((name) => `no ${name}`).join("; ")}`);
      this.skip();
    }
    repository = await mkdtemp(join(tmpdir(), "lost-"));
  });
  after(async () => {
    await world?.stop();
    await rm(repository, { recursive: true, force: true });
  });

  it("is replaced by an empty one, from the stack file, the passphrase and the repository", async () => {
    world = await startWorld({ images });
    const old = world;
    const stack = await deployStack(old, ["traefik", "homepage", "n8n", "postgres"], {
      images: { backup: await old.pinned(RESTIC) },
      secrets: { backupPassword: "canary-backupPassword-0123456789" },
      lines: [
        `  pinned-stack:services: { portainer: { enabled: false }, backup: { enabled: true, repository: { address: ${REPOSITORY} } } }`,
      ],
    });
    const { name } = stack;
    const words = (command: "deploy" | "restore" | "backup", ...args: readonly string[]) => [
      ...commandWords(command),
      ...["--stack", name, ...args],
    ];
    const here = (
      { project, env }: { readonly project: string; readonly env: NodeJS.ProcessEnv },
      ...given: Parameters<typeof words>
    ): Promise<Result> =>
      run(process.execPath, words(...given), { cwd: project, env, timeout: COMMAND_MS });
    succeeded("deploy", await here(stack.stack, "deploy", "--yes"));
    await inN8n(
      old,
      name,
      "cat >/tmp/c && n8n import:credentials --input=/tmp/c",
      JSON.stringify(CREDENTIAL),
    );
    await inN8n(
      old,
      name,
      "cat >/tmp/w && n8n import:workflow --input=/tmp/w",
      JSON.stringify(WORKFLOW),
    );
    succeeded("init", await here(stack.stack, "backup", "--init"));
    succeeded("backup", await here(stack.stack, "backup", "--now"));
    const refused = await here(stack.stack, "restore", "--to-new-host", "--yes");
    assert.equal(refused.code, 1, all(refused));
    assert.match(refused.stderr, /has containers or volumes of stack \S+, so it is no new one/);
    const file = await readFile(join(stack.stack.project, `Pulumi.${name}.yaml`), "utf8");
    const [, address = "", hostKey = ""] =
      /address: "([^"]+)", hostKey: "([^"]+)"/.exec(file) ?? [];
    const [, port = ""] = /http: (\d+)/.exec(file) ?? [];
    const { name: registry } = old.registry;
    await cp(join(old.host.directory, REPOSITORY), repository, { recursive: true });
    const { stdout: before } = await old.docker.cli(["version", "--format", "{{.Server.Version}}"]);
    await old.stop();
    world = undefined;

    const started = Date.now();
    world = await startWorld({ images, engine: other });
    const anew = world;
    await cp(repository, join(anew.host.directory, REPOSITORY), { recursive: true });
    const clone = await anew.stack({ project: resolve("."), stack: name });
    await clone.configure(
      file
        .replace(address, anew.ssh.address)
        .replace(hostKey, anew.ssh.hostKey)
        .replaceAll(registry, anew.registry.name)
        .replace(`http: ${port}`, `http: ${await anew.publishedPort()}`),
    );
    const result = await here(clone, "restore", "--to-new-host", "--yes");
    assert.equal(result.code, 0, all(result));
    const credentials = await inN8n(
      anew,
      name,
      "n8n export:credentials --all --decrypted --output=/tmp/d >/dev/null && cat /tmp/d && rm /tmp/d",
    );
    assert.match(credentials, /"password":"word-of-old"/);
    assert.match(
      await inN8n(anew, name, "n8n export:workflow --all --output=/tmp/f >/dev/null && cat /tmp/f"),
      /"name":"kept"/,
    );
    const seconds = Math.round((Date.now() - started) / 1000);
    const { stdout: now } = await anew.docker.cli(["version", "--format", "{{.Server.Version}}"]);
    assert.notEqual(before.trim(), now.trim());
    console.log(
      `from an empty host with Docker ${now.trim()} (was ${before.trim()}) to n8n with its credential: ${seconds} s`,
    );
  });
});
