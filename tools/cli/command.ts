/**
 * What all commands have in common: options, exit codes, colours, progress. Data goes to stdout, talk to stderr;
 * colours and progress only to a terminal.
 */
import { constants } from "node:os";
import { resolve } from "node:path";
import { parseArgs, ParseArgsConfig, stripVTControlCharacters, styleText } from "node:util";

import { UserError } from "../../text/user-error";

/** The project's folder, wherever a command is started from. */
export const PROJECT_FOLDER = resolve(__dirname, "..", "..");

/** Ends a command with a message for its user and an exit code. */
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
  /** Shown by --help: usage line, options, exit codes. */
  readonly help: string;
  readonly options: O;
  /** Whether words that are no options are taken. Default false. */
  readonly words?: boolean;
  /** Does the work; the answer is the exit code. `signal` is aborted by Ctrl-C, SIGTERM and the end of the terminal. */
  readonly main: (given: {
    readonly values: ReturnType<typeof parseArgs<{ options: O; strict: true }>>["values"];
    readonly words: readonly string[];
    readonly signal: AbortSignal;
  }) => Promise<number>;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs a command and sets the exit code: the command's own, 2 for wrong options and for an error, 130 after Ctrl-C.
 * Errors that are meant for users print as they are, all others with their stack.
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
    const { values, positionals, tokens } = parseWords(command);
    if ("help" in values && values.help === true) {
      process.stdout.write(`${command.help.trim()}\n`);
      return;
    }
    const given = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
    refuseSwallowed(Object.keys(command.options), given);
    process.exitCode = await command.main({
      values: values as never,
      words: positionals,
      signal: interrupt.signal,
    });
  } catch (error) {
    process.exitCode = error instanceof CommandError ? error.exitCode : 2;
    process.stderr.write(`${textOf(error)}\n`);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

/** Nobody reads on, as with "| head" or a closed terminal: what the command does and its exit code stay what they are. */
function allowClosed(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE" || error.code === "EIO") return;
  // Not by an uncaught error, which ends with 1: for commands that check, that is an answer.
  process.stderr.write(`the output cannot be written: ${error.message}\n`);
  process.exit(2);
}

function parseWords<O extends OptionsConfig>(command: Command<O>) {
  try {
    return parseArgs({
      options: { ...command.options, help: { type: "boolean", short: "h" } },
      allowPositionals: command.words ?? false,
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
 * npm keeps options that stand before `--` for itself, and tells of them in the environment alone: the command would act on
 * the wrong stack, or write where it should look. Refuses those of `options` that were not also `given` to the command.
 */
function refuseSwallowed(options: readonly string[], given: readonly string[]): void {
  const { env } = process;
  const valueOf = (option: string) => env[`npm_config_${option.replaceAll("-", "_")}`] ?? "";
  const swallowed = options.filter((option) => !given.includes(option) && valueOf(option) !== "");
  if (swallowed.length === 0) return;
  const names = swallowed.map((option) => `--${option}`).join(" ");
  const words = swallowed.map((option) =>
    valueOf(option) === "true" ? `--${option}` : `--${option} ${valueOf(option)}`,
  );
  throw new CommandError(
    `npm took ${names} for its own: put "--" before the options, as in "npm run ${env.npm_lifecycle_event ?? "COMMAND"} -- ${words.join(" ")}"`,
  );
}

/** What to show of an error: the message where it is meant for the user, else with the stack trace. */
export function textOf(error: unknown): string {
  if (error instanceof UserError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

type Style = Parameters<typeof styleText>[0];

/** Colours for a stream that shows them: a terminal, and no NO_COLOR (https://no-color.org). */
export function painter(
  stream: Pick<NodeJS.WriteStream, "isTTY">,
): (style: Style, text: string) => string {
  const colours = stream.isTTY && (process.env.NO_COLOR ?? "") === "";
  // Asked here and not by styleText, which looks at stdout whatever the stream is.
  return (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text);
}

/** Rows as aligned columns, two spaces apart; the last column is not padded. Escape sequences have no width. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, width(cell));
    });
  return rows
    .map((row) =>
      row
        .map((cell, index) =>
          index === row.length - 1
            ? cell
            : cell + " ".repeat(Math.max(0, (widths[index] ?? 0) - width(cell))),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const width = (text: string): number => stripVTControlCharacters(text).length;

/** Says on a terminal what takes longer than a second, until it is done. */
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
