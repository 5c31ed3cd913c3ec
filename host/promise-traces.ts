/**
 * Saves about a quarter of the program's CPU time. Imported first by index.ts, for its side effect. The Pulumi SDK creates a
 * stack trace for every promise, thousands per run, to report promises that never settle. Pulumi's TypeScript loader maps
 * each trace to source lines, which is slow. The SDK prints the traces only if PULUMI_DEBUG_PROMISE_LEAKS is set.
 */

/** The type of `Error.prepareStackTrace`. */
export type Formatter = (error: Error, frames: NodeJS.CallSite[]) => unknown;

/**
 * Skips the frames of errors without a message, which the SDK creates for promises. Other errors are formatted as before. So
 * are errors without a frame limit, which the SDK creates to find the source position of a resource.
 */
export const skipPromiseTraces =
  (format: Formatter): Formatter =>
  (error, frames) =>
    error.message === "" && Number.isFinite(Error.stackTraceLimit)
      ? "Error"
      : format(error, frames);

// Undefined under tsx (tests and commands), where Node maps the traces itself.
const errors: { prepareStackTrace?: Formatter } = Error;
if (errors.prepareStackTrace !== undefined && process.env.PULUMI_DEBUG_PROMISE_LEAKS === undefined)
  errors.prepareStackTrace = skipPromiseTraces(errors.prepareStackTrace);
