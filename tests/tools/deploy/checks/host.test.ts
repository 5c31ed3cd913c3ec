import assert from "node:assert/strict";

import {
  hostChecks,
  hostCheckScript,
  listening,
  portsOf,
  publishedOn,
} from "../../../../tools/deploy/checks/host";
import { connectionProblem, ShellResult } from "../../../../host/shell";
import { fakeHost } from "../fake-docker";

const QUESTIONS = {
  stack: "s",
  platform: "linux/amd64",
  needs: [],
  networks: ["s-edge", "s-traefik-homepage"],
  networkPool: "10.201.0.0/24",
  ports: [{ address: "127.0.0.1", port: 8080 }],
};
const NOW = 1_800_000_000_000;
const HEALTHY = `engine=29.0.1
api=1.52
oldestApi=1.44
architecture=amd64
freeMiB=5000
clock=1800000003
fits=yes
pools=null
network=bridge|172.17.0.0/16
network=host|
`;

const UNFIT = HEALTHY.replace("fits=yes\n", "");

const linesOf = (stdout: string): string[] => linesFrom({ code: 0, stdout, stderr: "" });
const linesFrom = (answer: ShellResult, asked = { from: NOW, to: NOW + 1000 }): string[] =>
  hostChecks(QUESTIONS, "deploy@host", answer, asked).map(
    ({ name, status, text, fix }) =>
      `${status}: ${name}: ${text}${fix === undefined ? "" : `; ${fix}`}`,
  );

describe("the doctor's look at a host", () => {
  it("says of a good host what it found", () => {
    assert.deepEqual(linesOf(HEALTHY), [
      "ok: host: deploy@host answers",
      "ok: docker: Engine 29.0.1, API 1.52, linux/amd64, meets the requirements",
      "ok: disk: 5000 MiB free, enough for the images that are still to be pulled",
      "ok: clock: in sync with this machine",
      "ok: networks: 10.201.0.0/24 has room for 2 more networks, and Docker for the trial's",
      "ok: port 8080: free",
    ]);
  });

  const bad: readonly (readonly [string, string, RegExp])[] = [
    [
      "a clock that is behind",
      HEALTHY.replace("1800000003", "1799999900"),
      /^problem: clock: 100 seconds behind .*timedatectl set-ntp true$/,
    ],
    [
      "a port that another stack publishes",
      `${HEALTHY}container=8080|other-traefik|other|127.0.0.1:8080->80/tcp\n`,
      /^problem: port 8080: .*container other-traefik of stack other; .*pinned-stack:publish$/,
    ],
    [
      "a port that a program holds on all addresses",
      `${HEALTHY}listen=00000000:1F90\n`,
      /^problem: port 8080: .*listens on 127\.0\.0\.1:8080; .*"sudo ss -ltnp sport = :8080".*pinned-stack:publish$/,
    ],
    [
      "what the preflight complains about",
      `${UNFIT}preflight=WARNING: Error loading config file: permission denied\npreflight=docker: 10 MiB free in /var/lib/docker, expected 512 MiB; free some\n`,
      /^problem: docker: 10 MiB free in \/var\/lib\/docker, expected 512 MiB; free some$/,
    ],
    [
      "a user without Docker",
      "preflight=docker: the engine does not answer: permission denied\n",
      /^problem: docker: the engine does not answer: permission denied; .*sudo usermod -aG docker USER/,
    ],
    [
      "too few addresses for the stack's networks",
      `${HEALTHY}network=other|10.201.0.0/25 \nnetwork=more|10.201.0.128/26 \nnetwork=rest|10.201.0.208/28 10.201.0.224/27 \n`,
      /^problem: networks: networkPool: 10\.201\.0\.0\/24 has room for 1 more network, but this stack needs 2; set pinned-stack:networkPool to a larger range/,
    ],
    [
      "a route of the host to the same addresses",
      `${HEALTHY}route=0000C90A 010200C0 0000FFFF\n`,
      /^problem: networks: networkPool: 10\.201\.0\.0\/24 overlaps 10\.201\.0\.0\/16, to which this host has a route; set pinned-stack:networkPool to a private range/,
    ],
    [
      "networks that are there already",
      `${HEALTHY}network=s-edge|192.168.0.0/16\nnetwork=s-traefik-homepage|172.20.0.0/14\n`,
      /^ok: networks: all 2 networks of this stack exist, and there is room for the trial's$/,
    ],
    [
      "no network for a trial",
      `${HEALTHY}network=s-edge|192.168.0.0/16\nnetwork=s-traefik-homepage|172.16.0.0/12\n`,
      /^unknown: networks: Docker's address pools have no room for the network of a trial; .*docker network prune.*"default-address-pools": .*daemon\.json/,
    ],
    [
      "networks that nobody could list",
      HEALTHY.replace(/network=.*\n/g, ""),
      /^unknown: networks: cannot read Docker's networks$/,
    ],
    [
      "a folder that cannot be measured",
      HEALTHY.replace("freeMiB=5000", "freeMiB="),
      /^unknown: disk: .*cannot read the free space/,
    ],
  ];
  for (const [what, stdout, line] of bad)
    it(`tells ${what}`, () => {
      assert.ok(
        linesOf(stdout).some((found) => line.test(found)),
        linesOf(stdout).join("\n"),
      );
    });

  it("minds what the docker client says besides only where it is all there is", () => {
    const warning = "preflight=WARNING: Error loading config file: permission denied\n";
    assert.deepEqual(linesOf(HEALTHY + warning), linesOf(HEALTHY));
    assert.ok(
      linesOf(UNFIT + warning).includes(
        "problem: docker: WARNING: Error loading config file: permission denied",
      ),
    );
  });

  it("says a line about everything when the engine gives no answer", () => {
    const wedged = { code: 1, stdout: "", stderr: "timed out after 60 seconds\n" };
    assert.deepEqual(linesFrom(wedged), [
      "ok: host: deploy@host answers",
      "problem: docker: timed out after 60 seconds; run on the host: systemctl status docker",
      "unknown: disk: not checked, because Docker does not answer",
      "unknown: clock: not checked, because Docker does not answer",
      "unknown: networks: not checked, because Docker does not answer",
      "unknown: port 8080: not checked, because Docker does not answer",
    ]);
  });

  it("does not take the time that the script needs for a difference of clocks", () => {
    const slow = { from: NOW, to: NOW + 55_000 };
    const told = (clock: number): string[] =>
      linesFrom(
        { code: 0, stdout: HEALTHY.replace("1800000003", String(clock)), stderr: "" },
        slow,
      ).filter((line) => line.includes("clock"));
    assert.deepEqual(told(1_800_000_000), ["ok: clock: in sync with this machine"]);
    assert.deepEqual(told(1_800_000_055), ["ok: clock: in sync with this machine"]);
    assert.match(told(1_799_999_960)[0] ?? "", /40 seconds behind/);
    assert.match(told(1_800_000_155)[0] ?? "", /100 seconds ahead/);
  });

  it("lets another stack publish the same port on another address", () => {
    const elsewhere = `${HEALTHY}container=8080|other-traefik|other|192.0.2.7:8080->80/tcp\n`;
    assert.ok(linesOf(elsewhere).includes("ok: port 8080: free"));
    const everywhere = `${HEALTHY}container=8080|other-traefik|other|0.0.0.0:8080->80/tcp\n`;
    assert.ok(linesOf(everywhere).some((line) => line.startsWith("problem: port 8080")));
  });

  for (const [cell, addresses] of [
    ["127.0.0.1:8080->80/tcp", ["127.0.0.1"]],
    ["0.0.0.0:8080->80/tcp, :::8080->80/tcp", ["0.0.0.0", "::"]],
    ["0.0.0.0:8080->80/tcp, [::]:8080->80/tcp", ["0.0.0.0", "::"]],
    ["443/tcp, 192.0.2.7:8079-8081->79-81/tcp", ["192.0.2.7"]],
    ["127.0.0.1:18080->8080/tcp, 127.0.0.1:8080->53/udp", []],
    ["", []],
  ] as const)
    it(`reads where port 8080 is published: ${cell === "" ? "nowhere" : cell}`, () => {
      assert.deepEqual(publishedOn(cell, 8080), addresses);
    });

  const ENGINE = `case "$1" in
version) [ -z "$BROKEN" ] || { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }; echo 29.0.1 1.52 1.44 amd64;;
info) case $* in *RootDir*) echo /;; *MemoryLimit*) ;; *) echo overlay2;; esac;;
network) case $2 in ls) echo n;; *) echo 'network=bridge|172.17.0.0/16 ';; esac;;
ps) echo '8080|x' >/dev/null;;
esac`;
  for (const [what, broken, line] of [
    ["a good host", "", "ok: docker: Engine 29.0.1, API 1.52, linux/amd64, meets the requirements"],
    [
      "a host without Docker",
      "BROKEN=1",
      "problem: docker: the engine does not answer: Cannot connect to the Docker daemon; run on the host: systemctl status docker",
    ],
  ] as const)
    it(`asks ${what} itself`, async () => {
      const host = fakeHost(ENGINE);
      const script = `export BROKEN; ${broken === "" ? "BROKEN=" : broken}\n${hostCheckScript(QUESTIONS)}`;
      const from = Date.now();
      const answer = await host.shell(script);
      const lines = linesFrom(answer, { from, to: Date.now() });
      host.remove();
      assert.ok(lines.includes(line), lines.join("\n"));
      // The routes are those of this machine, where the pool may be in use.
      const networks =
        broken === "" ? /^(?:ok: networks|problem: networks: networkPool): / : /^unknown: networks: /;
      assert.ok(
        lines.some((one) => networks.test(one)),
        lines.join("\n"),
      );
    });

  it("knows its own published port, and a listener on another address", () => {
    assert.ok(
      linesOf(
        `${HEALTHY}container=8080|s-traefik|s|127.0.0.1:8080->80/tcp\nlisten=0100007F:1F90\n`,
      ).includes("ok: port 8080: published by this stack"),
    );
    assert.ok(linesOf(`${HEALTHY}listen=0200007F:1F90\n`).includes("ok: port 8080: free"));
  });

  for (const [row, expected] of [
    ["0100007F:1F90", { address: "127.0.0.1", port: 8080 }],
    ["00000000:0050", { address: "0.0.0.0", port: 80 }],
    ["00000000000000000000000000000000:01BB", { address: "::", port: 443 }],
    ["0000000000000000FFFF00000100007F:0050", { address: "127.0.0.1", port: 80 }],
    ["nonsense", undefined],
  ] as const)
    it(`reads ${row} of /proc/net/tcp`, () => {
      assert.deepEqual(listening(row), expected);
    });

  it("asks for the https port only where there is one", () => {
    const publish = { address: "0.0.0.0", http: 80, https: 443 };
    assert.deepEqual(portsOf({ publish, tls: { mode: "none" } }), [
      { address: "0.0.0.0", port: 80 },
    ]);
    assert.equal(portsOf({ publish, tls: { mode: "selfSigned" } }).length, 2);
    assert.match(hostCheckScript(QUESTIONS), /--filter publish=8080/);
  });
});

describe("a connection that fails", () => {
  for (const [stderr, expected] of [
    [
      "No ED25519 host key is known for [h]:22 and you have requested strict checking.\nHost key verification failed.\n",
      "ssh deploy@h: Host key verification failed.; the server's key differs from pinned-stack:host.hostKey; verify the new key on the server before you change the setting",
    ],
    [
      "deploy@h: Permission denied (publickey).\n",
      "ssh deploy@h: deploy@h: Permission denied (publickey).; load the right key into your agent (ssh-add), or add your key to ~/.ssh/authorized_keys of that user",
    ],
    [
      "ssh: connect to host h port 22: Connection refused\n",
      "ssh deploy@h: ssh: connect to host h port 22: Connection refused; check the server, the port in pinned-stack:host.address, and firewalls",
    ],
    ["", 'ssh deploy@h: the connection was closed; test the connection with "ssh deploy@h"'],
  ] as const)
    it(`says what to do: ${expected.slice(0, 60)}`, () => {
      assert.equal(connectionProblem("deploy@h", stderr), expected);
    });
});
