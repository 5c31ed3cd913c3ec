/** Backups with the real restic: made, listed, proved on scratch containers, restored, and damaged on purpose. */
import assert from "node:assert/strict";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { IMAGES, RESTIC } from "../support/requirements";
import { succeeded, type Result } from "../support/run";
import { useWorld } from "../support/world";
import { deployStack, type DeployStack } from "./deploy-stack";

const all = (result: Result): string => `${result.stdout}${result.stderr}`;
const PASSWORD = "canary-backupPassword-0123456789";

describe("backups", function () {
  this.timeout(300_000);
  const world = useWorld({
    images: [IMAGES.traefik, IMAGES.homepage, IMAGES.n8n, IMAGES.postgres, RESTIC],
    pulumi: true,
  });
  let stack: DeployStack;
  /** The repository, inside the tests' own host. */
  const REPOSITORY = "/run/home/repository";
  const outside = (path: string): string => join(world().host.directory, path.replace(/^\//, ""));
  const printed: string[] = [];

  const backup = async (...args: readonly string[]): Promise<Result> => {
    const result = await stack.command("backup", ...args);
    printed.push(all(result));
    return result;
  };
  const restore = async (...args: readonly string[]): Promise<Result> => {
    const result = await stack.command("restore", "--yes", ...args);
    printed.push(all(result));
    return result;
  };
  const idOf = async (container: string): Promise<string> =>
    (
      await world().docker.ask(
        ...["ps", "-q", "--filter", `label=pinned-stack.stack=${stack.name}`],
        ...["--filter", `label=pinned-stack.container=${container}`],
      )
    ).trim();
  const inContainer = async (container: string, ...words: readonly string[]): Promise<string> =>
    succeeded(
      words.join(" "),
      await world().docker.cli(["exec", "-i", await idOf(container), ...words]),
    ).stdout.trim();
  const sql = (text: string): Promise<string> =>
    inContainer("postgres", "psql", "-X", "-At", "-U", "postgres", "-d", "n8n", "-c", text);
  const restic = (...words: readonly string[]): Promise<Result> =>
    world().host.run("sh", [
      "-c",
      `docker exec -e RESTIC_PASSWORD_FILE=/run/secrets/backup/password "$@"`,
      "sh",
      ...words,
    ]);

  before(async () => {
    const keep = "keep: { daily: 2 }";
    stack = await deployStack(world(), ["traefik", "homepage", "n8n", "postgres"], {
      images: { backup: await world().pinned(RESTIC) },
      secrets: { backupPassword: PASSWORD },
      lines: [
        `  pinned-stack:services: { portainer: { enabled: false }, backup: { enabled: true, repository: { address: ${REPOSITORY} }, ${keep} } }`,
      ],
    });
    succeeded("deploy", await stack.command("deploy", "--yes"));
    await sql("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('before')");
    await inContainer("n8n", "sh", "-c", "echo before > /home/node/.n8n/kept");
  });

  it("says that there is no repository, creates one, and not twice", async () => {
    const none = await backup("--now");
    assert.equal(none.code, 1, all(none));
    assert.match(
      none.stderr,
      /FAILED: there is no repository at services\.backup\.repository\.address; .*--init/,
    );
    const made = await backup("--init");
    assert.equal(made.code, 0, all(made));
    const again = await backup("--init");
    assert.equal(again.code, 1, all(again));
    assert.match(again.stderr, /FAILED: there is a repository already; it was not touched/);
    const empty = await backup("--verify");
    assert.equal(empty.code, 1, all(empty));
    assert.match(empty.stderr, /no backup of stack \w+; make one: npm run backup/);
  });

  it("saves databases and volumes while they are in use, and lists them", async () => {
    const made = await backup("--now");
    assert.equal(made.code, 0, all(made));
    assert.match(made.stderr, /postgres: saved \d+ bytes, sent \d+ bytes/);
    assert.match(made.stderr, /n8n: saved \d+ bytes, sent \d+ bytes/);
    const list = await backup("--list");
    assert.match(list.stdout, /^\d{8}T\d{6}Z +n8n \(.*\), postgres \(.*\)$/m, all(list));
  });
});
void [readFile, readdir, writeFile, restic];
