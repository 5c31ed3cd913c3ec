import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseConfig } from "../../../../config/config";
import { ConfigError } from "../../../../config/config";
import { run } from "../../../support/run";
import { backupStack } from "../../../support/backup-stack";
import { CANARIES, IMAGES, rawConfig } from "../../../support/raw-config";
import { containerOf, fileOf, modelOf, realServices } from "../../../support/small-stack";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

describe("the container that saves the data", () => {
  const container = containerOf(backupStack(), "backup");

  it("reads every volume that is saved, writes to one of its own alone, and has no Docker socket", () => {
    const mounts = container.mounts.filter(({ kind }) => kind !== "files" && kind !== "secrets");
    assert.deepEqual(
      mounts.map((mount) => [mount.kind, "volume" in mount && mount.volume, mount.path]),
      [
        ["data", "backup-status", "/status"],
        ["data", "traefik-acme", "/data/traefik-acme"],
        ["data", "portainer-data", "/data/portainer-data"],
        ["data", "n8n-data", "/data/n8n-data"],
        ["data", "postgres-dumps", "/dumps"],
        ["data", "closed-data", "/data/closed-data"],
      ],
    );
    const writable = mounts.filter((mount) => mount.kind !== "data" || mount.readOnly !== true);
    assert.deepEqual(writable, [
      { kind: "data", volume: "backup-status", path: "/status", chown: false, copy: "never" },
    ]);
  });

  it("has one capability, a network of its own, and secrets as files alone", () => {
    const { controls, networks, environment, secretEnvironment } = container;
    assert.deepEqual(controls.capabilities, ["CAP_DAC_READ_SEARCH"]);
    assert.equal(controls.readOnlyRootfs, true);
    assert.equal(controls.dockerSocket, false);
    assert.deepEqual(networks, [{ name: "egress-backup", internal: false }]);
    assert.deepEqual(secretEnvironment, {});
    assert.doesNotMatch(JSON.stringify(environment), /canary/);
    assert.equal(environment.LIVE, "traefik=traefik-acme n8n=n8n-data");
    assert.equal(environment.AT_MINUTE, "210");
    assert.equal(environment.KEEP, "--keep-daily 7 --keep-weekly 4 --keep-monthly 12");
  });

  it("dumps the databases in a container that reaches PostgreSQL alone", () => {
    const dumps = containerOf(backupStack(), "postgres-dumps");
    assert.deepEqual(dumps.networks, [{ name: "postgres-dumps-postgres", internal: true }]);
    assert.deepEqual(dumps.controls.capabilities, []);
    assert.deepEqual(dumps.dependsOn, ["postgres"]);
  });

  it("writes to a folder of the host only where the repository is one, and then has no network", () => {
    const model = backupStack({ repository: { address: "/mnt/share" }, keep: "all" });
    const { mounts, networks, environment, controls } = containerOf(model, "backup");
    assert.deepEqual(
      mounts.filter(({ kind }) => kind === "host"),
      [{ kind: "host", source: "/mnt/share", path: "/repository", writable: true }],
    );
    assert.deepEqual(controls.writableHostPaths, ["/mnt/share"]);
    assert.deepEqual(networks, []);
    assert.equal(environment.RESTIC_REPOSITORY, "/repository");
    assert.equal(environment.KEEP, "");
  });

  it("knows the key of an SFTP server", () => {
    const of = (address: string): string =>
      fileOf(
        containerOf(backupStack({ repository: { address, hostKey: KEY } }), "backup"),
        "/backup/known_hosts",
      );
    assert.equal(of("sftp://me@b.example/srv/x"), `b.example ${KEY}\n`);
    assert.equal(of("sftp://me@b.example:2222//srv/x"), `[b.example]:2222 ${KEY}\n`);
    assert.equal(of("sftp://me@[2001:db8::1]:22/x"), `2001:db8::1 ${KEY}\n`);
  });

  it("runs scripts that are shell", async () => {
    for (const [name, path] of [
      ["backup", "/backup/backup.sh"],
      ["postgres-dumps", "/backup/dumps.sh"],
    ] as const) {
      const text = fileOf(containerOf(backupStack(), name), path);
      assert.equal((await run("sh", ["-n"], { input: text })).stderr, "");
    }
  });
});

describe("a target that becomes full", () => {
  it("ends the backup within seconds, although restic would try again for a quarter of an hour", async () => {
    const folder = mkdtempSync(join(tmpdir(), "full-"));
    try {
      const stopped = join(folder, "stopped");
      writeFileSync(
        join(folder, "restic"),
        `#!/bin/sh
trap 'echo signal terminated received, cleaning up >&2; echo >${stopped}; exit 1' TERM
for i in 1 2 3; do echo "Save(<data/1>) returned error, retrying after 1s: client.PutObject: No space left on device." >&2; done
sleep 100 >/dev/null 2>&1 & wait $!
`,
        { mode: 0o755 },
      );
      const text = fileOf(containerOf(backupStack(), "backup"), "/backup/backup.sh");
      writeFileSync(join(folder, "backup.sh"), text.replaceAll("/tmp/busy", `${folder}/busy`));
      const started = Date.now();
      const result = await run("sh", [join(folder, "backup.sh"), "run", "20261127T033000Z"], {
        env: {
          ...{ PATH: `${folder}:${process.env.PATH ?? ""}`, TMPDIR: folder, KIND: "path" },
          ...{ STACK: "prod", DUMPS: "no", LIVE: "n8n=n8n-data", KEEP: "", AT_MINUTE: "0" },
        },
      });
      assert.ok(Date.now() - started < 30_000);
      assert.equal(result.code, 1, result.stderr);
      assert.match(result.stderr, /^FAILED: the target is full; make room there/);
      assert.equal(readFileSync(stopped, "utf8"), "\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  }).timeout(60_000);
});

describe("the text about backups on the page for administrators", () => {
  const said = async (stamps: Readonly<Record<string, number>>, alone = ""): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), "status-"));
    try {
      const now = Math.floor(Date.now() / 1000);
      for (const [name, hours] of Object.entries(stamps))
        writeFileSync(join(folder, name), `${now - hours * 3600} 20261127T033000Z\n`);
      const text = fileOf(containerOf(backupStack(), "backup"), "/backup/backup.sh");
      const part = text.slice(text.indexOf("# Remembers that"), text.indexOf("command=${1:-}"));
      const input = `STACK=prod NOW_ALONE='${alone}'\n${part.replaceAll("/status/", `${folder}/`)}\nreport\n`;
      const result = await run("sh", ["-euc", input]);
      assert.equal(result.stderr, "");
      return readFileSync(join(folder, "backups.txt"), "utf8");
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const warnings = (text: string): string[] =>
    text.split("\n").filter((line) => line.startsWith("WARNING"));

  it("says when the last ones were, and warns of what is missing", async () => {
    const text = await said({}, "portainer, notes");
    assert.match(text, /^Backups of stack prod, as of \d{4}-\d\d-\d\dT\d\d:\d\dZ\n/);
    assert.match(text, /^last daily backup: +never$/m);
    assert.equal(warnings(text).length, 3);
    assert.match(text, /^WARNING: only a backup of everything saves portainer, notes; run: /m);
    const fine = await said({ daily: 5, full: 47, proved: 1 }, "portainer");
    assert.match(fine, /^last daily backup: +20261127T033000Z, 5 hours ago$/m);
    assert.match(fine, /^last backup restored on trial .*, 1 hours ago$/m);
    assert.deepEqual(warnings(fine), []);
  });

  it("warns after two days, and not of what the daily backup saves, too", async () => {
    assert.deepEqual(warnings(await said({ daily: 3, proved: 1 })), []);
    assert.equal(warnings(await said({ daily: 49, full: 49, proved: 1 })).length, 1);
    assert.match(
      warnings(await said({ daily: 3, proved: 49 }))[0] ?? "",
      /^WARNING: no backup was restored on trial for two days/,
    );
    assert.match(
      warnings(await said({ daily: 3, full: 49, proved: 1 }, "portainer"))[0] ?? "",
      /saves portainer/,
    );
  });

  it("names what only a backup of everything saves, and is on the page of the start page as plain text", () => {
    const model = modelOf(realServices("homepage", "backup", "portainer", "socket-proxy"), {
      images: { backup: `restic/restic:0.18.1@sha256:${"8".repeat(64)}` },
      services: { backup: { enabled: true, options: { repository: { address: "/mnt/share" } } } },
    });
    assert.equal(containerOf(model, "backup").environment.NOW_ALONE, "portainer");
    const homepage = containerOf(model, "homepage");
    assert.deepEqual(
      homepage.mounts.filter(({ kind }) => kind === "data"),
      [
        {
          kind: "data",
          volume: "backup-status",
          path: "/srv/backups",
          chown: false,
          copy: "never",
          readOnly: true,
        },
      ],
    );
    assert.match(
      fileOf(homepage, "/etc/homepage/nginx.conf"),
      /location = \/details\/backups\.txt \{ alias \/srv\/backups\/backups\.txt; types \{ \} default_type "text\/plain/,
    );
    assert.match(fileOf(homepage, "/srv/homepage/details/index.html"), /<a href="backups\.txt">/);
  });
});

/** The clock, with figures of its own. */
async function clock(words: string, minute = 210): Promise<string> {
  const text = fileOf(containerOf(backupStack(), "postgres-dumps"), "/backup/dumps.sh");
  const library = text.slice(0, text.indexOf("# Never returns."));
  const result = await run("sh", ["-c", `AT_MINUTE=${minute}\n${library}\n${words}`]);
  return result.stdout.trim();
}

describe("the clock of the backups", () => {
  it("finds the next time of the schedule, also across midnight", async () => {
    const at = (text: string): number => Date.parse(text) / 1000;
    for (const [minute, after, due] of [
      [210, "2026-11-27T03:29:59Z", "2026-11-27T03:30:00Z"],
      [210, "2026-11-27T03:30:00Z", "2026-11-28T03:30:00Z"],
      [0, "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"],
      [1439, "2026-03-29T00:00:00Z", "2026-03-29T23:59:00Z"],
    ] as const)
      assert.equal(await clock(`next_due ${at(after)}`, minute), String(at(due)));
  });
});

describe("the configuration of backups", () => {
  const problems = (backup: object, rest: object = {}): readonly string[] => {
    try {
      parseConfig(
        rawConfig({
          images: { ...IMAGES, backup: "docker.io/restic/restic:0.18.1" },
          services: { backup: { enabled: true, ...backup } },
          ...rest,
        }),
      );
      return [];
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.problems;
    }
  };
  const CREDENTIALS = { backupCredentials: CANARIES.backupCredentials };

  it("is accepted for each kind of target", () => {
    for (const address of ["rest:https://b.example:8000/s/", "s3:https://s3.example/bucket/x"])
      assert.deepEqual(problems({ repository: { address } }, CREDENTIALS), []);
    assert.deepEqual(problems({ repository: { address: "/mnt/share" } }), []);
    const sftp = { address: "sftp://me@b.example:2222//srv/x", hostKey: KEY };
    assert.deepEqual(
      problems({ repository: sftp, keep: "all", schedule: "23:59" }, CREDENTIALS),
      [],
    );
  });

  it("names all problems at once", () => {
    const found = problems(
      {
        repository: { address: "ftp://b.example/x" },
        schedule: "24:00",
        keep: { daily: 1, hourly: 1 },
      },
      { images: { ...IMAGES, backup: "restic/restic:0.16.4" } },
    );
    assert.equal(found.length, 5, found.join("\n"));
    assert.match(found.join("\n"), /services\.backup\.repository\.address: expected sftp:/);
    assert.match(found.join("\n"), /services\.backup\.schedule: expected a quoted time of the day/);
    assert.match(found.join("\n"), /services\.backup\.keep\.hourly: unknown key/);
    assert.match(found.join("\n"), /images\.backup: expected restic 0\.17 or newer/);
  });

  it("refuses to keep nothing", () => {
    const keep = problems({ repository: { address: "/mnt/share" }, keep: {} });
    assert.match(keep.join("\n"), /^services\.backup\.keep: expected .*daily/);
  });

  it("wants credentials for a target elsewhere, a host key for SFTP alone, and no password in an address", () => {
    const rest = { repository: { address: "rest:https://b.example/s" } };
    assert.match(
      problems(rest).join("\n"),
      /^backupCredentials: missing, the repository of services\.backup needs it/,
    );
    const sftp = problems({ repository: { address: "sftp://me@b.example/x" } }, CREDENTIALS);
    assert.match(sftp.join("\n"), /^services\.backup\.repository\.hostKey: missing/);
    const key = problems({ repository: { address: "/mnt/share", hostKey: KEY } });
    assert.match(key.join("\n"), /hostKey: only an sftp server has a host key; remove it/);
    for (const address of [
      "rest:https://me:hunter2@b.example/s",
      "sftp://me:hunter2@b.example/s",
    ]) {
      const found = problems({ repository: { address } }, CREDENTIALS).join("\n");
      assert.match(found, /address: contains a password; remove it/);
      assert.doesNotMatch(found, /hunter2/);
    }
    assert.match(
      problems({ repository: { address: "/mnt/../etc" } }).join("\n"),
      /repository\.address: expected sftp:/,
    );
  });
});
