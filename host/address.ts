/**
 * Where the stack runs: this machine's Docker socket or a host over SSH. Pure: one address gives the provider's `host`
 * and `sshOpts`, and the argument vector with which a shell on that host is reached, so that all of them agree.
 */

import { createHash } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";

import { redactCredentials } from "../text/redact";

export interface HostAddress {
  /** `unix:///var/run/docker.sock` or `ssh://user@host:22`, optionally with the path of a socket that is not the default one. */
  readonly address: string;
  /** Public key of the SSH server, `ssh-ed25519 AAAA…`, as in a known_hosts line without the host. Only for ssh://. */
  readonly hostKey?: string;
}

export interface HostAccess {
  /** Text for people: `this machine` or `deploy@203.0.113.7`. */
  readonly label: string;
  /** `docker.Provider.host`. */
  readonly providerHost: string;
  /** `docker.Provider.sshOpts`; empty for a local socket. */
  readonly sshOptions: readonly string[];
  /** What to run in front of a shell command so that it runs on the host. */
  readonly interpreter: readonly string[];
  /** Docker's socket on the host. */
  readonly socketPath: string;
  /** DOCKER_HOST for the docker client on the host, whatever its own context says. */
  readonly dockerHost: string;
  readonly remote: boolean;
}

export const DEFAULT_SOCKET = "/var/run/docker.sock";

const USER = /^[a-z_][a-z0-9_.-]{0,31}$/i;
const NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;
const SOCKET = /^\/[\w./-]{1,100}$/;
const HOST_KEY =
  /^(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa|sk-ssh-ed25519@openssh\.com) ([A-Za-z0-9+/]{40,}={0,2})$/;

/** What is wrong with an address, in the words of the configuration; empty when it can be used. */
export function hostProblems({
  address,
  hostKey,
}: HostAddress): { path: string; problem: string }[] {
  const problems: { path: string; problem: string }[] = [];
  const wrong = (path: string, problem: string): void => void problems.push({ path, problem });
  if (address.startsWith("unix://")) {
    if (!SOCKET.test(address.slice("unix://".length)))
      wrong("address", `expected unix:///path/to/docker.sock, got ${quote(address)}`);
    if (hostKey !== undefined) wrong("hostKey", "a local socket has no host key, remove it");
    return problems;
  }
  const target = sshTarget(address);
  if (typeof target === "string") wrong("address", target);
  if (hostKey === undefined) {
    const host = typeof target === "string" ? "HOST" : unbracketed(target.host);
    const port = typeof target === "string" ? "22" : target.port;
    wrong(
      "hostKey",
      `missing, the server would not be checked; print it with "ssh-keyscan -t ed25519 -p ${port} ${host}" and compare its fingerprint on the server`,
    );
  } else {
    const match = HOST_KEY.exec(hostKey.trim());
    if (match === null)
      wrong(
        "hostKey",
        `expected "ssh-ed25519 AAAA…", type and key of one line, no host and no comment`,
      );
    else if (!holdsKey(match[2] ?? "", match[1] ?? ""))
      wrong("hostKey", `the key is damaged: it does not hold a whole ${match[1] ?? ""} key`);
  }
  return problems;
}

/** The address as the provider, the shell and people need it. Call it on an address without problems. */
export function hostAccess({ address, hostKey }: HostAddress): HostAccess {
  if (address.startsWith("unix://")) {
    const socketPath = address.slice("unix://".length);
    return {
      label: "this machine",
      providerHost: address,
      sshOptions: [],
      interpreter: ["/bin/sh", "-c"],
      socketPath,
      dockerHost: address,
      remote: false,
    };
  }
  const target = sshTarget(address);
  if (typeof target === "string" || hostKey === undefined)
    throw new Error(`host ${quote(address)} was not checked before use`);
  const sshOptions = sshOptionsFor(hostKey.trim());
  const login = `${target.user}@${target.host}`;
  return {
    label: target.port === "22" ? login : `${login}:${target.port}`,
    providerHost: address,
    sshOptions,
    interpreter: ["ssh", ...sshOptions, "-p", target.port, unbracketed(login), "--"],
    socketPath: target.socketPath,
    dockerHost: `unix://${target.socketPath}`,
    remote: true,
  };
}

/**
 * No prompt, no unknown host, one connection for everything that a run does.
 * The key comes from the configuration through KnownHostsCommand (ssh_config(5), OpenSSH 8.5 or newer), so that no
 * known_hosts file decides. The control socket lives in the user's own folder under a name short enough for a socket; the
 * key is part of that name, since an open connection is used again without a look at the server's key.
 */
const sshOptionsFor = (hostKey: string): string[] =>
  [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    `KnownHostsCommand=/bin/echo %H ${hostKey}`,
    "ConnectTimeout=15",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
    "ControlMaster=auto",
    `ControlPath=~/.ssh/pinned-${shortHash(hostKey)}-%C`,
    "ControlPersist=60",
  ].flatMap((option) => ["-o", option]);

const shortHash = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 8);

interface SshTarget {
  readonly user: string;
  readonly host: string;
  readonly port: string;
  readonly socketPath: string;
}

/** A name, an IPv4 address, or an IPv6 address in brackets. */
function isHost(host: string): boolean {
  const inside = /^\[(.*)\]$/.exec(host)?.[1];
  if (inside !== undefined) return isIPv6(inside) && !inside.includes("%");
  // What ends in a number has to be an address: no name of the internet does.
  return NAME.test(host) && (!/(?:^|\.)\d+$/.test(host) || isIPv4(host));
}

/** The parts of an ssh:// address, or what is wrong with it. */
function sshTarget(address: string): SshTarget | string {
  const expected = `expected ssh://user@host[:port] or unix:///path/to/docker.sock, got ${quote(address)}`;
  // Before anything else, so that no message repeats it, whatever else is wrong with the address.
  const [login, ...more] = address.replace(/^\s*[a-z]+:\/\//i, "").split("@", 2);
  if (more.length > 0 && login?.includes(":") === true)
    return "the address holds a password; use a key and leave the password out";
  const match = /^ssh:\/\/([^@/]*)@((?:\[[^\]]*\])|[^:/@]*)(?::(\d{1,5}))?(\/.*)?$/.exec(address);
  if (match === null) return expected;
  const [, user = "", host = "", port = "22", path] = match;
  if (!USER.test(user) || !isHost(host)) return expected;
  if (Number(port) < 1 || Number(port) > 65535) return `port ${port} is not between 1 and 65535`;
  if (path !== undefined && path !== "/" && !SOCKET.test(path))
    return `the path after the host is the Docker socket there, got ${quote(path)}`;
  return {
    user,
    host,
    port,
    socketPath: path === undefined || path === "/" ? DEFAULT_SOCKET : path,
  };
}

/** Quoted and shortened: a message never repeats unbounded input, nor a password. */
function quote(text: string): string {
  const shown = redactCredentials(text);
  return JSON.stringify(shown.length > 120 ? `${shown.slice(0, 117)}...` : shown);
}

/** ssh takes IPv6 addresses without brackets. */
const unbracketed = (login: string): string => login.replace(/[[\]]/g, "");

/**
 * A key is a row of fields, each with its length in front; the first is the name of its own type (RFC 4253, section
 * 6.6). One that lost its end in a copy stops in the middle of a field, or has only the first.
 */
function holdsKey(base64: string, type: string): boolean {
  const bytes = Buffer.from(base64, "base64");
  const fields: Buffer[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return at === bytes.length && fields.length > 1 && fields[0]?.toString("latin1") === type;
}
