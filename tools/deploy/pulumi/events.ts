/** Turns Pulumi's events into progress and error lines. Pure. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { COMMAND, CONTAINER, IMAGE, nameOf } from "./state";

const VERBS: Readonly<Partial<Record<string, string>>> = {
  delete: "removing",
  "delete-replaced": "removing the old",
};
/** For the command that starts a container. */
const START_VERBS: Readonly<Partial<Record<string, string>>> = {
  create: "starting",
  "create-replacement": "starting the new",
  update: "checking",
};

/** For the command that writes files in place. */
const WRITE_VERBS: Readonly<Partial<Record<string, string>>> = {
  create: "writing",
  "create-replacement": "writing",
  update: "reloading",
};

/**
 * More commands run at once than the server allows over one connection (sshd_config(5), MaxSessions, default 10): ssh says so and
 * opens another one.
 */
const SSH_FALLBACK =
  /^(?:mux_client_request_session: session request failed: |ControlSocket \S+ already exists, disabling multiplexing)/;

/** A line for what a script says, or for a step on a container that starts, ends or fails; undefined for all other events. */
export function progressLine(event: EngineEvent): string | undefined {
  const said = event.diagnosticEvent;
  if (said !== undefined)
    return said.severity.startsWith("info") &&
      said.urn?.includes(`${COMMAND}::`) === true &&
      !SSH_FALLBACK.test(said.message)
      ? said.message.trimEnd()
      : undefined;
  const step =
    event.resourcePreEvent?.metadata ??
    event.resOutputsEvent?.metadata ??
    event.resOpFailedEvent?.metadata;
  if (step === undefined) return undefined;
  if (step.type === COMMAND) return commandLine(event, nameOf(step.urn), step.op);
  if (step.type !== CONTAINER && step.type !== IMAGE) return undefined;
  const name = nameOf(step.urn);
  const verb = VERBS[step.op] ?? (step.type === IMAGE ? IMAGE_VERBS[step.op] : undefined);
  if (verb === undefined || /-(?:init|owner)$/.test(name)) return undefined;
  const what = step.type === IMAGE ? `image of ${name}` : name;
  if (event.resOpFailedEvent !== undefined) return `${verb} ${what}: failed`;
  if (step.type === IMAGE) return undefined;
  return event.resOutputsEvent === undefined ? `${verb} ${what}` : `${verb} ${what}: done`;
}

const IMAGE_VERBS: Readonly<Partial<Record<string, string>>> = {
  create: "pulling",
  "create-replacement": "pulling",
  update: "changing",
};

function commandLine(event: EngineEvent, command: string, op: string): string | undefined {
  const [, name, what] = /^(.+)-(start|write)$/.exec(command) ?? [];
  const verb = what === "write" ? WRITE_VERBS[op] : START_VERBS[op];
  if (name === undefined || verb === undefined) return undefined;
  if (event.resOpFailedEvent !== undefined) return `${verb} ${name}: failed`;
  return event.resOutputsEvent === undefined ? `${verb} ${name}` : `${verb} ${name}: done`;
}

/** Pulumi's errors, without duplicates. The loss of a provider comes first, because it causes others. */
export function errorLines(events: readonly EngineEvent[]): string[] {
  const lines = diagnostics(events, "error").flatMap(({ name, message }) => {
    if (/^(?:update|preview) failed$/.test(message)) return [];
    const [, provider, said = ""] = PROVIDER_ENDED.exec(message) ?? [];
    if (provider !== undefined)
      return said.trim() === "" ? [] : [`${provider}: ${said.trim().replace(/\s*\n\s*/g, " ")}`];
    const script = SCRIPT_FAILED.exec(message);
    // What the script said is the message; its lines have been shown already, one by one.
    if (script !== null) return script[1]?.split("\n").filter((line) => line !== "") ?? [];
    const text = withoutSource(message.replace(/\s*\n\s*/g, " "));
    return [name === "" ? text : `${name}: ${text}`];
  });
  return [...new Set([...lostProviders(events), ...lines])];
}

/** A line for each provider that has ended while Pulumi needed it. */
export const lostProviders = (events: readonly EngineEvent[]): string[] =>
  diagnostics(events, "error").flatMap(({ message }) => {
    const provider = PROVIDER_ENDED.exec(message)?.[1];
    return provider === undefined
      ? []
      : [
          `Pulumi's provider ${provider} was killed or crashed; check that this machine has free memory, and deploy again`,
        ];
  });

/**
 * Warnings of the program and its providers, without duplicates and with short digests. The program's own name their
 * subject; a moved tag is named once, even if its age has changed meanwhile.
 */
export function warningLines(events: readonly EngineEvent[]): string[] {
  const lines = new Map<string, string>();
  for (const { message } of diagnostics(events, "warning")) {
    const line = message.replace(/\s*\n\s*/g, " ").replace(DIGEST, "$1");
    const subject = line.replace(/ moved \([^)]*\)/, " moved");
    if (!lines.has(subject)) lines.set(subject, line);
  }
  return [...lines.values()];
}

/** The beginning is enough to compare with, and leaves room on the line. */
const DIGEST = /\b(sha256:[0-9a-f]{12})[0-9a-f]{52}\b/g;

interface Diagnostic {
  /** Name of the resource; empty if there is none. */
  readonly name: string;
  readonly message: string;
}

const diagnostics = (events: readonly EngineEvent[], severity: string): Diagnostic[] =>
  events.flatMap(({ diagnosticEvent: event }) =>
    event?.severity === severity
      ? {
          name: event.urn === undefined ? "" : nameOf(event.urn),
          message: event.message.trim(),
        }
      : [],
  );

/** Pulumi's page about a plugin that has ended, with what that had written. */
const PROVIDER_ENDED =
  /^Detected that \S*pulumi-resource-([\w-]+)\S* exited prematurely\.[^]*?streams of the plugin:\s*([^]*)$/;

/** The error of a failed script, with what it said. */
const SCRIPT_FAILED = /^exit status \d+: running "sh -s":?\s*([^]*)$/;

/** The provider reports each error twice, with different prefixes. Without them duplicates are equal. */
const withoutSource = (message: string): string =>
  message
    .replace(/^\S+\.go:\d+: sdk\.\w+: (.*): provider=\S+$/, "$1")
    .replace(
      /^1 error occurred: \* (?:creating|updating|deleting) urn:\S+: (?=1 error occurred: )/,
      "",
    )
    .replace(/^1 error occurred: \* /, "");
