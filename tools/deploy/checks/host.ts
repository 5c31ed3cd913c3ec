/** The doctor's checks on the host: a script for one connection, and the evaluation of its output. Pure. */
import { StackConfig } from "../../../config/config";
import {
  addressPools,
  freeNetworks,
  hostNetworks,
  NETWORKS_SCRIPT,
  subnetsFor,
  takenNetworks,
} from "../../../host/address-pools";
import { ImageNeeds, preflightScript } from "../../../host/preflight";
import { quote } from "../../../host/shell-quote";
import { counted } from "../../../text/one-line";
import { Check, ok, problem, problemLine, unknownCheck, allUnknown } from "./check";
import { ShellResult } from "../../../host/shell";

export interface HostCheckRequest {
  readonly stack: string;
  readonly platform: string;
  readonly needs: readonly ImageNeeds[];
  /** Docker's names of the stack's networks. */
  readonly networks: readonly string[];
  /** The range that the stack's networks are from. */
  readonly networkPool: string;
  readonly ports: readonly { readonly address: string; readonly port: number }[];
}

export const portsOf = ({
  publish,
  tls,
}: Pick<StackConfig, "publish" | "tls">): HostCheckRequest["ports"] => [
  { address: publish.address, port: publish.http },
  ...(tls.mode === "none" ? [] : [{ address: publish.address, port: publish.https }]),
];

/** Names of the checks after `host`. */
export const hostCheckNames = (ports: HostCheckRequest["ports"]): string[] => [
  "docker",
  "disk",
  "clock",
  "networks",
  ...(ports.length === 0 ? ["ports"] : ports.map(({ port }) => `port ${port}`)),
];

/**
 * Prints `name=value` lines. `fits=yes` means that the preflight passed. Its stderr becomes `preflight=` lines, which may
 * include warnings of the Docker client.
 */
export function hostCheckScript({ platform, needs, ports }: HostCheckRequest): string {
  const preflight = preflightScript({ platform, needs });
  return `set +e
output=$( { ( set -e
${preflight}); [ $? -ne 0 ] || echo fits=yes; } 2>&1 )
printf 'pools=%s\\n' "$(docker info --format '{{json .DefaultAddressPools}}' 2>/dev/null)"
${NETWORKS_SCRIPT}printf '%s\\n' "$output" | sed -n 's/^\\(engine\\|api\\|oldestApi\\|architecture\\|freeMiB\\|clock\\|fits\\)=/&/p;t;s/^/preflight=/p'
${ports
  .map(
    ({ port }) =>
      `docker ps --filter publish=${port} --format ${quote(`container=${port}|{{.Names}}|{{.Label "pinned-stack.stack"}}|{{.Ports}}`)}\n`,
  )
  .join("")}awk '$4 == "0A" { print "listen=" $2 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
exit 0
`;
}

interface Facts {
  readonly first: (name: string) => string | undefined;
  readonly all: (name: string) => readonly string[];
}

function factsOf(stdout: string): Facts {
  const lines = stdout.split("\n").map((line) => /^([a-zA-Z]+)=(.*)$/.exec(line) ?? []);
  const all = (name: string): string[] =>
    lines.flatMap(([, key, value]) => (key === name && value !== undefined ? [value] : []));
  return { all, first: (name) => all(name)[0] };
}

/** Largest accepted difference of the clocks, seconds; more breaks certificates and confuses logs. */
const CLOCK_SECONDS = 30;

/** @param localTime this machine's clock before and after the script, ms: the host read its own clock in between */
export function hostChecks(
  request: HostCheckRequest,
  label: string,
  { code, stdout, stderr }: ShellResult,
  localTime: { readonly from: number; readonly to: number },
): Check[] {
  const facts = factsOf(stdout);
  const engine = facts.first("engine");
  const problems = preflightProblems(facts);
  if (engine === undefined) {
    const lines =
      problems.length > 0 ? problems : [lastLine(stderr) ?? `no answer, exit code ${code}`];
    return [
      ok("host", `${label} answers`),
      ...lines.map((line) =>
        problem(
          "docker",
          line.replace(/^docker: /, ""),
          /permission denied/i.test(line)
            ? "run on the host: sudo usermod -aG docker USER, then log in again"
            : "run on the host: systemctl status docker",
        ),
      ),
      ...allUnknown(
        hostCheckNames(request.ports).slice(1),
        "not checked, because Docker does not answer",
      ),
    ];
  }
  return [
    ok("host", `${label} answers`),
    ...(problems.length === 0
      ? [
          ok(
            "docker",
            `Engine ${engine}, API ${facts.first("api") ?? "?"}, linux/${facts.first("architecture") ?? "?"}, meets the requirements`,
          ),
          disk(facts.first("freeMiB")),
        ]
      : [
          ...problems.map((line) => problemLine("docker", line.replace(/^docker: /, ""))),
          ...allUnknown(["disk"], "not checked, because the host does not meet the requirements"),
        ]),
    clock(facts.first("clock"), localTime),
    networks(request, stdout, facts),
    ...request.ports.map((wanted) => portCheck(request.stack, wanted, facts)),
  ];
}

/** The preflight's own lines, which start with a subject; all of stderr if there is none. */
function preflightProblems(facts: Facts): readonly string[] {
  if (facts.first("fits") === "yes") return [];
  const lines = facts.all("preflight").filter((line) => line.trim() !== "");
  const own = lines.filter((line) => /^[a-z][a-z0-9-]*: /.test(line));
  return own.length > 0 ? own : lines;
}

const lastLine = (text: string): string | undefined => text.trim().split("\n").at(-1) || undefined;

const disk = (freeMiB: string | undefined): Check =>
  freeMiB === undefined || freeMiB === ""
    ? unknownCheck("disk", "this user cannot read the free space of Docker's folder")
    : ok("disk", `${freeMiB} MiB free, enough for the images that are still to be pulled`);

function clock(
  seconds: string | undefined,
  { from, to }: { readonly from: number; readonly to: number },
): Check {
  if (seconds === undefined) return unknownCheck("clock", "cannot read the host's clock");
  const time = Number(seconds);
  const skew = Math.round(time - Math.min(Math.max(time, from / 1000), to / 1000));
  return Math.abs(skew) <= CLOCK_SECONDS
    ? ok("clock", "in sync with this machine")
    : problem(
        "clock",
        `${Math.abs(skew)} seconds ${skew > 0 ? "ahead of" : "behind"} this machine`,
        "run on the host: timedatectl set-ntp true",
      );
}

/** Docker's own errors, such as "could not find an available, non-overlapping IPv4 address pool", would come in the deployment. */
function networks(
  { networks: wanted, networkPool }: HostCheckRequest,
  stdout: string,
  facts: Facts,
): Check {
  const host = hostNetworks(stdout);
  if (host.networks.length === 0) return unknownCheck("networks", "cannot read Docker's networks");
  const names = new Set(host.networks.map(({ name }) => name));
  const missing = wanted.filter((name) => !names.has(name)).length;
  const own = subnetsFor(networkPool, wanted, host);
  if ("problem" in own) return problem("networks", own.problem, own.fix);
  // The trial, which is not part of every deployment, has one of Docker's choice.
  if (freeNetworks(addressPools(facts.first("pools")), takenNetworks(host), 1) === 0)
    return unknownCheck(
      "networks",
      "Docker's address pools have no room for the network of a trial",
      'remove unused networks on the host with "docker network prune", or set a range that nothing else uses, such as "default-address-pools": [{"base": "10.202.0.0/16", "size": 24}], in /etc/docker/daemon.json and restart Docker',
    );
  return ok(
    "networks",
    missing === 0
      ? `all ${counted(wanted.length, "network")} of this stack exist, and there is room for the trial's`
      : `${networkPool} has room for ${counted(missing, "more network")}, and Docker for the trial's`,
  );
}

function portCheck(
  stack: string,
  { address, port }: { readonly address: string; readonly port: number },
  facts: Facts,
): Check {
  const name = `port ${port}`;
  const holders = facts
    .all("container")
    .map((text) => text.split("|"))
    .filter(
      ([held, , , published = ""]) =>
        held === String(port) && publishedOn(published, port).some((on) => overlaps(on, address)),
    );
  const foreign = holders.find(([, , owner]) => owner !== stack);
  if (foreign !== undefined)
    return problem(
      name,
      `published by container ${foreign[1] ?? ""}${(foreign[2] ?? "") === "" ? "" : ` of stack ${foreign[2] ?? ""}`}`,
      "stop that container, or set another port in pinned-stack:publish",
    );
  if (holders.length > 0) return ok(name, "published by this stack");
  const taken = facts
    .all("listen")
    .map(listening)
    .some((socket) => socket?.port === port && overlaps(socket.address, address));
  return taken
    ? problem(
        name,
        `a program on the host listens on ${address}:${port}`,
        `find it with "sudo ss -ltnp sport = :${port}" on the host and stop it, or set another port in pinned-stack:publish`,
      )
    : ok(name, "free");
}

/**
 * Addresses that publish `port`, from the ports column of `docker ps`: `127.0.0.1:8080->80/tcp, :::9000-9001->9000-9001/tcp,
 * [::1]:8080->80/tcp`.
 */
export const publishedOn = (cell: string, port: number): string[] =>
  cell.split(", ").flatMap((text) => {
    const [, address = "", first = "", last = first] =
      /^(.*):(\d+)(?:-(\d+))?->[\d-]+\/tcp$/.exec(text) ?? [];
    return first !== "" && Number(first) <= port && port <= Number(last)
      ? [address.replace(/^\[(.*)\]$/, "$1")]
      : [];
  });

/** A socket of /proc/net/tcp{,6}: the address as little-endian 32-bit words in hexadecimal, and the port (proc(5)). */
export function listening(
  row: string,
): { readonly address: string; readonly port: number } | undefined {
  const [, hex = "", port = ""] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(row) ?? [];
  if (hex === "") return undefined;
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    [6, 4, 2, 0].map((at) => parseInt(word.slice(at, at + 2), 16)),
  );
  return {
    port: parseInt(port, 16),
    // Only "any" and IPv4-mapped addresses can conflict with a published one.
    address:
      bytes.length === 4
        ? bytes.join(".")
        : bytes.every((byte) => byte === 0)
          ? "::"
          : bytes.slice(0, 12).join() === "0,0,0,0,0,0,0,0,0,0,255,255"
            ? bytes.slice(12).join(".")
            : "another IPv6 address",
  };
}

const ANY = new Set(["0.0.0.0", "::"]);
const overlaps = (one: string, other: string): boolean =>
  one === other || ANY.has(one) || ANY.has(other);
