import { readFileSync } from "node:fs";

import { readStackFile } from "../../config/file/read";
import { oneLine } from "../../text/one-line";
import { CommandError, painter, PROJECT_FOLDER, runCommand } from "../cli/command";
import { loadStack } from "../model/load";
import { changes, isWeaker } from "../report/changes/changes";
import {
  notCompared,
  parseSavedView,
  saveCommand,
  SavedView,
} from "../report/changes/saved-report";
import { COMPARED, FORMATS, isFormat, render, renderChanges } from "../report/formats";
import { stackView } from "../report/view/stack";

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
  main: ({ values: { stack, format, against, "config-file": path } }) => {
    const got = `got ${JSON.stringify(format)}`;
    if (!isFormat(format))
      throw new CommandError(
        `--format: expected one of ${Object.keys(FORMATS).join(", ")}, ${got}`,
      );
    if (against !== undefined && !COMPARED.includes(format))
      throw new CommandError(`--format: with --against expected ${COMPARED.join(", ")}, ${got}`);
    // CurrentState the stack, which takes longer.
    const saved = against === undefined ? undefined : readSaved(against, stack);
    const loaded = loadStack(readStackFile(stack, PROJECT_FOLDER, path), { placeholders: true });
    const view = stackView(loaded.model);
    const found = saved && changes(saved, view);
    const paint = painter(process.stdout);
    process.stdout.write(
      found === undefined
        ? render(format, loaded, view, paint)
        : renderChanges(format, view.stack, found, paint),
    );
    return Promise.resolve(found !== undefined && isWeaker(found) ? 1 : 0);
  },
});

/** Remarks on stderr where the comparison is another one than whoever asks may think. */
function readSaved(file: string, stack: string): SavedView {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch {
    const remedy = saveCommand(stack, file);
    throw new CommandError(`--against: cannot read ${JSON.stringify(file)}; ${remedy}`);
  }
  const saved = parseSavedView(content, file, stack);
  const missing = notCompared(saved);
  const remark = (text: string): void => void process.stderr.write(`${file}: ${text}\n`);
  if (saved.stack !== stack)
    remark(`is of stack "${oneLine(saved.stack)}", and compared with stack "${stack}"`);
  if (missing.length > 0)
    remark(`is older and does not tell of ${missing.join(", ")}; save it again to compare them`);
  return saved;
}
