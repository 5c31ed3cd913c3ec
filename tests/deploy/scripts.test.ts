import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

import { dumpFolder, dumpScript } from "../../deploy/dump";
import { rehearsalArguments, rehearsalScript } from "../../deploy/rehearsal";
import type { DeclaredContainer } from "../../deploy/declared";

/** The shell's own opinion: it reads the script and runs nothing. */
const parses = (script: string): void => {
  execFileSync("sh", ["-n"], { input: script });
};
const PIN = `app:1@sha256:${"a".repeat(64)}`;

describe("scripts for the host", () => {
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
