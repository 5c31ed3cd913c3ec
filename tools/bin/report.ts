import { readFileSync } from "node:fs";

import { readStackFile } from "../../config/file/read";
import { synth } from "../model/synth";
import { changes, isWeaker } from "../report/changes/changes";
import { ComposeError } from "../report/compose/files";
import { Format, FORMATS, isFormat, render } from "../report/formats";
import { oneLine } from "../../text/one-line";
import {
  notCompared,
  parseSavedView,
  saveCommand,
  SavedView,
  SavedViewError,
} from "../report/changes/saved-report";
import { stackView } from "../report/view/stack";
import { columns, CommandError, painter, PROJECT_FOLDER, runCommand } from "../cli/command";

/** Formats that a comparison has too. */
const COMPARED: readonly Format[] = ["table", "markdown", "json"];

void runCommand({
  help: `
npm run -s report -- [--stack S] [--format F]
npm run -s report -- [--stack S] --against FILE

What a stack is: images, restrictions and the reasons for leaving them, networks, ports, volumes, who reads which secret.
Made from the configuration alone: nothing is contacted, and secrets are neither needed nor shown.

  --stack S         the stack, Pulumi.S.yaml (default dev)
  --config-file P   another file for its configuration
  --format F        what to print (default table):
                    ${Object.entries(FORMATS)
                      .map(([name, about]) => `${name.padEnd(10)}${about}`)
                      .join(`\n${" ".repeat(20)}`)}
  --against FILE    a report saved with --format json: says what became stricter, weaker, newer
                    (with --format table, markdown or json)

Exit code: 0; 1 with --against when something became weaker; 2 when the configuration or FILE has problems.`,
  options: {
    stack: { type: "string", default: "dev" },
    "config-file": { type: "string" },
    format: { type: "string", default: "table" },
    against: { type: "string" },
  },
  main: async ({ values: { stack, format, against, "config-file": path } }) => {
    if (!isFormat(format))
      throw new CommandError(
        `--format: expected one of ${Object.keys(FORMATS).join(", ")}, got ${JSON.stringify(format)}`,
      );
    if (against !== undefined && !COMPARED.includes(format))
      throw new CommandError(
        `--format: with --against expected table, markdown or json, got ${JSON.stringify(format)}`,
      );
    // Before the stack is worked out, because it is quick and may be wrong.
    const saved =
      against === undefined
        ? undefined
        : forUsers(() => parseSavedView(read(against, stack), against, stack));
    for (const remark of saved === undefined ? [] : remarks(saved, stack))
      process.stderr.write(`${against ?? ""}: ${remark}\n`);
    const file = readStackFile(stack, PROJECT_FOLDER, path);
    const model = await synth(file, { placeholders: true });
    const view = stackView(model);
    const paint = painter(process.stdout);
    const style = {
      columns,
      title: (text: string) => paint("bold", text),
      head: (text: string) => paint("dim", text),
    };
    const found = saved === undefined ? undefined : changes(saved, view);
    process.stdout.write(
      forUsers(() => render({ format, model, view, style, ...(found && { changes: found }) })),
    );
    return found !== undefined && isWeaker(found) ? 1 : 0;
  },
});

/** What is compared in another way than whoever asks may think. */
function remarks(saved: SavedView, stack: string): string[] {
  const missing = notCompared(saved);
  return [
    ...(saved.stack === stack
      ? []
      : [`is of stack "${oneLine(saved.stack)}", and compared with stack "${stack}"`]),
    ...(missing.length === 0
      ? []
      : [`is older and does not tell of ${missing.join(", ")}; save it again to compare them`]),
  ];
}

function read(file: string, stack: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw new CommandError(
      `--against: cannot read ${JSON.stringify(file)}; ${saveCommand(stack, file)}`,
    );
  }
}

/** What is wrong with what was given, and not with the program. */
function forUsers<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SavedViewError || error instanceof ComposeError)
      throw new CommandError(error.message);
    throw error;
  }
}
