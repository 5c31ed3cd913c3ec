/** Mocha's reporter of this project. */
import { reporters, Runner, type MochaOptions } from "mocha";

/** Mocha's usual report, and a last line that scripts can read: `N passed, N failed, N skipped`. */
class ClosingLine extends reporters.Spec {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
      process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
    });
  }
}

export = ClosingLine;
