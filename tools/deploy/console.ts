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
