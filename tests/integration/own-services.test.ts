/** Two services of one's own live with the seven: hardened, connected as they say, with a database, and put back when they fail. */
import assert from "node:assert/strict";

import { newDeployment, overSsh, pinnedImages, site, type Deployment } from "../support/deployment";
import { ask } from "../support/http";
import { condition, services, type Inspected } from "../support/inspect";
import { startProbe } from "../support/probe";
import { commandWords } from "../support/project-command";
import { IMAGES } from "../support/requirements";
import { run, type Result } from "../support/run";
import { useWorld } from "../support/world";

const STACK = "own";
const SECRETS = {
  postgresPassword: "canary-postgres-5b1d7e",
  n8nDatabasePassword: "canary-database-71ce09",
  n8nEncryptionKey: "canary-encryption-90fa42-6b1e7d3c",
  portainerPassword: "canary-portainer-c3e8b6",
  "secrets.pagesKey": "canary-pages-07fd2a",
  "secrets.note-book-database": "canary-notes-4411ab",
} as const;
const CANARIES = Object.values(SECRETS);

/** nginx with pages that come from the stack file. */
const PAGES = {
  ...site("pages"),
  aliases: ["www.pages.example.test"],
  environment: { PAGES_URL: "${url}" },
  secrets: ["pagesKey"],
  // Executable, as some images need it.
  tmpfs: ["/tmp:size=2m,exec"],
};

/** A program that uses its database, and keeps a file. */
const NOTES = {
  user: "70:70",
  entrypoint: ["/bin/sh", "-c"],
  command: [
    'export PGPASSWORD="$(cat /run/secrets/database)"; until psql -h postgres -U note-book -d note-book -c "CREATE TABLE IF NOT EXISTS notes (word text)"; do sleep 1; done; date > /data/started; trap "exit 0" TERM; while :; do sleep 1; done',
  ],
  volumes: ["data:/data"],
  // The image declares a volume there; without this, Docker would make one that the stack file does not name.
  tmpfs: ["/var/lib/postgresql/data:size=1m"],
  database: true,
  depends_on: ["pages"],
  healthcheck: {
    test: [
      "CMD-SHELL",
      'PGPASSWORD="$(cat /run/secrets/database)" psql -h postgres -U note-book -d note-book -Atc "SELECT count(*) FROM notes"',
    ],
    start_period: "60s",
  },
  memoryMiB: 64,
  backup: { stop: true },
};

const said = ({ stdout, stderr }: Result): string => `${stdout}${stderr}`;

describe("services of one's own with the seven", function () {
  this.timeout(900_000);
  const world = useWorld({ images: Object.values(IMAGES), pulumi: true });
  let deployment: Deployment;
  let http: number;
  const deploy = (...args: readonly string[]): Promise<Result> =>
    run(process.execPath, [...commandWords("deploy"), "--stack", STACK, "--yes", ...args], {
      cwd: deployment.stack.project,
      env: deployment.stack.env,
      timeout: 600_000,
    });
  const containers = (): Promise<Readonly<Record<string, Inspected>>> => services(world(), STACK);
  const one = async (name: string): Promise<Inspected> => {
    const found = (await containers())[name];
    assert.ok(found, name);
    return found;
  };
  const inside = async (name: string, ...words: readonly string[]): Promise<Result> =>
    world().docker.cli(["exec", (await one(name)).Id, ...words]);

  before(async () => {
    http = await world().publishedPort();
    const images = await pinnedImages(world());
    deployment = await newDeployment(world(), {
      name: STACK,
      values: {
        ...overSsh(world()),
        domain: "example.test",
        publish: { address: "0.0.0.0", http },
        images: { ...images, pages: images.homepage, "note-book": images.postgres },
        checkTags: false,
        services: { cadvisor: { enabled: true }, pages: PAGES, "note-book": NOTES },
        routes: { elsewhere: { host: "elsewhere.example.test", url: "http://192.0.2.1:8080" } },
        redirects: { "old.example.test": "pages.example.test" },
        registries: { [world().registry.name]: { insecure: true } },
        adminAllow: ["10.201.0.0/16"],
      },
      secrets: SECRETS,
    });
    const first = await deploy();
    assert.equal(first.code, 0, said(first));
    for (const canary of CANARIES) assert.ok(!said(first).includes(canary));
  });

  it("are healthy and served, at each of their names", async () => {
    const all = await containers();
    assert.equal(Object.keys(all).length, 9);
    for (const name of ["pages", "note-book"]) {
      const container = all[name];
      assert.ok(container, name);
      assert.equal(condition(container), "healthy");
    }
    for (const host of ["pages.example.test", "www.pages.example.test"]) {
      const { status, body } = await ask(`http://127.0.0.1:${http}/`, { host });
      assert.deepEqual([status, body], [200, "pages\n"], host);
    }
    const { status, headers } = await ask(`http://127.0.0.1:${http}/a?b=c`, {
      host: "old.example.test",
    });
    assert.deepEqual([status, headers.location], [301, `http://pages.example.test:${http}/a?b=c`]);
  });

  it("are under the whole policy, as Docker says", async () => {
    for (const [name, user, memory] of [
      ["pages", "101:101", 64],
      ["note-book", "70:70", 64],
    ] as const) {
      const { Config, HostConfig, Mounts } = await one(name);
      assert.equal(Config.User, user);
      assert.deepEqual([HostConfig.CapDrop, HostConfig.CapAdd ?? []], [["ALL"], []]);
      assert.equal(HostConfig.ReadonlyRootfs, true);
      assert.deepEqual(HostConfig.SecurityOpt, ["no-new-privileges:true"]);
      assert.equal(HostConfig.Memory, memory * 1024 * 1024);
      assert.equal(HostConfig.PidsLimit, 200);
      assert.equal(HostConfig.Privileged, false);
      assert.deepEqual(HostConfig.PortBindings ?? {}, {});
      assert.deepEqual(HostConfig.Devices ?? [], []);
      assert.ok(Mounts.every(({ Type }) => Type === "volume" || Type === "tmpfs"));
      for (const line of Config.Env)
        for (const canary of CANARIES) assert.ok(!line.includes(canary));
    }
    const pages = await one("pages");
    assert.ok(pages.Config.Env.includes(`PAGES_URL=http://pages.example.test:${http}/`));
    // The tmpfs that asks for it is executable; the root file system cannot be written to.
    const script =
      "printf '#!/bin/sh\\nexit 0\\n' >/tmp/program && chmod +x /tmp/program && /tmp/program";
    const executed = await inside("pages", "sh", "-c", script);
    assert.equal(executed.code, 0, said(executed));
    assert.equal((await inside("pages", "touch", "/probe")).code, 1);
    assert.equal(
      (await inside("pages", "cat", "/run/secrets/pagesKey")).stdout,
      SECRETS["secrets.pagesKey"],
    );
  });

  it("reach what they name and nothing else", async () => {
    const networks = async (name: string): Promise<string[]> =>
      Object.keys((await one(name)).NetworkSettings.Networks).sort();
    assert.deepEqual(await networks("pages"), ["own-note-book-pages", "own-traefik-pages"]);
    assert.deepEqual(await networks("note-book"), [
      "own-note-book-pages",
      "own-note-book-postgres",
    ]);
    // By address: the programs of these images are static, and do not all resolve names.
    const reaches = async (from: string, to: string, port: number): Promise<boolean> => {
      const all = Object.values((await one(to)).NetworkSettings.Networks);
      const results = await Promise.all(
        all.map(({ IPAddress }) =>
          inside(from, "nc", "-w", "2", IPAddress, String(port), "-e", "true"),
        ),
      );
      return results.some(({ code }) => code === 0);
    };
    assert.equal(await reaches("note-book", "pages", 8080), true);
    assert.equal(await reaches("note-book", "postgres", 5432), true);
    assert.equal(await reaches("pages", "n8n", 5678), false);
    assert.equal(await reaches("pages", "postgres", 5432), false);
    assert.equal(await reaches("note-book", "n8n", 5678), false);
    const outside = await inside("note-book", "nc", "-w", "2", "192.0.2.1", "80", "-e", "true");
    assert.notEqual(outside.code, 0);
  });

  it("have a database of their own, and no other one", async () => {
    const psql = (user: string, database: string, text: string): Promise<Result> =>
      inside(
        "note-book",
        ...[
          "sh",
          "-c",
          `PGPASSWORD="$(cat /run/secrets/database)" psql -h postgres -U ${user} -d ${database} -Atc "${text}"`,
        ],
      );
    const own = await psql("note-book", "note-book", "INSERT INTO notes VALUES ('kept')");
    assert.equal(own.code, 0, said(own));
    const other = await psql("note-book", "n8n", "SELECT 1");
    assert.match(other.stderr, /permission denied/);
    const dumped = await deploy("--dump");
    assert.equal(dumped.code, 0, said(dumped));
    const files = await world().host.run("ls", [dumped.stdout.trim()]);
    assert.match(files.stdout, /^note-book\.dump$/m);
  });

  it("show no drift, and no change in a second deployment", async () => {
    const drift = await run(process.execPath, [...commandWords("drift"), "--stack", STACK], {
      cwd: deployment.stack.project,
      env: deployment.stack.env,
      timeout: 120_000,
    });
    assert.equal(drift.code, 0, said(drift));
    const again = await deployment.preview("--expect-no-changes");
    assert.equal(again.code, 0, said(again));
  });

  it("keep serving while a bad image of theirs is refused", async () => {
    const before = await one("pages");
    const digest = await world().variant(IMAGES.homepage, "exits", "own-exits");
    const good = `${world().registry.name}/${IMAGES.homepage}`;
    await deployment.pin({ pages: `${good}@${digest}` });
    const probe = startProbe({ url: `http://127.0.0.1:${http}/`, host: "pages.example.test" });
    const result = await deploy();
    const report = await probe.stop();
    assert.equal(result.code, 3, said(result));
    assert.equal(report.failures, 0, JSON.stringify(report));
    assert.ok(report.requests > 20);
    console.log(`    ${report.requests} requests, ${report.failures} failed`);
    assert.equal((await one("pages")).Id, before.Id);
    await deployment.pin({ pages: (await pinnedImages(world(), ["homepage"])).homepage ?? "" });
    const healed = await deploy();
    assert.equal(healed.code, 0, said(healed));
    const after = await ask(`http://127.0.0.1:${http}/`, { host: "pages.example.test" });
    assert.equal(after.status, 200);
    const kept = await inside(
      "note-book",
      ...[
        "sh",
        "-c",
        'PGPASSWORD="$(cat /run/secrets/database)" psql -h postgres -U note-book -d note-book -Atc "SELECT word FROM notes"',
      ],
    );
    assert.equal(kept.stdout.trim(), "kept");
  });
});
