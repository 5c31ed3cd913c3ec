/**
 * The Docker host of a stack: a local socket, or a remote host over SSH. Pure. The provider's options and the command line
 * for a shell on the host are derived from the same address, so that they cannot disagree.
 */

import { createHash } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";

import { redactCredentials } from "../text/redact";

export interface HostAddress {
  /** `unix:///var/run/docker.sock` or `ssh://user@host[:port][/path/to/docker.sock]`. */
  readonly address: string;
  /** Public host key of the SSH server, `ssh-ed25519 AAAA…`, as in known_hosts without the host. Required for ssh://. */
  readonly hostKey?: string;
}

export interface HostAccess {
  /** Label for messages: `this machine` or `deploy@203.0.113.7`. */
  readonly label: string;
  /** For `docker.Provider.host`. */
  readonly providerHost: string;
  /** For `docker.Provider.sshOpts`; empty for a local socket. */
  readonly sshOptions: readonly string[];
  /** Argument vector that runs the shell command appended to it on the host. */
  readonly interpreter: readonly string[];
  /** Path of the Docker socket on the host. */
  readonly socketPath: string;
  /** DOCKER_HOST for the docker CLI on the host. */
  readonly dockerHost: string;
  /** Whether the host is reached over SSH. */
  readonly remote: boolean;
}

export const DEFAULT_SOCKET = "/var/run/docker.sock";

const USER = /^[a-z_][a-z0-9_.-]{0,31}$/i;
const NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;
const SOCKET = /^\/[\w./-]{1,100}$/;
const HOST_KEY =
  /^(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa|sk-ssh-ed25519@openssh\.com) ([A-Za-z0-9+/]{40,}={0,2})$/;

/** The problems of an address, with the configuration key they belong to; empty if it is valid. */
export function hostProblems({
  address,
  hostKey,
}: HostAddress): { path: string; problem: string }[] {
  const problems: { path: string; problem: string }[] = [];
  const add = (path: string, problem: string): void => void problems.push({ path, problem });
  if (address.startsWith("unix://")) {
    if (!SOCKET.test(address.slice("unix://".length)))
      add("address", `expected unix:///path/to/docker.sock, got ${quote(address)}`);
    if (hostKey !== undefined) add("hostKey", "a local socket has no host key; remove it");
    return problems;
  }
  const target = sshTarget(address);
  if (typeof target === "string") add("address", target);
  if (hostKey === undefined) {
    const host = typeof target === "string" ? "HOST" : unbracketed(target.host);
    const port = typeof target === "string" ? "22" : target.port;
    add(
      "hostKey",
      `missing, so the server could not be verified; print it with "ssh-keyscan -t ed25519 -p ${port} ${host}" and compare its fingerprint on the server`,
    );
  } else {
    const match = HOST_KEY.exec(hostKey.trim());
    if (match === null)
      add(
        "hostKey",
        `expected "ssh-ed25519 AAAA…": key type and key on one line, without host and comment`,
      );
    else if (!isCompleteKey(match[2] ?? "", match[1] ?? ""))
      add("hostKey", `is not a complete ${match[1] ?? ""} key; copy the whole line again`);
  }
  return problems;
}

/** Derives the access options from an address. Throws for one that {@link hostProblems} rejects. */
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
 * No prompts, no unknown hosts, one shared connection per run.
 * KnownHostsCommand (ssh_config(5), OpenSSH 8.5 or newer) passes the key from the configuration, so no known_hosts file is
 * used. The name of the control socket is kept short because of the length limit of socket paths. It contains a hash of the
 * key, because ssh does not verify the host key again when it reuses a connection.
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
  // A host that ends in a number must be a valid IPv4 address: there are no numeric top-level domains.
  return NAME.test(host) && (!/(?:^|\.)\d+$/.test(host) || isIPv4(host));
}

/** The parts of an ssh:// address, or a message about its problem. */
function sshTarget(address: string): SshTarget | string {
  const expected = `expected ssh://user@host[:port] or unix:///path/to/docker.sock, got ${quote(address)}`;
  // Checked first, so that no other message repeats the password.
  const [login, ...more] = address.replace(/^\s*[a-z]+:\/\//i, "").split("@", 2);
  if (more.length > 0 && login?.includes(":") === true)
    return "contains a password; remove it and use an SSH key";
  const match = /^ssh:\/\/([^@/]*)@((?:\[[^\]]*\])|[^:/@]*)(?::(\d{1,5}))?(\/.*)?$/.exec(address);
  if (match === null) return expected;
  const [, user = "", host = "", port = "22", path] = match;
  if (!USER.test(user) || !isHost(host)) return expected;
  if (Number(port) < 1 || Number(port) > 65535) return `port ${port} is not between 1 and 65535`;
  if (path !== undefined && path !== "/" && !SOCKET.test(path))
    return `expected the path of a Docker socket after the host, got ${quote(path)}`;
  return {
    user,
    host,
    port,
    socketPath: path === undefined || path === "/" ? DEFAULT_SOCKET : path,
  };
}

/** Quotes a text for a message: shortened, and without credentials. */
function quote(text: string): string {
  const shown = redactCredentials(text);
  return JSON.stringify(shown.length > 120 ? `${shown.slice(0, 117)}...` : shown);
}

/** The ssh command expects IPv6 addresses without brackets. */
const unbracketed = (login: string): string => login.replace(/[[\]]/g, "");

/**
 * Detects truncated keys. A key is a sequence of fields, each with a length prefix; the first field is the key type
 * (RFC 4253, section 6.6).
 */
function isCompleteKey(base64: string, type: string): boolean {
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

/** Start of every script: exit at the first error, and use this engine instead of one from a Docker context. */
export const hostPrelude = ({ dockerHost }: HostAccess): string =>
  `set -eu\nunset DOCKER_CONTEXT\nexport DOCKER_HOST='${dockerHost}'\n`;
