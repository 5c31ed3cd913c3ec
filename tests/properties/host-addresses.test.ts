import assert from "node:assert/strict";

import fc from "fast-check";

import { hostAccess, hostProblems } from "../../host/address";
import { assertOneLine, assertQuick, holds, LONG_INPUTS } from "./check";
import { HOST_KEY } from "../support/raw-config";

const often = (good: fc.Arbitrary<string>, any: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 2, arbitrary: good }, { weight: 1, arbitrary: any });
const anyUser = fc.constantFrom(
  "deploy",
  "root",
  "-oProxyCommand=x",
  "a b",
  "$(id)",
  "x:y",
  "",
  "_a.b-c",
);
const anyHost = fc.constantFrom(
  "203.0.113.7",
  "server.example",
  "[2001:db8::1]",
  "[::1%eth0]",
  "-oProxyCommand=x",
  "a;id",
  "a b",
  "a\nb",
  "`id`",
  "%h",
  "",
  "a@b",
);
const anyPort = fc.constantFrom(
  "",
  ":22",
  ":2222",
  ":0",
  ":65535",
  ":65536",
  ":-1",
  ":0x16",
  ":2 2",
  ":",
);
const anySocket = fc.constantFrom(
  "",
  "/",
  "/run/user/1000/docker.sock",
  "/a'b",
  "/a b",
  "/$(id)",
  "/../x",
  "/\n",
  "?x=1",
);
const user = often(fc.constantFrom("deploy", "_a.b-c"), anyUser);
const host = often(fc.constantFrom("203.0.113.7", "server.example", "[2001:db8::1]"), anyHost);
const port = often(fc.constantFrom("", ":22", ":65535"), anyPort);
const socket = often(fc.constantFrom("", "/", "/run/docker.sock"), anySocket);
const address = fc.oneof(
  fc.tuple(user, host, port, socket).map(([a, b, c, d]) => `ssh://${a}@${b}${c}${d}`),
  socket.map((path) => `unix://${path}`),
  fc
    .tuple(
      fc.constantFrom("ssh://", "unix://", "SSH://", "tcp://", "npipe://", " ssh://", ""),
      fc.string({ unit: "binary-ascii", maxLength: 20 }),
    )
    .map((parts) => parts.join("")),
);
const hostKey = fc.oneof(
  { weight: 3, arbitrary: fc.constant(HOST_KEY) },
  fc.constantFrom(
    undefined,
    "",
    ` ${HOST_KEY}\n`,
    `${HOST_KEY} a comment`,
    `* ${HOST_KEY}`,
    `${HOST_KEY}\nother.example ${HOST_KEY}`,
    HOST_KEY.slice(0, -3),
    HOST_KEY.replace("ssh-ed25519", "ssh-rsa"),
    "ssh-ed25519 $(id)",
  ),
  fc.string({ maxLength: 20 }),
);
const given = fc.record({ address, hostKey }).map((value) => ({
  address: value.address,
  ...(value.hostKey !== undefined && { hostKey: value.hostKey }),
}));

describe("every host address", () => {
  it("can be used, or is refused with printable lines that hold no password", () => {
    holds(
      fc.property(given, (value) => {
        const problems = hostProblems(value);
        for (const { problem } of problems) assertOneLine(problem, 400);
        if (problems.length === 0) hostAccess(value);
      }),
      2000,
    );
    holds(
      fc.property(user, host, port, (name, server, at) => {
        const secret = "canary-ssh-password";
        for (const { problem } of hostProblems({
          address: `ssh://${name}:${secret}@${server}${at}`,
        }))
          assert.ok(!problem.includes(secret), problem);
      }),
    );
  });

  it("that can be used is words that ssh, a shell and Docker take for nothing else", () => {
    let used = 0;
    holds(
      fc.property(given, (value) => {
        if (hostProblems(value).length > 0) return;
        used++;
        const access = hostAccess(value);
        assert.match(access.socketPath, /^\/[\w./-]+$/);
        assert.equal(access.dockerHost, `unix://${access.socketPath}`);
        assertOneLine(access.label, 320);
        if (!access.remote) {
          assert.deepEqual(access.interpreter, ["/bin/sh", "-c"]);
          return;
        }
        const { interpreter, sshOptions } = access;
        const rest = interpreter.slice(1 + sshOptions.length);
        assert.deepEqual(interpreter.slice(0, 1 + sshOptions.length), ["ssh", ...sshOptions]);
        assert.equal(rest.length, 4);
        const [flag, number = "", login = "", end] = rest;
        assert.deepEqual([flag, end], ["-p", "--"]);
        assert.ok(/^\d{1,5}$/.test(number) && Number(number) >= 1 && Number(number) <= 65535);
        assert.match(login, /^[A-Za-z_][\w.-]*@[A-Za-z0-9:.-]+$/);
        for (const option of sshOptions) assertOneLine(option, 1000);
        const trusted = sshOptions.filter((option) => option.startsWith("KnownHostsCommand="));
        assert.deepEqual(trusted, [`KnownHostsCommand=/bin/echo %H ${HOST_KEY}`]);
        assert.ok(sshOptions.includes("StrictHostKeyChecking=yes"));
      }),
      2000,
    );
    assert.ok(used > 50, `${used} used`);
  });

  it("is read in time that grows with its length", () => {
    for (const text of LONG_INPUTS)
      for (const whole of [
        text,
        `ssh://${text}`,
        `ssh://a@${text}`,
        `ssh://a@b/${text}`,
        `unix:///${text}`,
      ])
        assertQuick(JSON.stringify(whole.slice(0, 12)), () => {
          const problems = hostProblems({ address: whole, hostKey: `ssh-ed25519 ${text}` });
          for (const { problem } of problems)
            assert.ok(problem.length < 1000, problem.slice(0, 80));
        });
  });
});
