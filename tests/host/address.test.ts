import assert from "node:assert/strict";

import { hostAccess, HostAddress, hostProblems } from "../../host/address";
import { assertLines } from "../support/lines";
import { HOST_KEY } from "../support/raw-config";

const problemsOf = (address: string, hostKey?: string): string[] =>
  hostProblems({ address, ...(hostKey !== undefined && { hostKey }) }).map(
    ({ path, problem }) => `${path}: ${problem}`,
  );

const words = (text: string): string[] => text.trim().split(/\s+/);

const EXPECTED = "address: expected ssh://user@host[:port] or unix:///path/to/docker.sock, got";
// In full, because it must not repeat the password.
const PASSWORD = "address: contains a password; remove it and use an SSH key";
const KEY = 'hostKey: expected "ssh-ed25519 AAAA…" … one line … comment …';

describe("an address over SSH", () => {
  const good = words(`
    ssh://deploy@203.0.113.7 ssh://deploy@203.0.113.7:22 ssh://deploy@203.0.113.7:2222/
    ssh://deploy@example.com:65535 ssh://deploy@EXAMPLE.com ssh://_svc.deploy-1@host
    ssh://root@[2001:db8::7] ssh://root@[2001:db8::7]:2222
    ssh://deploy@host/run/user/1000/docker.sock ssh://deploy@host:22/run/docker.sock`);
  for (const address of good)
    it(`may be ${address}`, () => {
      assert.deepEqual(problemsOf(address, HOST_KEY), []);
    });

  const unexpected = words(`
    ssh:// ssh://host ssh://@host ssh://deploy@ deploy@host SSH://deploy@host
    ssh://deploy@host: ssh://deploy@host:ssh ssh://deploy@host:123456
    ssh://deploy@host?key=1 ssh://deploy@host#top ssh://a%20b@host
    ssh://root@2001:db8::7 ssh://root@[2001:db8::7 ssh://root@[host] ssh://root@[:::::]
    ssh://root@host..test ssh://root@999.1.1.1
    ssh://-oProxyCommand=id@host ssh://deploy@-oProxyCommand=id ssh://deploy@host;id
    tcp://10.0.0.1:2375 https://host npipe:////./pipe/docker`);
  const spaced = [
    "",
    " ssh://deploy@host",
    "ssh://deploy@host ",
    "ssh://deploy@host\n",
    "ssh://a b@h",
  ];
  const passwords = words(`
    ssh://deploy:canary@host ssh://deploy:can/ary@host ssh://deploy:can@ary@host
    ssh://deploy:canary@host:0 deploy:canary@host tcp://deploy:canary@host:2375 ssh://:canary@host`);
  const bad: readonly (readonly [string, string])[] = [
    ...[...unexpected, ...spaced].map(
      (address) => [address, `${EXPECTED} ${JSON.stringify(address)}`] as const,
    ),
    ...[0, 65536].map(
      (port) =>
        [`ssh://deploy@host:${port}`, `address: port ${port} is not between 1 and 65535`] as const,
    ),
    ...["/run/my docker.sock", "/run/$(id).sock", "/run/d'.sock"].map(
      (path) => [`ssh://deploy@host${path}`, `address: … path … socket … got "${path}"`] as const,
    ),
    // Whatever else is wrong with them, a password is not repeated.
    ...[...passwords, " ssh://deploy:canary@host"].map((address) => [address, PASSWORD] as const),
  ];
  for (const [address, problem] of bad)
    it(`may not be ${JSON.stringify(address)}`, () => {
      assertLines(problemsOf(address, HOST_KEY), [problem]);
    });

  it("is repeated with 120 characters at most", () => {
    const quoted = (n: number) => problemsOf("x".repeat(n), HOST_KEY)[0]?.split("got ")[1];
    assert.equal(quoted(120), JSON.stringify("x".repeat(120)));
    assert.equal(quoted(121), JSON.stringify(`${"x".repeat(117)}...`));
  });
});

describe("the host key of an SSH server", () => {
  const ecdsa = `ecdsa-sha2-nistp256 ${wire("ecdsa-sha2-nistp256", "nistp256", "x".repeat(65))}`;
  const good = [
    HOST_KEY,
    `  ${HOST_KEY}\n`,
    ecdsa,
    `ssh-rsa ${wire("ssh-rsa", "abc", "x".repeat(257))}`,
  ];
  for (const key of good)
    it(`may be ${JSON.stringify(key.slice(0, 60))}`, () => {
      assert.deepEqual(problemsOf("ssh://deploy@host", key), []);
    });

  const damaged = (type: string): string => `hostKey: … complete ${type} key; copy …`;
  const body = HOST_KEY.split(" ")[1] ?? "";
  const bad: readonly (readonly [problem: string, ...keys: string[]])[] = [
    [KEY, "", body, "ssh-ed25519 AAAA", "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"],
    [KEY, `203.0.113.7 ${HOST_KEY}`, `${HOST_KEY} deploy@host`, `${HOST_KEY}; id`],
    [KEY, `ssh-ed25519  ${body}`, `ssh-ed25519 ${body}\nssh-ed25519 ${body}`, `ssh-dss ${body}`],
    [damaged("ssh-rsa"), `ssh-rsa ${body}`],
    // Cut off in a copy, at its end and after its first field.
    [
      damaged("ssh-ed25519"),
      `ssh-ed25519 ${body.slice(0, -4)}`,
      `ssh-ed25519 ${body.slice(0, 44)}`,
    ],
    [damaged("ssh-ed25519"), `ssh-ed25519 ${"A".repeat(68)}`, `ssh-ed25519 ${"/".repeat(68)}`],
    [
      damaged("sk-ssh-ed25519@openssh.com"),
      `sk-ssh-ed25519@openssh.com ${wire("sk-ssh-ed25519@openssh.com")}`,
    ],
  ];
  for (const [problem, ...keys] of bad)
    for (const key of keys)
      it(`may not be ${JSON.stringify(key.slice(0, 100))}`, () => {
        assertLines(problemsOf("ssh://deploy@host", key), [problem]);
      });

  it("has to be there, and the problem says how to get it", () => {
    const line = (command: string): string => `hostKey: missing … "${command}" … fingerprint …`;
    assertLines(problemsOf("ssh://deploy@203.0.113.7"), [
      line("ssh-keyscan -t ed25519 -p 22 203.0.113.7"),
    ]);
    assertLines(problemsOf("ssh://deploy@[2001:db8::7]:2222"), [
      line("ssh-keyscan -t ed25519 -p 2222 2001:db8::7"),
    ]);
    assertLines(problemsOf("ssh://deploy:canary@host"), [
      PASSWORD,
      line("ssh-keyscan -t ed25519 -p 22 HOST"),
    ]);
  });
});

describe("a local socket", () => {
  for (const address of ["unix:///var/run/docker.sock", "unix:///run/user/1000/docker.sock"])
    it(`may be ${address}`, () => {
      assert.deepEqual(problemsOf(address), []);
    });

  for (const address of [
    "unix://",
    "unix:///",
    "unix://var/run/docker.sock",
    "unix:///var/run/$(id).sock",
    "unix:///var/run/it's.sock",
    "unix:///var/run/docker.sock\n",
    `unix:///${"a".repeat(101)}`,
  ])
    it(`may not be ${JSON.stringify(address)}`, () => {
      assert.deepEqual(problemsOf(address), [
        `address: expected unix:///path/to/docker.sock, got ${JSON.stringify(address)}`,
      ]);
    });

  it("has no host key", () => {
    assert.deepEqual(problemsOf("unix:///var/run/docker.sock", HOST_KEY), [
      "hostKey: a local socket has no host key; remove it",
    ]);
  });
});

describe("the access to a host", () => {
  const SSH_OPTIONS = [
    ...["BatchMode=yes", "StrictHostKeyChecking=yes"],
    ...["UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null"],
    `KnownHostsCommand=/bin/echo %H ${HOST_KEY}`,
    ...["ConnectTimeout=15", "ServerAliveInterval=15", "ServerAliveCountMax=4"],
    // The hash of the key, so that a connection is used again only under the same key.
    ...["ControlMaster=auto", "ControlPath=~/.ssh/pinned-22952f3e-%C", "ControlPersist=60"],
  ].flatMap((option) => ["-o", option]);

  it("over SSH checks the one key, asks nothing and shares a connection", () => {
    assert.deepEqual(
      hostAccess({ address: "ssh://deploy@203.0.113.7", hostKey: `${HOST_KEY}\n` }),
      {
        label: "deploy@203.0.113.7",
        providerHost: "ssh://deploy@203.0.113.7",
        sshOptions: SSH_OPTIONS,
        interpreter: ["ssh", ...SSH_OPTIONS, "-p", "22", "deploy@203.0.113.7", "--"],
        socketPath: "/var/run/docker.sock",
        dockerHost: "unix:///var/run/docker.sock",
        remote: true,
      },
    );
  });

  it("over SSH names another port and another socket wherever they matter", () => {
    const address = "ssh://deploy@[2001:db8::7]:2222/run/user/1000/docker.sock";
    assert.deepEqual(hostAccess({ address, hostKey: HOST_KEY }), {
      label: "deploy@[2001:db8::7]:2222",
      providerHost: address,
      sshOptions: SSH_OPTIONS,
      interpreter: ["ssh", ...SSH_OPTIONS, "-p", "2222", "deploy@2001:db8::7", "--"],
      socketPath: "/run/user/1000/docker.sock",
      dockerHost: "unix:///run/user/1000/docker.sock",
      remote: true,
    });
  });

  it("to this machine is a shell and the socket", () => {
    assert.deepEqual(hostAccess({ address: "unix:///run/user/1000/docker.sock" }), {
      label: "this machine",
      providerHost: "unix:///run/user/1000/docker.sock",
      sshOptions: [],
      interpreter: ["/bin/sh", "-c"],
      socketPath: "/run/user/1000/docker.sock",
      dockerHost: "unix:///run/user/1000/docker.sock",
      remote: false,
    });
  });

  const unchecked: readonly HostAddress[] = [
    { address: "ssh://deploy@host" },
    { address: "tcp://host:2375", hostKey: HOST_KEY },
  ];
  for (const host of unchecked)
    it(`is not given to an address that was not checked, ${host.address}`, () => {
      assert.throws(() => hostAccess(host), {
        message: `host ${JSON.stringify(host.address)} was not checked before use`,
      });
    });
});

/** A public key as it stands in known_hosts: each field with its length in front, in base64. */
function wire(...fields: readonly string[]): string {
  return Buffer.concat(
    fields.map((field) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(field.length);
      return Buffer.concat([length, Buffer.from(field, "latin1")]);
    }),
  ).toString("base64");
}
