/** `npm run pin`, from its arguments to its exit code. Prints to the streams it is given. */
import { join } from "node:path";
import { readPins, type BadPin, type Pin } from "../../config/file/pins";
import { checkWritable, readStackText, writePins } from "../../config/file/write";
import { badStackName, stackFileName, StackFileError } from "../../config/file/yaml";
import { formatAge, parseAge } from "../../images/age";
import { isTag } from "../../images/reference";
import { counted } from "../../text/one-line";
import { CommandError, withProgress } from "../cli/command";
import { checkExitCode } from "./decision";
import { pinJson } from "./json";
import { pinMarkdown } from "./markdown";
import { planPins, type PinRequest } from "./plan";
import type { PinReport } from "./report";
import { readSettings } from "./settings";
import { pinTable, type Paint } from "./table";

const FORMATS = new Map<string, (report: PinReport, paint: Paint) => string>([
  ["table", pinTable],
  ["json", pinJson],
  ["markdown", pinMarkdown],
]);

export interface PinCommand extends Pick<PinRequest, "deadlineMs" | "onRequest"> {
  readonly stack: string;
  /** `service` and `service=tag`; none for all services. */
  readonly words: readonly string[];
  readonly check: boolean;
  readonly all: boolean;
  readonly format: string;
  /** As written: `3d`. Default: the stack's. */
  readonly minimumAge?: string | undefined;
  /** The folder of `Pulumi.<stack>.yaml`. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly out: Pick<NodeJS.WriteStream, "write">;
  readonly err: Pick<NodeJS.WriteStream, "write">;
  /** Colours for `out`. */
  readonly paint: Paint;
  /** Default: the current time. */
  readonly now?: Date;
}

/** Returns the exit code. Throws a {@link CommandError} for wrong arguments and for a file that cannot be used. */
export async function runPin(command: PinCommand): Promise<number> {
  const { stack, check, all, signal, out, err, now = new Date() } = command;
  const render = FORMATS.get(command.format);
  if (render === undefined)
    throw invalid(`--format ${JSON.stringify(command.format)}`, [...FORMATS.keys()].join(", "));
  const age = command.minimumAge === undefined ? undefined : parseAge(command.minimumAge);
  if (command.minimumAge !== undefined && age === undefined)
    throw invalid(
      `--minimum-age ${JSON.stringify(command.minimumAge)}`,
      "an age such as 3d, 12h or 0",
    );
  const file = stackFileName(stack);
  if (file === undefined) throw new CommandError(badStackName(stack));
  const path = join(command.folder, file);

  const { text, pins, settings } = inFile(file, () => {
    const read = readPins(readStackText(path));
    const settings = readSettings(stack, read.value);
    if (!check) checkWritable(path);
    return { ...read, settings };
  });
  const { chosen, tags } = choose(command.words, pins, file);
  const { platform, registries, encrypted, minimumAge: usual } = settings;
  const minimumAge = age ?? usual;
  const { deadlineMs, onRequest } = command;
  const rows = await withProgress(
    "asking the registries",
    planPins({
      pins: chosen,
      tags,
      policy: { minimumAge, all, now },
      ...{ platform, registries, encrypted, signal },
      ...(deadlineMs !== undefined && { deadlineMs }),
      ...(onRequest !== undefined && { onRequest }),
    }),
  );
  signal.throwIfAborted();

  const taken = new Map(
    rows.flatMap(({ service, status, to }) =>
      status === "take" && to !== undefined ? [[service, to]] : [],
    ),
  );
  const isWriting = !check && taken.size > 0;
  const failure = isWriting
    ? await writePins(path, text, taken, { signal }).catch(fileError)
    : undefined;
  const written = isWriting && failure === undefined;
  const report = { stack, file, platform, minimumAge, check, all, now, written, rows };
  out.write(render(report, command.paint));
  if (failure !== undefined) throw new CommandError(`${file}: ${failure.message}`);
  err.write(summary(report, command));
  if (check) return checkExitCode(rows);
  return rows.some(({ status }) => status === "fail") ? 2 : 0;
}

const invalid = (option: string, expected: string): CommandError =>
  new CommandError(`${option}: expected ${expected}`);

/** Problems of the file, with its name before each line. */
function inFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const lines = fileError(error).message.split("\n");
    throw new CommandError(lines.map((line) => `${file}: ${line}`).join("\n"), 2, { cause: error });
  }
}

/** Rethrows anything else, which is a bug. */
function fileError(error: unknown): StackFileError {
  if (error instanceof StackFileError) return error;
  throw error;
}

interface Chosen {
  readonly chosen: readonly (Pin | BadPin)[];
  readonly tags: ReadonlyMap<string, string>;
}

/** Throws a {@link CommandError} with all problems of the words. */
function choose(words: readonly string[], pins: readonly (Pin | BadPin)[], file: string): Chosen {
  const names = pins.map(({ service }) => service);
  const seen = new Set<string>();
  const tags = new Map<string, string>();
  const problems: string[] = [];
  for (const word of words) {
    const [service = "", ...rest] = word.split("=");
    const tag = rest.length === 0 ? undefined : rest.join("=");
    const problem = !names.includes(service)
      ? `${file} has no image of that service, only of ${names.join(", ")}`
      : seen.has(service)
        ? `${service} is named twice`
        : tag !== undefined && !isTag(tag)
          ? `expected a tag after the equals sign, as in ${service}=1.2.3`
          : undefined;
    if (problem !== undefined) problems.push(`${JSON.stringify(word)}: ${problem}`);
    else if (tag !== undefined) tags.set(service, tag);
    seen.add(service);
  }
  if (problems.length > 0) throw new CommandError(problems.join("\n"));
  return { chosen: words.length === 0 ? pins : pins.filter((pin) => seen.has(pin.service)), tags };
}

/** What happened and what to do next, one line each. */
function summary(
  { stack, file, check, all, minimumAge, rows, written }: PinReport,
  { words, minimumAge: asked }: Pick<PinCommand, "words" | "minimumAge">,
): string {
  const images = (...statuses: readonly string[]): string | undefined => {
    const count = rows.filter(({ status }) => statuses.includes(status)).length;
    return count === 0 ? undefined : counted(count, "image");
  };
  const [taken, held, failed] = [images("take"), images("hold"), images("fail")];
  const option = stack === "dev" ? [] : ["--stack", stack];
  // The same arguments, so that exactly what was shown is taken.
  const same = [
    ...option,
    ...(all ? ["--all"] : []),
    ...(asked === undefined ? [] : ["--minimum-age", asked]),
    ...words,
  ];
  const npmRun = (script: string, given: readonly string[]): string =>
    `"${["npm run", script, ...(given.length === 0 ? [] : ["--", ...given])].join(" ")}"`;
  const lines = [
    written && `${file}: ${taken ?? ""} pinned; see "git diff", then ${npmRun("preview", option)}`,
    check && taken !== undefined && `${taken} to pin: ${npmRun("pin", same)}`,
    held !== undefined && `${held} held by the minimum age of ${formatAge(minimumAge)}`,
    failed !== undefined && `${failed} failed${check ? "" : "; failed images keep their pins"}`,
    !check && images("take", "hold", "fail") === undefined && `${file}: nothing to pin`,
  ];
  return lines.flatMap((line) => (line === false ? [] : [`${line}\n`])).join("");
}
