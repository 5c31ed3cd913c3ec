import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { dumpFolder, dumpScript } from "../../deploy/dump";
import { HostShell, hostShell } from "../../deploy/host-shell";
import { acquireLock, breakLock, Holder, lockedText } from "../../deploy/lock";
import { pullProblems, pullScript } from "../../deploy/pull";
import { rehearsalArguments, rehearsalScript } from "../../deploy/rehearsal";
import type { DeclaredContainer } from "../../deploy/declared";
import { hostAccess } from "../../host/address";

/** The shell's own opinion: it reads the script and runs nothing. */
const parses = (script: string): void => {
  execFileSync("sh", ["-n"], { input: script });
};
const PIN = `app:1@sha256:${"a".repeat(64)}`;

describe("scripts for the host", () => {
  it("pull with the passwords of just the registries that are needed, and not in an argument", () => {
    const script = pullScript({
      images: { app: `ghcr.io/x/${PIN}` },
      platform: "linux/amd64",
      registries: {
        "ghcr.io": { username: "u", password: "p'w" },
        "quay.io": { username: "v", password: "q" },
      },
    });
    parses(script);
    assert.match(script, new RegExp(Buffer.from("u:p'w").toString("base64")));
    assert.doesNotMatch(script, new RegExp(Buffer.from("v:q").toString("base64")));
    assert.doesNotMatch(
      pullScript({ images: { app: PIN }, platform: "linux/amd64", registries: {} }),
      /DOCKER_CONFIG/,
    );
  });

  it("tell which image could not be had, and why", () => {
    const said =
      "present=a\nfailed=b: manifest unknown \nfailed=c: write /x: no space left on device \n";
    assert.deepEqual(pullProblems(said), [
      "b: manifest unknown",
      "c: write /x: no space left on device; free some space on the host: docker image prune --all",
    ]);
  });

  it("dump into a folder for nobody else, named after the moment", () => {
    const script = dumpScript({
      stack: "s",
      major: 16,
      user: "70:70",
      keep: 3,
      now: new Date("2026-01-02T03:04:05.678Z"),
    });
    parses(script);
    assert.match(script, /^umask 077$/m);
    assert.match(script, /mv "\$work" 's-postgres-16-20260102T030405Z'/);
    assert.match(script, /tail -n \+4/);
    assert.equal(dumpFolder("dump=/a b/c\npruned=/d\n"), "/a b/c");
    parses(
      dumpScript({
        stack: "s",
        major: 16,
        user: "70:70",
        directory: "/srv/dumps",
        keep: 1,
        now: new Date(),
      }),
    );
  });

  const container = {
    name: "traefik",
    image: PIN,
    user: "65532:65532",
    capAdd: ["CAP_CHOWN"],
    capDrop: ["ALL"],
    securityOptions: ["no-new-privileges:true"],
    readOnly: true,
    memoryMiB: 256,
    cpus: 1,
    pidsLimit: 200,
    tmpfs: { "/tmp": "rw,size=16m" },
    mounts: [
      { source: "s-traefik-config", path: "/etc/traefik", writable: false },
      { source: "s-traefik-acme", path: "/acme", writable: true },
    ],
    inputs: {
      envs: ["A=b c"],
      ulimits: [{ name: "nofile", soft: 4096, hard: 4096 }],
      healthcheck: { tests: ["CMD", "traefik", "healthcheck"] },
      command: ["--x"],
    },
  } as unknown as DeclaredContainer;
  const rehearsal = {
    stack: "s",
    container,
    volumes: [
      { volume: "s-rehearsal-0", path: "/etc/traefik", files: { "dynamic/routes.yml": "it's" } },
    ],
    routes: [{ host: "a.test", path: "/" }],
    scheme: "http",
    seconds: 9,
  } as const;

  it("rehearse under every restriction, without network and ports, on empty data", () => {
    assert.equal(
      rehearsalArguments(rehearsal).join(" "),
      [
        "run --detach --name s-rehearsal --label pinned-stack.rehearsal=s --network none --restart no",
        "--user 65532:65532 --cap-drop ALL --cap-add CAP_CHOWN --security-opt no-new-privileges:true --read-only --ipc private",
        "--memory 256m --memory-swap 256m --cpus 1 --pids-limit 200 --ulimit nofile=4096:4096",
        "--tmpfs /tmp:rw,size=16m --tmpfs /acme:rw,noexec,nosuid,nodev,size=16m,uid=65532,gid=65532",
        "--volume s-rehearsal-0:/etc/traefik:ro --env A=b c",
        "--health-cmd 'traefik' 'healthcheck' --health-interval 1s --health-timeout 5s --health-retries 60",
        `${PIN} --x`,
      ].join(" "),
    );
    const script = rehearsalScript(rehearsal);
    parses(script);
    assert.match(script, /^trap clean EXIT$/m);
    assert.doesNotMatch(script, /it's/);
  });
});

describe("the lock of a stack", () => {
  let home: string;
  let shell: HostShell;
  before(() => {
    home = mkdtempSync(join(tmpdir(), "lock-"));
    const local = hostShell(hostAccess({ address: "unix:///var/run/docker.sock" }));
    shell = (script, options) => local(`export HOME='${home}'\n${script}`, options);
  });
  after(() => {
    rmSync(home, { recursive: true });
  });
  const holder = (change: Partial<Holder> = {}): Holder => ({
    user: "u",
    machine: "m",
    pid: process.pid,
    since: "2026-01-02T03:04:05.000Z",
    ...change,
  });
  const quiet = (): void => undefined;

  it("is one holder's, who is named to the next one, and free after its release", async () => {
    const lock = await acquireLock(shell, "s", quiet, holder());
    await assert.rejects(acquireLock(shell, "s", quiet, holder({ user: "v" })), {
      message: lockedText("s", JSON.stringify(holder())),
      exitCode: 1,
    });
    const other = await acquireLock(shell, "other", quiet, holder());
    await other.release();
    await lock.release();
    await (await acquireLock(shell, "s", quiet, holder({ user: "v" }))).release();
  });

  it("says who and since when, and the way out", () => {
    assert.equal(
      lockedText("s", JSON.stringify(holder({ pid: 7 }))),
      "stack s is being deployed by u@m (process 7) since 2026-01-02T03:04:05.000Z; wait for its end, or, when you know that it has ended: npm run deploy -- --stack s --unlock",
    );
  });

  it("is taken over from a process that is gone on this machine, and from no other", async () => {
    const gone = 2 ** 22 - 3;
    const said: string[] = [];
    await acquireLock(shell, "s", quiet, holder({ pid: gone }));
    await assert.rejects(acquireLock(shell, "s", quiet, holder({ machine: "elsewhere" })));
    const lock = await acquireLock(shell, "s", (line) => said.push(line), holder());
    assert.deepEqual(said, [
      `taking over from u@m (process ${gone}) since 2026-01-02T03:04:05.000Z, which has ended without removing its lock`,
    ]);
    await lock.release();
  });

  it("can be broken, and a holder does not release another's", async () => {
    const lock = await acquireLock(shell, "s", quiet, holder());
    assert.equal(
      await breakLock(shell, "s"),
      `u@m (process ${process.pid}) since 2026-01-02T03:04:05.000Z`,
    );
    const next = await acquireLock(shell, "s", quiet, holder({ user: "v" }));
    await lock.release();
    await assert.rejects(acquireLock(shell, "s", quiet, holder({ user: "w" })), /by v@m/);
    await next.release();
    assert.equal(await breakLock(shell, "s"), undefined);
  });
});
