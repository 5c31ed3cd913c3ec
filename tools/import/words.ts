/** Converts `entrypoint`, `command` and `healthcheck`. Secrets in them are read from files by a shell. Pure. */
import { isMap } from "../../text/messages";
import { healthOf, shellWord, shellWords, textsOf, scalar } from "./compose/syntax";
import { keyOf, type Context, type Source } from "./context";
import { type Draft } from "./draft";
import { addSecret, readingSecrets, type MovedVariables } from "./environment";
import { isHostKey } from "./hosts";
import { isSecretName, type Part } from "./secrets";

export function convertWords(
  draft: Draft,
  source: Source,
  context: Context,
  moved: MovedVariables,
): void {
  const entrypoint = words(draft, source, context, "entrypoint");
  const command = words(draft, source, context, "command");
  const hasSecret = [entrypoint, command].some((list) =>
    list?.some((parts) => parts.some((part) => typeof part !== "string")),
  );
  if (!hasSecret) {
    if (entrypoint !== undefined) draft.entry.entrypoint = entrypoint.map(plain);
    if (command !== undefined) draft.entry.command = command.map(plain);
  } else {
    const all = [...(entrypoint ?? []), ...(command ?? [])];
    for (const parts of all)
      for (const part of parts) if (typeof part !== "string") addSecret(draft, part.secret);
    const shell = ["/bin/sh", "-c", `exec ${all.map(quoted).join(" ")}`];
    if (entrypoint === undefined) draft.entry.command = shell;
    else draft.entry.entrypoint = shell;
    const what = "its command line holds a secret, which every list of processes shows";
    if (entrypoint !== undefined || source.known.runsCommands === true)
      draft.say("tightened", what, "a shell reads it from a file when it starts");
    else
      draft.say(
        "question",
        what,
        "a shell reads it from a file now, which works if the entry point of the image runs its arguments; better a variable or a file that the program reads",
      );
  }
  convertHealth(draft, source, context, moved);
}

const plain = (parts: readonly Part[]): string =>
  parts.map((part) => (typeof part === "string" ? part : "")).join("");

/** A word for a shell: literal parts in single quotes, secrets in double quotes. */
const quoted = (parts: readonly Part[]): string =>
  parts.length === 0
    ? "''"
    : parts
        .map((part) => (typeof part === "string" ? shellWord(part) : `"${readingSecrets([part])}"`))
        .join("");

/** A list, or a text split as a shell would. `undefined` if the key is not set or empty. */
function words(
  draft: Draft,
  source: Source,
  context: Context,
  key: "entrypoint" | "command",
): readonly (readonly Part[])[] | undefined {
  const given = source.service[key];
  const at = `services.${source.name}.${key}`;
  if (given === undefined || given === null) return undefined;
  const templates = Array.isArray(given) ? textsOf(given) : shellWords(scalar(given) ?? "");
  if (templates === undefined) {
    draft.say("question", `${key} has an open quote`, "write it as a list of words");
    return undefined;
  }
  if (templates.length === 0) return undefined;
  return optionParts(templates, at, draft, context);
}

/** The words of a command. What follows an option with a secret's name is a secret, what follows one with a host's is a host. */
function optionParts(
  templates: readonly string[],
  at: string,
  draft: Draft,
  { variables, secrets, mentions }: Context,
): readonly (readonly Part[])[] {
  return templates.map((template, index) => {
    const [, option = "", rest] = /^(-{0,2}[\w.-]+)=([^]*)$/.exec(template) ?? [];
    const before = templates[index - 1] ?? "";
    const hint = rest !== undefined ? option : /^-{1,2}[\w.-]+$/.test(before) ? before : "";
    const isOption = rest === undefined && template.startsWith("-");
    const value = secrets.parts(
      isSecretName(hint) && !isOption ? hint.replace(/^-+/, "") : "argument",
      variables.pieces(rest ?? template, at),
      draft.name,
    );
    const parts = rest === undefined ? value : [`${option}=`, ...value];
    return parts.map((part) =>
      typeof part === "string" ? draft.rewrite(mentions, part, isHostKey(hint)) : part,
    );
  });
}

/** The program's own start period is 30 seconds; imported services get more, because nobody has measured them yet. */
const START_PERIOD = "60s";

function convertHealth(
  draft: Draft,
  source: Source,
  context: Context,
  moved: MovedVariables,
): void {
  const { defaults, known } = source;
  const health = healthOf(keyOf(source, "healthcheck", context));
  if (health === "none") {
    draft.exempt("healthCheck", false, "its health check is switched off");
    return;
  }
  if (health !== undefined) {
    const period = health.startPeriod;
    draft.entry.healthcheck = {
      test: testWords(draft, source, context, moved),
      start_period: period === undefined ? START_PERIOD : `${Math.min(Math.max(period, 1), 3600)}s`,
    };
    return;
  }
  if (defaults?.healthCheck === true) {
    draft.entry.healthcheck = "image";
    return;
  }
  if (known.health !== undefined) {
    draft.entry.healthcheck = { test: known.health, start_period: START_PERIOD };
    draft.say("tightened", "it has no health check", "one that is known for this image");
    return;
  }
  draft.exempt(
    "healthCheck",
    false,
    defaults === undefined
      ? "no health check is known, of it or of its image"
      : "neither it nor its image has a health check",
  );
}

/** The test with secrets read from files, and variables that are files now. */
function testWords(
  draft: Draft,
  { name, service }: Source,
  context: Context,
  moved: MovedVariables,
): readonly string[] {
  const { healthcheck } = service;
  const given = isMap(healthcheck) ? healthcheck.test : undefined;
  const [kind = "CMD", ...rest] = Array.isArray(given)
    ? textsOf(given)
    : ["CMD-SHELL", scalar(given) ?? ""];
  // Compose joins several words of a shell command, Docker takes the first one.
  const templates = kind === "CMD-SHELL" ? [rest.join(" ")] : rest;
  const parts = optionParts(templates, `services.${name}.healthcheck.test`, draft, context);
  for (const word of parts)
    for (const part of word) if (typeof part !== "string") addSecret(draft, part.secret);
  if (kind === "CMD-SHELL") return ["CMD-SHELL", withMoved(readingSecrets(parts.flat()), moved)];
  const hasSecret = parts.some((word) => word.some((part) => typeof part !== "string"));
  return hasSecret
    ? ["CMD-SHELL", parts.map(quoted).join(" ")]
    : [kind, ...parts.map((word) => plain(word))];
}

/** Puts the file in the place of a variable that is not set any more. */
const withMoved = (text: string, moved: MovedVariables): string =>
  [...moved].reduce(
    (result, [variable, path]) =>
      result.replace(
        new RegExp(`\\$(?:\\{${variable}\\}|${variable}(?!\\w))`, "g"),
        () => `$(cat ${path})`,
      ),
    text,
  );
