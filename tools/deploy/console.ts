/** What a deployment tells while it works. */
import { printable } from "../../text/one-line";
import { Mask } from "../../text/redact";

export interface Talk {
  /** A line for somebody who waits. */
  say(line: string): void;
  /** The beginning of a stage. */
  stage(name: string): void;
  /** The plan, for the decision. */
  show(text: string): void;
}

/** The same talk for texts that came from containers and tools: without secrets, and without orders to the terminal. */
export function safeTalk(talk: Talk, mask: Mask): Talk {
  const safe = (text: string): string => mask(printable(text));
  return {
    say: (line) => {
      talk.say(safe(line));
    },
    stage: (name) => {
      talk.stage(safe(name));
    },
    show: (text) => {
      talk.show(safe(text));
    },
  };
}
