/** The entry of one service while it is made, with what there is to say about it. Pure. */
import { Exemptible } from "../../components/hardened/policy";
import { type HostFinder } from "./hosts";
import { ENTRY_KEYS, type Entry, type Finding, type FindingKind } from "./entry";

const EXEMPTED: Partial<Record<Exemptible, string>> = {
  environmentSecrets: "secrets in the environment, which docker inspect shows: ",
  publishedPorts: "ports of the host: ",
  hostPaths: "reads paths of the host: ",
  writableHostPaths: "writes to paths of the host: ",
  devices: "uses devices of the host: ",
};
const HINTS: Partial<Record<Exemptible, string>> = {
  environmentSecrets: ", or use variables for files if the program has some",
  healthCheck: ", or write healthcheck: { test: [CMD, program, argument] } instead",
};

export class Draft {
  readonly entry: Entry = {};
  readonly #findings: Finding[] = [];
  readonly #exempted = new Map<Exemptible, readonly string[]>();
  /** Whether it has Docker's socket or is a client of a proxy for it. */
  readsDocker = false;

  /** Services that its texts name as hosts. */
  readonly mentioned = new Set<string>();

  /** @param name of the service in the stack */
  constructor(readonly name: string) {}

  /** The text with services called as they are in the stack; remembers which it names. */
  rewrite(find: HostFinder, text: string, isHost = false): string {
    const found = find(text, isHost);
    for (const service of found.services) this.mentioned.add(service);
    return found.text;
  }

  say(kind: Exclude<FindingKind, "reason">, what: string, instead: string): void {
    this.#findings.push({ kind, what, instead });
  }

  /**
   * Adds an exemption, or values to it. Its reason is for the user to fill in.
   * @param what the Compose file says, after others of the same control
   */
  exempt(control: Exemptible, value: unknown, what: string): void {
    this.entry.exemptions ??= [];
    const index = this.entry.exemptions.findIndex((one) => one.control === control);
    const given = this.entry.exemptions[index];
    if (given === undefined) this.entry.exemptions.push({ control, value, reason: "" });
    else if (Array.isArray(given.value) && Array.isArray(value))
      this.entry.exemptions[index] = {
        ...given,
        value: [...new Set([...(given.value as unknown[]), ...(value as unknown[])])],
      };
    this.#exempted.set(control, [...(this.#exempted.get(control) ?? []), what]);
  }

  /** What there is to say, with one line for each exemption. */
  get findings(): readonly Finding[] {
    return [
      ...this.#findings,
      ...[...this.#exempted].map(([control, whats]): Finding => ({
        kind: "reason",
        what: `${EXEMPTED[control] ?? ""}${whats.join(", ")}`,
        instead: `say why in the exemption ${control}${HINTS[control] ?? ""}`,
      })),
    ];
  }

  get isRefused(): boolean {
    return this.findings.some(({ kind }) => kind === "refused");
  }

  /** The entry with its keys in order. */
  get ordered(): Entry {
    return Object.fromEntries(
      ENTRY_KEYS.flatMap((key) => {
        const value = this.entry[key];
        return value === undefined ? [] : [[key, value]];
      }),
    );
  }
}
