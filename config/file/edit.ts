/** Decrypted configurations of a stack, such as that of an earlier deployment, and writing them to files for Pulumi. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseDocument } from "yaml";

import { notifySecrets } from "../notify";
import { SECRET_NAMES } from "../schema";
import { StackFile } from "./read";
import { fromJson, spellings } from "./yaml";

/** As `pulumi config --json` and `pulumi stack history --json` print it. */
export type ConfigMap = Readonly<
  Record<
    string,
    { readonly value?: string; readonly objectValue?: unknown; readonly secret: boolean }
  >
>;

/** A decrypted configuration, as Pulumi passes it to a program: structured values are JSON. */
export interface PlainConfig {
  readonly values: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
}

export function plainConfig(map: ConfigMap): PlainConfig {
  const entries = Object.entries(map);
  return {
    values: Object.fromEntries(
      entries.flatMap(([key, { value }]) => (value === undefined ? [] : [[key, value]])),
    ),
    secretKeys: entries.filter(([, { secret }]) => secret).map(([key]) => key),
  };
}

/** The CLI prints this, with exit code 0, for a secret that it cannot decrypt with the passphrase. */
const UNDECRYPTED = "ERROR_UNABLE_TO_DECRYPT";

/** Whether all secrets were decrypted. Otherwise {@link UNDECRYPTED} would be deployed as a secret. */
export const isReadable = ({ values, secretKeys }: PlainConfig): boolean =>
  secretKeys.every((key) => values[key] !== UNDECRYPTED);

/** All values to mask in output: secrets and registry passwords, whether they are encrypted or not. */
export function secretTexts({ values, secretKeys }: PlainConfig): string[] {
  const names = new Set([...secretKeys, ...SECRET_NAMES.map((name) => `pinned-stack:${name}`)]);
  return Object.entries(values).flatMap(([key, text]) => [
    ...(names.has(key) ? [text] : []),
    ...passwordsIn(fromJson(text)),
    ...(key === "pinned-stack:secrets" ? textsIn(fromJson(text)) : []),
    ...(key === NOTIFY ? textsIn(fromJson(text)).filter(isUrl).flatMap(notifySecrets) : []),
  ]);
}

/** All texts of a map, at any depth. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string" || typeof value === "number") return [String(value)];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function passwordsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === "password" && typeof item === "string" ? [item] : passwordsIn(item),
  );
}

/** The configuration in the form that commands read from a stack file. */
export const asStackFile = (stack: string, path: string, config: PlainConfig): StackFile => ({
  stack,
  path,
  config: config.values,
  secretKeys: config.secretKeys,
});

export const NOTIFY = "pinned-stack:notify";
const isUrl = (text: string): boolean => text.includes("://");

export const IMAGES = "pinned-stack:images";

/** Replaces configured images by those that a preview resolved or a deployment used. */
export function withImages(
  config: PlainConfig,
  images: Readonly<Record<string, string>>,
): PlainConfig {
  const configured = JSON.parse(config.values[IMAGES] ?? "{}") as Record<string, string>;
  const replaced = Object.entries(configured).map(([service, image]) => [
    service,
    images[service] ?? image,
  ]);
  return {
    ...config,
    values: { ...config.values, [IMAGES]: JSON.stringify(Object.fromEntries(replaced)) },
  };
}

/** Keys whose values differ, sorted. */
export function changedKeys(from: PlainConfig, to: PlainConfig): string[] {
  const keys = new Set([...Object.keys(from.values), ...Object.keys(to.values)]);
  return [...keys].filter((key) => from.values[key] !== to.values[key]).sort();
}

export interface ConfigEdit {
  readonly text: string;
  /** Secrets to set with the Pulumi CLI, which encrypts them. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * Edits the text of a stack file so that it has another configuration. Unchanged keys keep their text, including
 * encrypted values; so does the encryption salt.
 */
export function editConfig(text: string, current: PlainConfig, wanted: PlainConfig): ConfigEdit {
  const document = parseDocument(text);
  const secrets: Record<string, string> = {};
  for (const key of changedKeys(current, wanted)) {
    const value = wanted.values[key];
    for (const spelling of spellings(key).slice(1)) document.deleteIn(["config", spelling]);
    if (value === undefined || wanted.secretKeys.includes(key)) document.deleteIn(["config", key]);
    else document.setIn(["config", key], document.createNode(fromJson(value)));
    if (value !== undefined && wanted.secretKeys.includes(key)) secrets[key] = value;
  }
  return { text: document.toString({ lineWidth: 0 }), secrets };
}

/** Runs `work` with a temporary file of the wanted configuration. Only the current user can read it. */
export async function withConfigFile<T>(
  options: {
    readonly stackFile: string;
    readonly current: PlainConfig;
    readonly wanted: PlainConfig;
    readonly setSecret: (file: string, key: string, value: string) => Promise<void>;
  },
  work: (configFile: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "pinned-stack-"));
  try {
    const file = join(folder, "Pulumi.yaml");
    const edit = editConfig(
      readFileSync(options.stackFile, "utf8"),
      options.current,
      options.wanted,
    );
    writeFileSync(file, edit.text, { mode: 0o600 });
    for (const [key, value] of Object.entries(edit.secrets))
      await options.setSecret(file, key, value);
    return await work(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
