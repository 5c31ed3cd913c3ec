/** Imports a Compose file in a test, without registries. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { SERVICE_NAMES } from "../../../components/services";
import { type ImageDefaults } from "../../../images/inspect/facts";
import { parseCompose } from "../../../tools/import/compose/document";
import { parseEnvFile, Variables } from "../../../tools/import/compose/variables";
import { Import, type Imported, type ImportedService } from "../../../tools/import/convert";
import { projectFolder } from "../../../tools/import/folder";

export interface Given {
  /** Files beside the Compose file. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: string;
  /** What the images say, by service. */
  readonly images?: Readonly<Record<string, Partial<ImageDefaults>>>;
  readonly own?: readonly string[];
  /** Default "": names of secrets begin with nothing. */
  readonly project?: string;
}

const NONE: ImageDefaults = { user: "", ports: [], volumes: [], healthCheck: false };

/** @param text of the file, or its services */
export function importOf(
  text: string,
  { files = {}, env = "", images = {}, own = [], project = "" }: Given = {},
): Imported {
  const folder = mkdtempSync(join(tmpdir(), "import-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    const begun = new Import({
      file: parseCompose(text, "compose.yaml"),
      project,
      variables: new Variables(parseEnvFile(env)),
      folder: projectFolder(folder),
      target: { builtIn: SERVICE_NAMES, enabled: ["traefik", "cadvisor"], own, secrets: [] },
    });
    const defaults = Object.entries(images).map(
      ([name, said]) => [name, { ...NONE, ...said }] as const,
    );
    return begun.finish(new Map(defaults));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A single service called `app`; its image says nothing unless it is given. */
export function appOf(keys: string, given: Given = {}): ImportedService {
  const image = keys.includes("image:") ? "" : "    image: acme/app:1\n";
  const text = `services:\n  app:\n${image}${keys.replace(/^/gm, "    ")}\n`;
  const { services } = importOf(text, { images: { app: {} }, ...given });
  const [app] = services;
  if (app === undefined) throw new Error("there is no service");
  return app;
}

/** The findings of a kind, as one text each. */
export const said = ({ findings }: Pick<ImportedService, "findings">, kind: string): string[] =>
  findings.filter((one) => one.kind === kind).map(({ what, instead }) => `${what} → ${instead}`);
