/** The command `npm run report`. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";

import { readStackFile } from "../../config/file/read";
import { oneLine } from "../../text/one-line";
import { choice, CommandError, painter, PROJECT_FOLDER, runCommand } from "../cli/command";
import { loadStack } from "../model/load";
import { changes, isWeaker } from "../report/changes/changes";
import {
  notCompared,
  parseSavedView,
  saveCommand,
  SavedView,
} from "../report/changes/saved-report";
import { writeExport } from "../report/compose/write";
import {
  COMPARED,
  exportOf,
  Format,
  FORMATS,
  PrintedFormat,
  render,
  renderChanges,
} from "../report/formats";
import { stackView } from "../report/view/stack";
import { openvex } from "../trust/openvex";
import { supplyView } from "../trust/supply";

void runCommand({
  help: `
npm run -s report -- [--stack S] [--format F]
npm run -s report -- [--stack S] --format compose --output FOLDER
npm run -s report -- [--stack S] --against FILE

Describes a stack: images, restrictions, exemptions with their reasons, networks, ports, volumes, and who reads which
secret. Reads only the configuration: contacts nothing, needs no secret and shows none.

  --stack S         the stack, Pulumi.S.yaml (default dev)
  --config-file P   another configuration file
  --format F        output format (default table):
                    ${Object.entries(FORMATS)
                      .map(([name, about]) => `${name.padEnd(10)}${about}`)
                      .join(`\n${" ".repeat(20)}`)}
  --output FOLDER   with --format compose: where its files go; it is created if it does not exist
  --against FILE    compare with a report saved by --format json: what became weaker, stricter, newer
                    (with --format table, markdown or json)

Exit code: 0 done, 1 something became weaker (with --against), 2 the configuration or FILE is invalid.`,
  options: {
    stack: { type: "string", default: "dev" },
    "config-file": { type: "string" },
    format: { type: "string", default: "table" },
    output: { type: "string" },
    against: { type: "string" },
  },
  main: async ({ values: { stack, format: name, output, against, "config-file": path } }) => {
    const format = choice("format", name, Object.keys(FORMATS) as Format[]);
    if (against !== undefined && !COMPARED.includes(format))
      throw new CommandError(
        `--format: expected ${COMPARED.join(", ")} with --against, got ${JSON.stringify(format)}`,
      );
    checkOutput(format, output, stack);
    // Before the stack, which takes longer to load.
    const saved = against === undefined ? undefined : readSaved(against, stack);
    const file = readStackFile(stack, PROJECT_FOLDER, path);
    const loaded = loadStack(file, { placeholders: true });
    if (format === "compose" && output !== undefined) {
      const files = exportOf(loaded);
      writeExport(output, files);
      process.stderr.write(
        `wrote ${Object.keys(files).length} files to ${output}; the head of compose.yaml says what it needs before the first start\n`,
      );
      return 0;
    }
    if (format === "openvex") {
      process.stdout.write(openvex(loaded, new Date()));
      return 0;
    }
    const supply = await supplyView(loaded, dirname(file.path), new Date());
    const view = { ...stackView(loaded.model), supply };
    const found = saved && changes(saved, view);
    const paint = painter(process.stdout);
    process.stdout.write(
      found === undefined
        ? render(format as PrintedFormat, view, paint)
        : renderChanges(format, view.stack, found, paint),
    );
    return found !== undefined && isWeaker(found) ? 1 : 0;
  },
});

/** Only a Compose file comes with other files, so only it goes to a folder. */
function checkOutput(format: Format, output: string | undefined, stack: string): void {
  if (format === "compose" && output === undefined)
    throw new CommandError(
      `--format compose: writes several files; add the folder for them: --output compose-${stack}`,
    );
  if (format !== "compose" && output !== undefined)
    throw new CommandError(
      `--output: only for --format compose; to save this format, use "> ${output}"`,
    );
}

/** Warns on stderr if the report is of another stack, or lacks fields. */
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
  const warn = (text: string): void => void process.stderr.write(`${file}: ${text}\n`);
  if (saved.stack !== stack)
    warn(`is a report of stack "${oneLine(saved.stack)}", compared with stack "${stack}"`);
  if (missing.length > 0)
    warn(`is from an older version without ${missing.join(", ")}; save it again to compare them`);
  return saved;
}
