/** The entry of one service while it is made, with what there is to say about it. Pure. */
import { Exemptible } from "../../components/hardened/policy";
import { type HostFinder } from "./hosts";
import { ENTRY_KEYS, type Entry, type Finding, type FindingKind } from "./entry";

export class Draft {
  readonly entry: Entry = {};
  readonly findings: Finding[] = [];
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
    this.findings.push({ kind, what, instead });
  }

  /** Adds an exemption, or values to it. Its reason is for the user to fill in. */
  exempt(control: Exemptible, value: unknown, what: string): void {
    this.entry.exemptions ??= [];
    const index = this.entry.exemptions.findIndex((one) => one.control === control);
    const given = this.entry.exemptions[index];
    if (given === undefined) this.entry.exemptions.push({ control, value, reason: "" });
    else if (Array.isArray(given.value) && Array.isArray(value))
      this.entry.exemptions[index] = {
        ...given,
        value: [...(given.value as unknown[]), ...(value as unknown[])],
      };
    this.findings.push({ kind: "reason", what, instead: `exemption ${control}: say why` });
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
    ) as Entry;
  }
}
