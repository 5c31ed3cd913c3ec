/**
 * `npm run bench [-- name …]`: each file beside this one is a bench and exports `bench`. Figures are compared within one
 * run on one machine; nothing absolute is promised.
 */
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { basename, join } from "node:path";

/** What a file in this folder exports as `bench`. */
export interface Bench {
  /** One line: what is measured. */
  readonly title: string;
  /** Prints its tables; rejects where it cannot measure. */
  readonly run: (print: (text: string) => void) => Promise<void>;
}

const load = createRequire(__filename);

async function main(): Promise<void> {
  const names = readdirSync(__dirname)
    .filter((file) => file.endsWith(".ts") && file !== basename(__filename))
    .map((file) => basename(file, ".ts"));
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`no bench ${unknown.join(", ")}; there are ${names.join(", ")}`);

  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const [cpu] = cpus();
  print(`Node ${process.version}, ${cpus().length} x ${cpu?.model.trim() ?? "unknown processor"}`);
  for (const name of wanted.length > 0 ? wanted : names) {
    // Not by import(): Node's own loader of modules knows no TypeScript.
    const loaded = load(join(__dirname, `${name}.ts`)) as { readonly bench: Bench };
    print(`\n# ${name}: ${loaded.bench.title}\n`);
    await loaded.bench.run(print);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
