/** `npm run pin` from its words to its exit code; what is printed goes to the streams it is given. */
import { join } from "node:path";
import { parseAge } from "../../config/schema";
import { formatAge } from "../../images/age";
import { checkExitCode, type PinRow } from "./decision";
import { planPins, type PinRequest } from "./plan";
import { PinsError, readPins, type BadPin, type Pin } from "../../config/file/pins";
import { checkWritable, readPinsFile, writePins } from "../../config/file/write";
import { isTag } from "../../images/reference";
import { CommandError, withProgress } from "../cli/command";
import { pinJson } from "./json";
import { pinMarkdown } from "./markdown";
import type { PinReport } from "./report";
import { readSettings } from "./settings";
import { pinTable, type Paint } from "./table";

const FORMATS = ["table", "json", "markdown"] as const;
type Format = (typeof FORMATS)[number];

export interface PinCommand {
  readonly stack: string;
  /** `service` and `service=tag`; none for all services. */
  readonly words: readonly string[];
  readonly check: boolean;
  readonly all: boolean;
  readonly format: string;
  /** As written: `3d`. Default: the stack's. */
  readonly minimumAge?: string | undefined;
  /** Where `Pulumi.<stack>.yaml` is. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly out: Pick<NodeJS.WriteStream, "write">;
  readonly err: Pick<NodeJS.WriteStream, "write">;
  /** Colours for `out`. */
  readonly paint: Paint;
  /** Default: the clock's. */
  readonly now?: Date;
  readonly deadlineMs?: number;
  readonly onRequest?: PinRequest["onRequest"];
}

/** The exit code. Throws a {@link CommandError} for wrong words, and for a file that cannot be used. */
export async function runPin(command: PinCommand): Promise<number> {
  const { stack, check, all, folder, signal, out, err, now = new Date() } = command;
  const format = readFormat(command.format);
  const asked = readAge(command.minimumAge);
  const file = fileOf(stack);
  const path = join(folder, file);
  const ofFile = inFile(file);

  const { text, pins, value } = ofFile(() => readPins(readPinsFile(path)));
  const settings = ofFile(() => readSettings(stack, value));
  if (!check) ofFile(() => checkWritable(path));
  const { chosen, tags } = choose(command.words, pins, file);
  const minimumAge = asked ?? settings.minimumAge;
  const { deadlineMs, onRequest } = command;
  const rows = await withProgress(
    "asking the registries",
    planPins({
      pins: chosen,
      tags,
      policy: { minimumAge, all, now },
      platform: settings.platform,
      registries: settings.registries,
      lacking: settings.lacking,
      signal,
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
  const writing = !check && taken.size > 0;
  const failure = writing
    ? await writePins(path, text, taken, { signal }).catch(pinsError)
    : undefined;
  const written = writing && failure === undefined;
  const { platform } = settings;
  const report: PinReport = {
    ...{ stack, file, platform, minimumAge, check, all, now, written, rows },
  };
  out.write(render(format, report, command.paint));
  if (failure !== undefined) throw new CommandError(`${file}: ${failure.message}`);
  err.write(closing(report, taken.size, command));
  if (check) return checkExitCode(rows);
  return rows.some(({ status }) => status === "fail") ? 2 : 0;
}

/** A name that Pulumi accepts for a stack; it becomes part of a path here. */
const STACK_NAME = /^[A-Za-z0-9_.-]{1,100}$/;

function fileOf(stack: string): string {
  if (STACK_NAME.test(stack)) return `Pulumi.${stack}.yaml`;
  throw new CommandError(`stack ${JSON.stringify(stack)}: expected letters, digits, _ . -`);
}

function readFormat(text: string): Format {
  const format = FORMATS.find((name) => name === text);
  if (format !== undefined) return format;
  throw new CommandError(`--format ${JSON.stringify(text)}: expected ${FORMATS.join(", ")}`);
}

function readAge(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const age = parseAge(text);
  if (age !== undefined) return age;
  throw new CommandError(
    `--minimum-age ${JSON.stringify(text)}: expected an age such as 3d, 12h or 0`,
  );
}

/** Problems of the file with its name before each line. */
const inFile =
  (file: string) =>
  <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      const lines = pinsError(error).message.split("\n");
      throw new CommandError(lines.map((line) => `${file}: ${line}`).join("\n"), 2, {
        cause: error,
      });
    }
  };

/** Everything else is a fault of ours. */
function pinsError(error: unknown): PinsError {
  if (error instanceof PinsError) return error;
  throw error;
}

interface Chosen {
  readonly chosen: readonly (Pin | BadPin)[];
  readonly tags: ReadonlyMap<string, string>;
}

/** All problems of the words at once. */
function choose(words: readonly string[], pins: readonly (Pin | BadPin)[], file: string): Chosen {
  const names = pins.map(({ service }) => service);
  const seen = new Set<string>();
  const tags = new Map<string, string>();
  const problems: string[] = [];
  for (const word of words) {
    const [service = "", ...rest] = word.split("=");
    const tag = rest.length === 0 ? undefined : rest.join("=");
    if (!names.includes(service))
      problems.push(
        `${JSON.stringify(word)}: ${file} has no image of that service, it has ${names.join(", ")}`,
      );
    else if (seen.has(service)) problems.push(`${JSON.stringify(word)}: ${service} is named twice`);
    else if (tag !== undefined && !isTag(tag))
      problems.push(
        `${JSON.stringify(word)}: expected a tag after the equals sign, as in ${service}=1.2.3`,
      );
    else if (tag !== undefined) tags.set(service, tag);
    seen.add(service);
  }
  if (problems.length > 0) throw new CommandError(problems.join("\n"));
  return { chosen: words.length === 0 ? pins : pins.filter((pin) => seen.has(pin.service)), tags };
}

function render(format: Format, report: PinReport, paint: Paint): string {
  switch (format) {
    case "table":
      return pinTable(report, paint);
    case "json":
      return pinJson(report);
    case "markdown":
      return pinMarkdown(report);
  }
}

/** What happened and what to do next, for people; each a line. */
function closing(
  report: PinReport,
  taken: number,
  { words, minimumAge: asked }: Pick<PinCommand, "words" | "minimumAge">,
): string {
  const { stack, file, check, minimumAge, rows, written } = report;
  const count = (status: PinRow["status"]): number =>
    rows.filter((row) => row.status === status).length;
  const [failed, held] = [count("fail"), count("hold")];
  // The dev stack is the one that is meant where none is named.
  const option = stack === "dev" ? "" : ` -- --stack ${stack}`;
  // What was looked at is what is taken.
  const same = [
    ...(stack === "dev" ? [] : ["--stack", stack]),
    ...(report.all ? ["--all"] : []),
    ...(asked === undefined ? [] : ["--minimum-age", asked]),
    ...words,
  ];
  const take = ["npm run pin", ...(same.length === 0 ? [] : ["--", ...same])].join(" ");
  const lines: string[] = [];
  if (written)
    lines.push(
      `${file}: ${images(taken)} pinned; look at it with "git diff", then "npm run preview${option}"`,
    );
  if (check && taken > 0) lines.push(`${images(taken)} to pin: "${take}"`);
  if (held > 0) lines.push(`${images(held)} held by the minimum age of ${formatAge(minimumAge)}`);
  if (failed > 0) lines.push(`could not tell about ${images(failed)}${check ? "" : STAYS}`);
  if (!check && taken + failed + held === 0) lines.push(`${file}: nothing to pin`);
  return lines.map((line) => `${line}\n`).join("");
}

const STAYS = "; what the file says of that stays, the others do not wait for it";

const images = (count: number): string => (count === 1 ? "1 image" : `${count} images`);
