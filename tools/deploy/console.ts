/** What a deployment tells while it works. */
import { printable } from "../../text/one-line";
import { Mask } from "../../text/redact";

export interface Reporter {
  /** A line for somebody who waits. */
  log(line: string): void;
  /** The beginning of a stage. */
  stage(name: string): void;
  /** The plan, for the decision. */
  show(text: string): void;
}

/** The same reporter for texts that came from containers and tools: without secrets, and without orders to the terminal. */
export function safeReporter(reporter: Reporter, mask: Mask): Reporter {
  const safe = (text: string): string => mask(printable(text));
  return {
    log: (line) => {
      reporter.log(safe(line));
    },
    stage: (name) => {
      reporter.stage(safe(name));
    },
    show: (text) => {
      reporter.show(safe(text));
    },
  };
}
