/** Who can read which secret, and where none may be. */
import assert from "node:assert/strict";
import { dirname } from "node:path";

import { commandWords } from "../../support/project-command";
import { run } from "../../support/run";
import { services } from "../../support/inspect";
import { CANARIES, STACK, type Whole } from "./whole";

/** Each secret file: its reader's user, and what is in it. */
const FILES = [
  ["n8n", "/run/secrets/n8n/database-password", 1000, CANARIES.n8nDatabasePassword],
  ["postgres", "/run/secrets/postgres/superuser", 70, CANARIES.postgresPassword],
  ["postgres", "/run/secrets/postgres/n8n", 70, CANARIES.n8nDatabasePassword],
  ["portainer", "/run/secrets/portainer-admin/admin-password", 1000, CANARIES.portainerPassword],
] as const;

/** A secret as it is, and as careless programs hide it. */
const SPELLINGS = Object.values(CANARIES).flatMap((secret) => [
  secret,
  Buffer.from(secret).toString("base64").replace(/=+$/, "").slice(0, -1),
  Buffer.from(secret).toString("hex"),
]);

const COMMANDS: readonly (readonly [Parameters<typeof commandWords>[0], ...string[]])[] = [
  ["preview"],
  ["doctor"],
  ["drift"],
  ["deploy", "--history"],
  ["report", "--format", "json"],
  ["report", "--format", "cis-json"],
  ["pin", "--check"],
];

const leaks = (text: string): string[] => SPELLINGS.filter((secret) => text.includes(secret));

export function secrets(whole: () => Whole): void {
  for (const [service, path, user, content] of FILES)
    it(`gives ${path} to the user of ${service} alone, nothing added`, async () => {
      const { world } = whole();
      const pid = (await services(world, STACK))[service]?.State.Pid ?? 0;
      const outer = `/proc/${pid}/root${path}`;
      const { stdout } = await world.host.run("stat", ["-c", "%a %u:%g %F", outer]);
      assert.equal(stdout, `400 ${user}:${user} regular file\n`);
      assert.equal((await world.host.run("cat", [outer])).stdout, content);
      const written = await world.host.run("touch", [outer]);
      assert.match(written.stderr, /Read-only file system/);
    });

  it("are in the state of the stack only encrypted, and in none of its files", async () => {
    const { stack } = whole().deployment;
    assert.deepEqual(leaks(await stack.exportState()), []);
    for (const secret of SPELLINGS) {
      const found = await run("grep", [
        "-rlF",
        secret,
        dirname(stack.project),
        "--exclude-dir=project",
      ]);
      assert.equal(found.stdout, "");
    }
    const settings = await run("cat", [`${stack.project}/Pulumi.${STACK}.yaml`]);
    assert.deepEqual(leaks(settings.stdout), []);
  });

  it("are in docker inspect only where n8n reads its key from nowhere else", async () => {
    const { docker } = whole().world;
    const all = (await docker.ask("ps", "--all", "--quiet")).split("\n");
    assert.equal(all.length, 7, "one for each service and the proxy, and nothing else");
    const text = await docker.ask("inspect", ...all);
    const lines = text.split("\n").filter((line) => leaks(line).length > 0);
    assert.deepEqual(
      lines.map((line) => line.trim().replace(/,$/, "")),
      [JSON.stringify(`N8N_ENCRYPTION_KEY=${CANARIES.n8nEncryptionKey}`)],
    );
    for (const kind of ["volume", "network"]) {
      const ids = (await docker.ask(kind, "ls", "--quiet")).split("\n");
      assert.deepEqual(leaks(await docker.ask(kind, "inspect", ...ids)), []);
    }
  });

  it("are in no log of a container", async () => {
    const { docker } = whole().world;
    for (const id of (await docker.ask("ps", "--all", "--quiet")).split("\n")) {
      const { stdout, stderr } = await docker.cli(["logs", id]);
      assert.deepEqual(leaks(stdout + stderr), [], id);
    }
  });

  it("are in no command line, and in the environment of their own readers only", async () => {
    const { world } = whole();
    // Not with grep, whose own command line would be a leak.
    const commands = await world.host.run("sh", [
      "-c",
      "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'",
    ]);
    assert.ok(commands.stdout.includes("postgres"));
    assert.deepEqual(leaks(commands.stdout), []);
    // The control group tells the container, also of a health check that is over at the next look.
    const search = `grep -alF canary- /proc/[0-9]*/environ | sed s/environ$/cgroup/ |
      while read -r file; do tr '\\n' ' ' <$file; echo; done`;
    const { stdout } = await world.host.run("sh", ["-c", search]);
    const running = Object.entries(await services(world, STACK));
    const holders = stdout
      .split("\n")
      .filter(Boolean)
      .map((group) => running.find(([, { Id }]) => group.includes(Id))?.[0] ?? group);
    assert.deepEqual([...new Set(holders)].sort(), ["n8n"]);
  });

  it("are in nothing that previews and deployments print", () => {
    const printed = whole().deployment.transcript();
    assert.ok(printed.includes("whole-n8n"));
    assert.deepEqual(leaks(printed), []);
  });

  it("are in nothing that the other commands print", async function () {
    this.timeout(120_000);
    const { project, env } = whole().deployment.stack;
    for (const [command, ...words] of COMMANDS) {
      const args = [...commandWords(command), "--stack", STACK, ...words];
      const result = await run(process.execPath, args, { cwd: project, env, timeout: 60_000 });
      assert.ok(result.stdout.length > 0, `${command}: ${result.stderr}`);
      assert.deepEqual(leaks(result.stdout + result.stderr), [], command);
    }
  });

  it("give n8n a database role that owns its database and rules nothing else", async () => {
    const { world } = whole();
    const { postgres } = await services(world, STACK);
    const query = `select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
      (select pg_get_userbyid(datdba) from pg_database where datname = 'n8n') from pg_roles where rolname = 'n8n'`;
    const psql = ["psql", "-U", "postgres", "-Atc", query];
    assert.equal(await world.docker.ask("exec", postgres?.Id ?? "", ...psql), "f|f|f|f|f|n8n");
  });
}
