/** Turns Pulumi's events into progress and error lines. Pure. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { CONTAINER, IMAGE, nameOf } from "./state";

const VERBS: Readonly<Partial<Record<string, string>>> = {
  create: "starting",
  "create-replacement": "starting the new",
  update: "changing",
  delete: "removing",
  "delete-replaced": "removing the old",
};

/** A line for an operation on a container that starts, ends or fails; undefined for all other events. */
export function progressLine(event: EngineEvent): string | undefined {
  const step =
    event.resourcePreEvent?.metadata ??
    event.resOutputsEvent?.metadata ??
    event.resOpFailedEvent?.metadata;
  if (step === undefined) return undefined;
  if (step.type !== CONTAINER && step.type !== IMAGE) return undefined;
  const name = nameOf(step.urn);
  const verb = VERBS[step.op];
  if (verb === undefined || /-(?:init|owner)$/.test(name)) return undefined;
  const what = step.type === IMAGE ? `image of ${name}` : name;
  if (event.resOpFailedEvent !== undefined) return `${verb} ${what}: failed`;
  if (step.type === IMAGE) return undefined;
  return event.resOutputsEvent === undefined ? `${verb} ${what}` : `${verb} ${what}: done`;
}

/** Pulumi's errors, without duplicates. */
export function errorLines(events: readonly EngineEvent[]): string[] {
  const lines = diagnostics(events, "error").flatMap(({ name, message }) => {
    if (/^(?:update|preview) failed$/.test(message)) return [];
    const text = withoutSource(message);
    return [name === "" ? text : `${name}: ${text}`];
  });
  return [...new Set(lines)];
}

/** Warnings of the program and its providers, without duplicates. The program's own name their subject. */
export const warningLines = (events: readonly EngineEvent[]): string[] => [
  ...new Set(diagnostics(events, "warning").map(({ message }) => message)),
];

interface Diagnostic {
  /** Name of the resource; empty if there is none. */
  readonly name: string;
  /** One line. */
  readonly message: string;
}

const diagnostics = (events: readonly EngineEvent[], severity: string): Diagnostic[] =>
  events.flatMap(({ diagnosticEvent: event }) =>
    event?.severity === severity
      ? {
          name: event.urn === undefined ? "" : nameOf(event.urn),
          message: event.message.trim().replace(/\s*\n\s*/g, " "),
        }
      : [],
  );

/** The provider reports each error twice, with different prefixes. Without them duplicates are equal. */
const withoutSource = (message: string): string =>
  message
    .replace(/^\S+\.go:\d+: sdk\.\w+: (.*): provider=\S+$/, "$1")
    .replace(
      /^1 error occurred: \* (?:creating|updating|deleting) urn:\S+: (?=1 error occurred: )/,
      "",
    )
    .replace(/^1 error occurred: \* /, "");
