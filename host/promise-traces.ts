/**
 * Imported first by the program, for its effect. The SDK keeps a stack trace for every promise that it makes, in case one
 * is never settled: thousands in a run. Pulumi's loader of TypeScript translates each of them to lines of the source, and
 * that is about a quarter of the work the program does. The SDK prints them with PULUMI_DEBUG_PROMISE_LEAKS only.
 */
export type Formatter = (error: Error, frames: NodeJS.CallSite[]) => unknown;

/**
 * Leaves the SDK's notes to itself, errors without a message, without frames; errors are translated as before. So is what the
 * SDK asks for without a limit: where in the program a resource is made, for the state.
 */
export const quick =
  (translated: Formatter): Formatter =>
  (error, frames) =>
    error.message === "" && Number.isFinite(Error.stackTraceLimit)
      ? "Error"
      : translated(error, frames);

// Undefined under tsx, in tests and commands, where Node itself translates.
const errors: { prepareStackTrace?: Formatter } = Error;
if (errors.prepareStackTrace !== undefined && process.env.PULUMI_DEBUG_PROMISE_LEAKS === undefined)
  errors.prepareStackTrace = quick(errors.prepareStackTrace);
