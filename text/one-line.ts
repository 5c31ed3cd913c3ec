/** Makes untrusted text safe to print. Pure. */

import { stripVTControlCharacters } from "node:util";

/**
 * The text on one line: line breaks and tabs become spaces, escape sequences and control characters are removed, and
 * bidirectional controls are shown as escapes so that they cannot reorder the line (Trojan Source, CVE-2021-42574).
 */
export const oneLine = (text: string): string =>
  stripVTControlCharacters(text)
    // Matches whole runs of white space, because searching for a line break from each position is quadratic.
    .replace(/[\s\u0085]+/g, (run) => (/[\t-\r\u0085\u2028\u2029]/.test(run) ? " " : run))
    .replace(/\p{Cc}/gu, "")
    .replace(/\p{Bidi_Control}/gu, (one) => `\\u{${one.charCodeAt(0).toString(16)}}`);

/** The text without escape sequences and control characters, except tabs and line feeds. */
export const printable = (text: string): string =>
  stripVTControlCharacters(text).replace(/[^\P{Cc}\t\n]/gu, "");

/** `1 image`, `2 images` */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;
