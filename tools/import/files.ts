/** Converts files: `configs`, `secrets`, and mounted files, whose content goes into the stack file. Pure but for the folder. */
import { posix } from "node:path";

import { isMap } from "../../text/messages";
import { listOf, scalar } from "./compose/syntax";
import { keyOf, resolved, type Context, type Source } from "./context";
import { type Draft } from "./draft";
import { addSecret } from "./environment";
import { type FileText } from "./folder";
import { isSecretName, looksRandom } from "./secrets";

/** A file that a service reads. */
export interface MountedFile {
  readonly target: string;
  /** As the Compose file names it, for messages. */
  readonly name: string;
  readonly content: FileText;
}

/** The mounted files of a service, and the paths where it mounts something else. */
export interface MountedFiles {
  readonly files: readonly MountedFile[];
  readonly targets: ReadonlySet<string>;
}

/** A larger file does not belong into a stack file, which has at most 128 KiB. */
export const MAX_CONFIG_KIB = 16;

/** Names that are files although there is nothing of that name here. */
export const FILE_LIKE =
  /\.(?:ya?ml|json|toml|ini|conf|cfg|config|properties|xml|env|txt|sh|sql|js|py|lua|rules|template|tmpl|cnf|crt|pem|key|php|html|css|service|list|htpasswd|alloy|hcl|ico|png|jpe?g|gif|svg|webp|woff2?|p12|pfx|jks)$|\.(?:ya?ml|json|ini|conf|cfg|cnf)\.[\w-]{1,20}$|(?:^|\/)(?:Caddyfile|Corefile|\.?htpasswd)$/i;

/** Adds `configs` and `secrets` to the entry. */
export function convertFiles(
  draft: Draft,
  source: Source,
  context: Context,
  { files, targets }: MountedFiles,
): void {
  const configs: { target: string; content: string }[] = [];
  const names: string[] = [];
  for (const file of [...files, ...configFiles(draft, source, context)]) {
    const problem = fileProblem(file, targets);
    if (problem !== undefined) draft.say("question", ...problem);
    else if ("text" in file.content && !configs.some(({ target }) => target === file.target)) {
      names.push(file.name);
      configs.push({
        target: file.target,
        content: draft.rewrite(context.mentions, file.content.text),
      });
    }
  }
  if (configs.length > 0) {
    draft.entry.configs = configs;
    const folders = [...new Set(configs.map(({ target }) => posix.dirname(target)))];
    draft.say(
      "changed",
      `${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more files` : ""} of the host`,
      `configs in the stack file, read-only; they hide what its image has in ${folders.join(", ")}`,
    );
  }
  convertSecrets(draft, source, context);
}

/** The `configs` of a service. */
function configFiles(draft: Draft, source: Source, context: Context): MountedFile[] {
  const { file, folder, variables } = context;
  return listOf(keyOf(source, "configs", context)).flatMap((item): MountedFile[] => {
    const name = isMap(item) ? scalar(item.source) : scalar(item);
    if (name === undefined) return [];
    const target = (isMap(item) ? scalar(item.target) : undefined) ?? `/${name}`;
    const given = resolved(file.configs[name], `configs.${name}`, variables);
    const config = isMap(given) ? given : {};
    const path = scalar(config.file);
    const text = scalar(config.content) ?? variables.value(scalar(config.environment) ?? "");
    if (text !== undefined) return [{ target, name: `config ${name}`, content: { text } }];
    if (path !== undefined)
      return [{ target, name: path, content: folder.text(path, MAX_CONFIG_KIB) }];
    draft.say("question", `config ${name} is not in the Compose file`, CONTENT);
    return [];
  });
}

const CONTENT = "write its content: configs: [{ target, content }]";

/** Folders whose other files every program needs. */
const SHARED_FOLDER =
  /^\/(?:$|(?:app|bin|etc|home|lib\w*|opt|root|run|sbin|srv|tmp|usr|var)$|(?:home|opt)\/[^/]+$|usr\/(?:(?:local\/)?(?:bin|sbin|lib|etc|share)|local)$|var\/(?:lib|log|www)$)/;

/** Why the content of a file is not written into the entry. */
function fileProblem(
  { target, name, content }: MountedFile,
  targets: ReadonlySet<string>,
): readonly [what: string, instead: string] | undefined {
  if ("problem" in content)
    return [`${name} ${content.problem}`, `it is ${target} inside; ${CONTENT}`];
  if (content.text === "") return [`${name} is empty`, `it is ${target} inside; ${CONTENT}`];
  const line = secretLine(content.text);
  if (line !== undefined)
    return [
      `${name} seems to hold a secret in line ${line}`,
      `it is ${target} inside; a secret with that target, or configs without the secret`,
    ];
  const folder = posix.dirname(target);
  if (SHARED_FOLDER.test(folder) || targets.has(folder))
    return [
      `${name} is a single file in ${folder}`,
      `a volume there would hide the others; give the program another path, and ${CONTENT}`,
    ];
  return undefined;
}

/** The number of the first line that gives something with a secret's name a value, or that holds a key. */
function secretLine(text: string): number | undefined {
  const index = text.split("\n").findIndex((line) => {
    if (/-----BEGIN [A-Z ]*PRIVATE KEY-----|:\/\/[^\s:/@$]+:[^\s/@$]+@/.test(line)) return true;
    const [, key = "", value = ""] =
      /^\s*(?:-\s+)?["']?([\w.-]{1,100})["']?\s*[:=]\s*["']?([^"',#\s]{4,})/.exec(line) ?? [];
    if (/^(?:[$%{<]|true$|false$|null$|none$)/i.test(value)) return false;
    return value !== "" && (isSecretName(key) || looksRandom(value));
  });
  return index === -1 ? undefined : index + 1;
}

/** The `secrets` of a service. */
function convertSecrets(draft: Draft, source: Source, context: Context): void {
  const { file, folder, secrets, variables } = context;
  for (const item of listOf(keyOf(source, "secrets", context))) {
    const name = isMap(item) ? scalar(item.source) : scalar(item);
    if (name === undefined) continue;
    const target = posix.basename((isMap(item) ? scalar(item.target) : undefined) ?? name);
    const given = resolved(file.secrets[name], `secrets.${name}`, variables);
    const secret = isMap(given) ? given : {};
    const path = scalar(secret.file);
    const variable = scalar(secret.environment);
    const piece = { text: variables.value(variable ?? "") ?? "", variable: variable ?? "" };
    const taken =
      path !== undefined
        ? secrets.ofFile(name, folder.absolute(path), draft.name)
        : variable !== undefined
          ? secrets.ofValue(name, [piece], draft.name)
          : secrets.ofName(name, draft.name);
    if (taken === target) addSecret(draft, taken);
    else (draft.entry.secrets ??= []).push({ source: taken, target });
  }
}
