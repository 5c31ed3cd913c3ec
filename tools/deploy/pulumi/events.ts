/** Pulumi's events as progress lines and error lines. Pure. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { CONTAINER, IMAGE, nameOf } from "./state";

const WORDS: Readonly<Partial<Record<string, string>>> = {
  create: "starting",
  "create-replacement": "starting the new",
  update: "changing",
  delete: "removing",
  "delete-replaced": "removing the old",
};

/** A line when work on a container begins, is done, or fails; undefined for everything else. */
export function progressLine(event: EngineEvent): string | undefined {
  const step =
    event.resourcePreEvent?.metadata ??
    event.resOutputsEvent?.metadata ??
    event.resOpFailedEvent?.metadata;
  if (step === undefined) return undefined;
  if (step.type !== CONTAINER && step.type !== IMAGE) return undefined;
  const name = nameOf(step.urn);
  const verb = WORDS[step.op];
  if (verb === undefined || /-(?:init|owner)$/.test(name)) return undefined;
  const what = step.type === IMAGE ? `image of ${name}` : name;
  if (event.resOpFailedEvent !== undefined) return `${verb} ${what}: failed`;
  if (step.type === IMAGE) return undefined;
  return event.resOutputsEvent === undefined ? `${verb} ${what}` : `${verb} ${what}: done`;
}

/** Pulumi's errors, each once and without its advice. */
export function errorLines(events: readonly EngineEvent[]): string[] {
  const lines = diagnostics(events, "error").flatMap(({ name, message }) => {
    if (/^(?:update|preview) failed$/.test(message)) return [];
    const said = withoutSource(message);
    return [name === "" ? said : `${name}: ${said}`];
  });
  return [...new Set(lines)];
}

/** What the program and the providers warn of; the program's own say by themselves what they are about. */
export const warningLines = (events: readonly EngineEvent[]): string[] => [
  ...new Set(diagnostics(events, "warning").map(({ message }) => message)),
];

interface Diagnostic {
  /** Of the resource, where it is about one. */
  readonly name: string;
  /** In one line. */
  readonly message: string;
}

const diagnostics = (events: readonly EngineEvent[], severity: string): Diagnostic[] =>
  events.flatMap(({ diagnosticEvent: said }) =>
    said?.severity === severity
      ? {
          name: said.urn === undefined ? "" : nameOf(said.urn),
          message: said.message.trim().replace(/\s*\n\s*/g, " "),
        }
      : [],
  );

/** The provider says each error twice: with the line of its own source, and as the step that failed with it. */
const withoutSource = (message: string): string =>
  message
    .replace(/^\S+\.go:\d+: sdk\.\w+: (.*): provider=\S+$/, "$1")
    .replace(
      /^1 error occurred: \* (?:creating|updating|deleting) urn:\S+: (?=1 error occurred: )/,
      "",
    )
    .replace(/^1 error occurred: \* /, "");
