/** Runs a backup or its proof, and tells the recipients of the stack where it fails. */
import { textOf } from "../cli/command";
import { tell } from "../deploy/notify";
import { Databases } from "../deploy/host/dump";
import { Notice } from "../notify/notice";

type Mode = "now" | "verify";

/** Lines that say why. Those in between stay here. */
const TELLING = /\b(?:FAILED|NOT PROVED|REFUSED): /;

/** Rejects as `start` does. Tells nobody of a success and of an interrupt. */
export async function tellBackup(
  {
    stack,
    mode,
    signal,
  }: { readonly stack: string; readonly mode: Mode; readonly signal: AbortSignal },
  work: (at: Databases) => Promise<number>,
  start: (work: (at: Databases) => Promise<number>) => Promise<number>,
  send: typeof tell = tell,
): Promise<number> {
  const heard: string[] = [];
  try {
    return await start((at) =>
      work({
        ...at,
        log: (line) => {
          at.log(line);
          if (TELLING.test(line)) heard.push(line);
        },
      }),
    );
  } catch (error) {
    if (!signal.aborted) await send(stack, [backupNotice(stack, mode, error, heard)]);
    throw error;
  }
}

const TITLES: Readonly<Record<Mode, string>> = {
  now: "backup FAILED; the data of today may not be saved",
  verify: "backup NOT PROVED; a restore might not work",
};

export const backupNotice = (
  stack: string,
  mode: Mode,
  error: unknown,
  heard: readonly string[],
): Notice => ({
  event: "backup",
  title: `${stack}: ${TITLES[mode]}`,
  lines: [...heard, ...textOf(error).split("\n").slice(0, 20)],
});
