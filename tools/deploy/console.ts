/** What a deployment prints: its plan on stdout and its progress on stderr, with secrets masked. */
import { painter } from "../cli/command";
import { printable } from "../../text/one-line";
import { Mask } from "../../text/redact";

/** The output of a deployment. */
export interface Reporter {
  /** A line of progress. */
  log(line: string): void;
  /** The start of a stage. */
  stage(name: string): void;
  /** The plan. */
  show(text: string): void;
}

/** Masks secrets and removes escape sequences: some texts come from containers and other programs. */
export function safeReporter(reporter: Reporter, mask: Mask): Reporter {
  const safe = (text: string): string => mask(printable(text));
  return {
    log(line) {
      reporter.log(safe(line));
    },
    stage(name) {
      reporter.stage(safe(name));
    },
    show(text) {
      reporter.show(safe(text));
    },
  };
}

type Stream = Pick<NodeJS.WriteStream, "write" | "isTTY">;

/** How often a step that says nothing shows that it still runs, ms: on a terminal in place, elsewhere as a line. */
const ALIVE_MS = { terminal: 1_000, log: 30_000 } as const;

/**
 * The plan goes to stdout, progress to stderr. While a stage runs, its name and the time since its start are shown; not
 * after the plan, where the user is asked. `close` ends that.
 */
export function consoleReporter(
  progress: Stream = process.stderr,
  out: Stream = process.stdout,
): Reporter & { readonly close: () => void } {
  const paint = painter(progress);
  const started = Date.now();
  let stage: { readonly name: string; readonly since: number } | undefined;
  let isShown = false;
  let timer: NodeJS.Timeout | undefined;
  const clear = (): void => {
    if (isShown) progress.write("\r\u001b[K");
    isShown = false;
  };
  const alive = (): void => {
    if (stage === undefined) return;
    const text = `${stage.name} … ${clock(stage.since)}`;
    progress.write(progress.isTTY ? `\r\u001b[K  ${text}` : `  ${text}\n`);
    isShown = progress.isTTY;
  };
  const stop = (): void => {
    clearInterval(timer);
    clear();
  };
  /** Silence counts from the last line. */
  const restart = (): void => {
    clearInterval(timer);
    if (stage === undefined) return;
    timer = setInterval(alive, progress.isTTY ? ALIVE_MS.terminal : ALIVE_MS.log);
    timer.unref();
  };
  return {
    log: (line) => {
      clear();
      progress.write(`  ${line}\n`);
      restart();
    },
    stage: (name) => {
      clear();
      progress.write(`${paint("dim", clock(started))} ${paint("bold", name)}\n`);
      stage = { name, since: Date.now() };
      restart();
    },
    show: (text) => {
      stage = undefined;
      stop();
      out.write(`${text}\n`);
    },
    close: stop,
  };
}

/** `1:05` since a time. */
function clock(since: number): string {
  const seconds = Math.round((Date.now() - since) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
