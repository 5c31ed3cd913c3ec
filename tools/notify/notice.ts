/** What a notification says. Pure. */
import { NotifyEvent } from "../../config/notify";
import { oneLine } from "../../text/one-line";
import { Mask } from "../../text/redact";

export interface Notice {
  readonly event: NotifyEvent;
  /** One line that begins with the stack: `prod: backup FAILED`. */
  readonly title: string;
  readonly lines: readonly string[];
}

/** Discord takes 2000 characters, ntfy 4096 bytes. */
const MAX_TEXT = 1500;
const MAX_LINE = 400;

/** Masked, printable and short enough for every target. */
export function noticeText(
  { title, lines }: Notice,
  mask: Mask,
): { readonly title: string; readonly text: string } {
  const clean = (line: string): string => {
    const plain = oneLine(mask(line)).trim();
    return plain.length > MAX_LINE ? `${plain.slice(0, MAX_LINE - 1)}…` : plain;
  };
  const all = lines
    .flatMap((line) => line.split("\n"))
    .map(clean)
    .filter((line) => line !== "");
  const kept: string[] = [];
  for (const line of all) {
    if ([...kept, line].join("\n").length > MAX_TEXT) break;
    kept.push(line);
  }
  const left = all.length - kept.length;
  return {
    title: clean(title),
    text: [...kept, ...(left > 0 ? [`and ${left} more lines`] : [])].join("\n"),
  };
}
