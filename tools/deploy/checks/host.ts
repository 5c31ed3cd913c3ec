/** The doctor's questions to the host: one script, one connection; pure but for the caller's shell. */
import { StackConfig } from "../../../config/config";
import { ImageNeeds, preflightScript } from "../../../host/preflight";
import { quote } from "../../../host/shell-quote";
import { Check, ok, problem, problemLine, unknownCheck, allUnknown } from "./check";
import { ShellResult } from "../host/shell";

export interface HostQuestions {
  readonly stack: string;
  readonly platform: string;
  readonly needs: readonly ImageNeeds[];
  readonly ports: readonly { readonly address: string; readonly port: number }[];
}

export const portsOf = ({
  publish,
  tls,
}: Pick<StackConfig, "publish" | "tls">): HostQuestions["ports"] => [
  { address: publish.address, port: publish.http },
  ...(tls.mode === "none" ? [] : [{ address: publish.address, port: publish.https }]),
];

/** Names of the lines that come after `host`. */
export const hostLines = (ports: HostQuestions["ports"]): string[] => [
  "docker",
  "disk",
  "clock",
  ...(ports.length === 0 ? ["ports"] : ports.map(({ port }) => `port ${port}`)),
];

/**
 * Prints `name=value` lines; `fits` is whether the preflight was content, and what it has on stderr becomes `preflight=`
 * lines: its complaints, and what the docker client may have to say besides.
 */
export function hostCheckScript({ platform, needs, ports }: HostQuestions): string {
  const preflight = preflightScript({ platform, needs });
  return `set +e
said=$( { ( set -e
${preflight}); [ $? -ne 0 ] || echo fits=yes; } 2>&1 )
printf '%s\\n' "$said" | sed -n 's/^\\(engine\\|api\\|oldestApi\\|architecture\\|freeMiB\\|clock\\|fits\\)=/&/p;t;s/^/preflight=/p'
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

/** Seconds by which two clocks may differ before certificates and logs suffer. */
const CLOCK_SECONDS = 30;

/** @param asked this machine's clock before the script began and after it ended, ms: it told its own somewhere between */
export function hostChecks(
  questions: HostQuestions,
  label: string,
  { code, stdout, stderr }: ShellResult,
  asked: { readonly from: number; readonly to: number },
): Check[] {
  const facts = factsOf(stdout);
  const engine = facts.first("engine");
  const wrong = complaints(facts);
  if (engine === undefined) {
    const said = wrong.length > 0 ? wrong : [lastLine(stderr) ?? `no answer, exit code ${code}`];
    return [
      ok("host", `${label} answers`),
      ...said.map((line) =>
        problem(
          "docker",
          line.replace(/^docker: /, ""),
          /permission denied/i.test(line)
            ? "let the user use Docker: sudo usermod -aG docker USER on the host, then log in again"
            : "check on the host: systemctl status docker",
        ),
      ),
      ...allUnknown(hostLines(questions.ports).slice(1), "Docker on the host does not answer"),
    ];
  }
  return [
    ok("host", `${label} answers`),
    ...(wrong.length === 0
      ? [
          ok(
            "docker",
            `Engine ${engine}, API ${facts.first("api") ?? "?"}, linux/${facts.first("architecture") ?? "?"}, fits the images`,
          ),
          disk(facts.first("freeMiB")),
        ]
      : [
          ...wrong.map((line) => problemLine("docker", line.replace(/^docker: /, ""))),
          ...allUnknown(["disk"], "the host does not fit the images"),
        ]),
    clock(facts.first("clock"), asked),
    ...questions.ports.map((wanted) => portCheck(questions.stack, wanted, facts)),
  ];
}

/** The preflight's own lines begin with what they are about; all of stderr where there is none, so that nothing is lost. */
function complaints(facts: Facts): readonly string[] {
  if (facts.first("fits") === "yes") return [];
  const lines = facts.all("preflight").filter((line) => line.trim() !== "");
  const own = lines.filter((line) => /^[a-z][a-z0-9-]*: /.test(line));
  return own.length > 0 ? own : lines;
}

const lastLine = (text: string): string | undefined => text.trim().split("\n").at(-1) || undefined;

const disk = (freeMiB: string | undefined): Check =>
  freeMiB === undefined || freeMiB === ""
    ? unknownCheck("disk", "the free space of Docker's folder cannot be read by this user")
    : ok("disk", `${freeMiB} MiB free, enough for the images that are not there yet`);

function clock(
  seconds: string | undefined,
  { from, to }: { readonly from: number; readonly to: number },
): Check {
  if (seconds === undefined) return unknownCheck("clock", "the host's clock could not be read");
  const told = Number(seconds);
  const skew = Math.round(told - Math.min(Math.max(told, from / 1000), to / 1000));
  return Math.abs(skew) <= CLOCK_SECONDS
    ? ok("clock", "the same as here")
    : problem(
        "clock",
        `${Math.abs(skew)} seconds ${skew > 0 ? "ahead of" : "behind"} this machine`,
        "set it on the host: timedatectl set-ntp true",
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
      `published by the container ${foreign[1] ?? ""}${(foreign[2] ?? "") === "" ? "" : ` of the stack ${foreign[2] ?? ""}`}`,
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

/** Addresses in a cell of `docker ps`: `127.0.0.1:8080->80/tcp, :::9000-9001->9000-9001/tcp, [::1]:8080->80/tcp`. */
export const publishedOn = (cell: string, port: number): string[] =>
  cell.split(", ").flatMap((text) => {
    const [, address = "", first = "", last = first] =
      /^(.*):(\d+)(?:-(\d+))?->[\d-]+\/tcp$/.exec(text) ?? [];
    return first !== "" && Number(first) <= port && port <= Number(last)
      ? [address.replace(/^\[(.*)\]$/, "$1")]
      : [];
  });

/** A row of /proc/net/tcp: the address in hexadecimal, each four bytes little-endian, and the port (proc(5)). */
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
    // Of IPv6 addresses only "any" and those that hold an IPv4 address matter here.
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
