/** `npm run pin`, from its arguments to its exit code. */
import { join } from "node:path";
import { readPins, type BadPin, type Pin } from "../../config/file/pins";
import { checkWritable, readStackText, writePins } from "../../config/file/write";
import { badStackName, stackFileName, StackFileError } from "../../config/file/yaml";
import { formatAge, parseAge } from "../../images/age";
import { isTag } from "../../images/reference";
import { writeEvidence } from "../../images/signatures/store";
import { LEVELS, type Level } from "../../images/newer";
import { counted } from "../../text/one-line";
import { choice, CommandError, withProgress, type Surroundings } from "../cli/command";
import { checkExitCode, hasFailed } from "./decision";
import { pinJson } from "./json";
import { withKnown } from "./known";
import { pinMarkdown } from "./markdown";
import { findNewer, together } from "./newer";
import { listOutdated } from "./outdated";
import { planPins, type PinRequest } from "./plan";
import type { PinReport } from "./report";
import { readSettings } from "../trust/settings";
import { withSignatures } from "./signatures";
import { pinTable } from "./table";

const FORMATS = { table: pinTable, json: pinJson, markdown: pinMarkdown };

export interface PinCommand extends Surroundings, Pick<PinRequest, "deadlineMs" | "onRequest"> {
  readonly stack: string;
  /** `service`, `service=tag` or `service@level`; empty for all services. */
  readonly args: readonly string[];
  readonly check: boolean;
  readonly all: boolean;
  /** Only list newer versions. Default false. */
  readonly outdated?: boolean;
  /** Take the newest version of each image within this level: `patch`, `minor`, `major`. */
  readonly upgrade?: string | undefined;
  readonly format: string;
  /** Such as `3d`. Default: the stack's. */
  readonly minimumAge?: string | undefined;
  /** Default: the current time. */
  readonly now?: Date;
}

/** Resolves to the exit code. Rejects with a {@link CommandError} for invalid arguments or an unusable file. */
export async function runPin(command: PinCommand): Promise<number> {
  const { stack, check, all, signal, out, err, now = new Date() } = command;
  const formats = Object.keys(FORMATS) as (keyof typeof FORMATS)[];
  const render = FORMATS[choice("format", command.format, formats)];
  const age = command.minimumAge === undefined ? undefined : parseAge(command.minimumAge);
  if (command.minimumAge !== undefined && age === undefined)
    throw new CommandError(
      `--minimum-age: expected an age such as 3d, 12h or 0, got ${JSON.stringify(command.minimumAge)}`,
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
  const { chosen, tags: given, levels } = choose(command, pins, file);
  const { platform, registries, trust, encrypted, minimumAge: usual } = settings;
  const minimumAge = age ?? usual;
  const { deadlineMs, onRequest } = command;
  const requests = {
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(onRequest !== undefined && { onRequest }),
  };
  if (command.outdated === true || levels.size > 0) {
    const newer = await withProgress(
      "listing tags",
      findNewer({
        ...{ pins, registries, signal, ...requests },
        services: new Set(chosen.map(({ service }) => service)),
        ...(command.outdated === true && { builtFor: platform }),
      }),
    );
    signal.throwIfAborted();
    if (command.outdated === true) return listOutdated(newer, command, now);
    for (const [service, level] of levels) {
      const found = newer.find((one) => one.service === service);
      const tag = found?.newest[level];
      if (found?.problem !== undefined) err.write(`images.${service}: ${found.problem}\n`);
      else if (found?.note !== undefined) err.write(`images.${service}: ${found.note}\n`);
      if (tag !== undefined) given.set(service, tag);
    }
  }
  const tags: ReadonlyMap<string, string> = given;
  const planned = await withProgress(
    "looking up tags",
    planPins({
      pins: chosen,
      tags,
      policy: { minimumAge, all, now },
      ...{ platform, registries, encrypted, signal, ...requests },
    }),
  );
  signal.throwIfAborted();
  const { rows: signed, evidence } = await withProgress(
    "looking for signatures",
    withSignatures(planned, {
      ...{ platform, registries, trust, signal, now, offline: check, folder: command.folder },
      ...requests,
    }),
  );
  signal.throwIfAborted();
  const rows = withKnown(signed, settings.accept, now);

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
  if (!check && failure === undefined)
    for (const [service, one] of evidence) writeEvidence(command.folder, service, one);
  const report = { stack, file, platform, minimumAge, check, all, now, written, rows };
  out.write(render(report, command.paint));
  if (failure !== undefined) throw new CommandError(`${file}: ${failure.message}`);
  err.write(summary(report, command));
  if (check) return checkExitCode(rows);
  return rows.some(hasFailed) ? 2 : 0;
}

/** Puts the name of the file before each line of its problems. */
function inFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const lines = fileError(error).message.split("\n");
    throw new CommandError(lines.map((line) => `${file}: ${line}`).join("\n"), 2, { cause: error });
  }
}

/** Rethrows any other error, which is a bug. */
function fileError(error: unknown): StackFileError {
  if (error instanceof StackFileError) return error;
  throw error;
}

interface Chosen {
  readonly chosen: readonly (Pin | BadPin)[];
  readonly tags: Map<string, string>;
  /** By service, how far its version may go. */
  readonly levels: ReadonlyMap<string, Level>;
}

/** Throws a {@link CommandError} with the problems of all arguments. */
function choose(
  { args, upgrade }: Pick<PinCommand, "args" | "upgrade">,
  pins: readonly (Pin | BadPin)[],
  file: string,
): Chosen {
  const names = pins.map(({ service }) => service);
  const all = upgrade === undefined ? undefined : choice("upgrade", upgrade, LEVELS);
  const seen = new Set<string>();
  const tags = new Map<string, string>();
  const levels = new Map<string, Level>();
  const problems: string[] = [];
  for (const arg of args) {
    const [named = "", ...rest] = arg.split("=");
    const tag = rest.length === 0 ? undefined : rest.join("=");
    const [service = "", asked] = tag === undefined ? named.split("@", 2) : [named];
    const level = LEVELS.find((one) => one === asked);
    const problem = !names.includes(service)
      ? `${file} has no image for this service; expected one of ${names.join(", ")}`
      : seen.has(service)
        ? `${service} is given twice`
        : tag !== undefined && !isTag(tag)
          ? `expected a tag after "=", such as ${service}=1.2.3`
          : asked !== undefined && level === undefined
            ? `expected ${LEVELS.join(", ")} after "@", such as ${service}@minor`
            : undefined;
    if (problem !== undefined) problems.push(`${JSON.stringify(arg)}: ${problem}`);
    else if (tag !== undefined) tags.set(service, tag);
    else if (level !== undefined)
      for (const one of together(service)) if (names.includes(one)) levels.set(one, level);
    seen.add(service);
  }
  if (problems.length > 0) throw new CommandError(problems.join("\n"));
  const isChosen = (service: string): boolean =>
    args.length === 0 || seen.has(service) || levels.has(service);
  const chosen = pins.filter(({ service }) => isChosen(service));
  if (all !== undefined)
    for (const { service } of chosen)
      if (!tags.has(service) && !levels.has(service)) levels.set(service, all);
  return { chosen, tags, levels };
}

/** The result and the next step, one line each. */
function summary(
  { stack, file, check, all, minimumAge, rows, written }: PinReport,
  { args, minimumAge: asked, upgrade }: Pick<PinCommand, "args" | "minimumAge" | "upgrade">,
): string {
  const images = (...statuses: readonly string[]): string | undefined => {
    const count = rows.filter(({ status }) => statuses.includes(status)).length;
    return count === 0 ? undefined : counted(count, "image");
  };
  const [taken, held, failed] = [images("take"), images("hold"), images("fail")];
  const kept =
    rows.filter(({ status }) => status === "fail").length === 1 ? "its pin" : "their pins";
  const option = stack === "dev" ? [] : ["--stack", stack];
  // Repeats the arguments, so that the suggested command takes exactly what this one shows.
  const same = [
    ...option,
    ...(all ? ["--all"] : []),
    ...(asked === undefined ? [] : ["--minimum-age", asked]),
    ...(upgrade === undefined ? [] : ["--upgrade", upgrade]),
    ...args,
  ];
  const npmRun = (script: string, given: readonly string[]): string =>
    `"${["npm run", script, ...(given.length === 0 ? [] : ["--", ...given])].join(" ")}"`;
  const lines = [
    written && `${file}: ${taken ?? ""} pinned; see "git diff", then ${npmRun("preview", option)}`,
    check && taken !== undefined && `${taken} to pin: ${npmRun("pin", same)}`,
    held !== undefined && `${held} held by the minimum age of ${formatAge(minimumAge)}`,
    failed !== undefined && `${failed} failed${check ? "" : ` and kept ${kept}`}`,
    !check && images("take", "hold", "fail") === undefined && `${file}: nothing to pin`,
  ];
  return lines.flatMap((line) => (line === false ? [] : [`${line}\n`])).join("");
}
