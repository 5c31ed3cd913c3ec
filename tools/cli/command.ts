/**
 * What all commands share: options, exit codes, colours and progress. Data goes to stdout, messages to stderr; colours and
 * progress only to a terminal.
 */
import { constants } from "node:os";
import { resolve } from "node:path";
import { parseArgs, ParseArgsConfig, stripVTControlCharacters, styleText } from "node:util";

import { printable } from "../../text/one-line";
import { UserError } from "../../text/user-error";

/** The folder of the project. */
export const PROJECT_FOLDER = resolve(__dirname, "..", "..");

/** Prints a line of progress, or a warning, to stderr. */
export const printLine = (line: string): void => void process.stderr.write(`  ${line}\n`);

/** Ends a command with a message for the user. Default exit code: 2. */
export class CommandError extends UserError {
  override readonly name = "CommandError";
  constructor(
    message: string,
    readonly exitCode = 2,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

type OptionsConfig = NonNullable<ParseArgsConfig["options"]>;

export interface Command<O extends OptionsConfig> {
  /** Printed by --help: usage, options, exit codes. */
  readonly help: string;
  readonly options: O;
  /** Whether positional arguments are accepted. Default false. */
  readonly allowPositionals?: boolean;
  /** Resolves to the exit code. SIGINT, SIGTERM and SIGHUP abort `signal`. */
  readonly main: (given: {
    readonly values: ReturnType<typeof parseArgs<{ options: O; strict: true }>>["values"];
    readonly positionals: readonly string[];
    readonly signal: AbortSignal;
  }) => Promise<number>;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs a command and sets the exit code: that of `main`, 2 for invalid options and errors, 128 + n after signal n. A
 * {@link UserError} prints as its message, any other error with its stack trace.
 */
export async function runCommand<O extends OptionsConfig>(command: Command<O>): Promise<void> {
  const interrupt = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    process.exitCode = 128 + constants.signals[signal];
    interrupt.abort(new CommandError(`stopped by ${signal}`, process.exitCode));
  };
  for (const name of SIGNALS) process.once(name, onSignal);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", allowClosed);
  try {
    const { values, positionals, tokens } = parseArguments(command);
    if ("help" in values && values.help === true) {
      process.stdout.write(`${command.help.trim()}\n`);
      return;
    }
    const given = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
    refuseOptionsTakenByNpm(Object.keys(command.options), given);
    const { signal } = interrupt;
    process.exitCode = await command.main({ values: values as never, positionals, signal });
  } catch (error) {
    process.exitCode = error instanceof CommandError ? error.exitCode : 2;
    // Messages may repeat what hosts and programs say.
    process.stderr.write(`${printable(textOf(error))}\n`);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

/** A closed pipe or terminal does not end the command or change its exit code. */
function allowClosed(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE" || error.code === "EIO") return;
  // An uncaught error would exit with 1, which means "differences found" for some commands.
  process.stderr.write(`cannot write the output: ${error.message}\n`);
  process.exit(2);
}

function parseArguments<O extends OptionsConfig>(command: Command<O>) {
  try {
    return parseArgs({
      options: { ...command.options, help: { type: "boolean", short: "h" } },
      allowPositionals: command.allowPositionals ?? false,
      strict: true,
      tokens: true,
    });
  } catch (error) {
    throw new CommandError(
      `${error instanceof Error ? error.message : String(error)}\n\n${command.help.trim()}`,
    );
  }
}

/**
 * npm consumes options in front of `--` and passes them in `npm_config_*` variables only. Ignoring them could select the
 * wrong stack, or write with `--check`. Options that were also given to the command are npm's own settings.
 */
function refuseOptionsTakenByNpm(options: readonly string[], given: readonly string[]): void {
  const { env } = process;
  const valueOf = (option: string) => env[`npm_config_${option.replaceAll("-", "_")}`] ?? "";
  const taken = options.filter((option) => !given.includes(option) && valueOf(option) !== "");
  if (taken.length === 0) return;
  const names = taken.map((option) => `--${option}`).join(" ");
  const args = taken.map((option) =>
    valueOf(option) === "true" ? `--${option}` : `--${option} ${valueOf(option)}`,
  );
  throw new CommandError(
    `npm consumed ${names}; put "--" before the options: "npm run ${env.npm_lifecycle_event ?? "COMMAND"} -- ${args.join(" ")}"`,
  );
}

/** An option's value, if it is one of the choices. Throws a {@link CommandError} otherwise. */
export function choice<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const found = choices.find((one) => one === value);
  if (found !== undefined) return found;
  throw new CommandError(
    `--${option}: expected ${choices.join(", ")}, got ${JSON.stringify(value)}`,
  );
}

/** The message of a {@link UserError}; the stack trace of any other error. */
export function textOf(error: unknown): string {
  if (error instanceof UserError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Indented JSON that is safe to print: JSON itself escapes only some control characters. */
export const jsonText = (value: object): string =>
  `${JSON.stringify(value, undefined, 2).replace(/[\u007f-\u009f]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`)}\n`;

type Style = Parameters<typeof styleText>[0];

/** Adds colours if the stream is a terminal and NO_COLOR is not set (https://no-color.org). */
export function painter(
  stream: Pick<NodeJS.WriteStream, "isTTY">,
): (style: Style, text: string) => string {
  const colours = stream.isTTY && (process.env.NO_COLOR ?? "") === "";
  // validateStream would check stdout, whatever the stream is.
  return (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text);
}

/** What a command works with. */
export interface Surroundings {
  /** That of the stack files, `Pulumi.<stack>.yaml`. */
  readonly folder: string;
  /** Ends the command. */
  readonly signal: AbortSignal;
  readonly out: Pick<NodeJS.WriteStream, "write"> & { readonly isTTY?: boolean };
  readonly err: Pick<NodeJS.WriteStream, "write">;
  /** Colours for `out`. */
  readonly paint: ReturnType<typeof painter>;
}

export const surroundings = (signal: AbortSignal): Surroundings => ({
  folder: PROJECT_FOLDER,
  signal,
  out: process.stdout,
  err: process.stderr,
  paint: painter(process.stdout),
});

/** Aligned columns, two spaces apart, without trailing spaces. Escape sequences have no width. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, width(cell));
    });
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell + " ".repeat((widths[index] ?? 0) - width(cell)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const width = (text: string): number => stripVTControlCharacters(text).length;

/** {@link columns} with a dim head row; ends with a line break. */
export function table(
  rows: readonly (readonly string[])[],
  paint: ReturnType<typeof painter>,
): string {
  const [head = "", ...lines] = columns(rows).split("\n");
  return [paint("dim", head), ...lines, ""].join("\n");
}

/** Shows on a terminal how long `work` has been running, once that is more than a second. */
export async function withProgress<T>(text: string, work: Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work;
  const started = Date.now();
  const timer = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000);
    process.stderr.write(`\r\u001b[K${text} … ${seconds} s`);
  }, 1000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    process.stderr.write("\r\u001b[K");
  }
}
