/** Text from people, containers and tools, made safe to print. Pure. */

import { stripVTControlCharacters } from "node:util";

/**
 * The text as one line of a table: line breaks and tabs become spaces, escape sequences and control characters go, and
 * bidirectional controls are shown as escapes instead of reordering the line (Trojan Source, CVE-2021-42574).
 */
export const oneLine = (text: string): string =>
  stripVTControlCharacters(text)
    // Matches a whole run of white space: searching for a line break from each of its positions is quadratic.
    .replace(/[\s\u0085]+/g, (run) => (/[\t-\r\u0085\u2028\u2029]/.test(run) ? " " : run))
    .replace(/\p{Cc}/gu, "")
    .replace(/\p{Bidi_Control}/gu, (one) => `\\u{${one.charCodeAt(0).toString(16)}}`);

/** Without escape sequences and control characters; tabs and line feeds stay. */
export const printable = (text: string): string =>
  stripVTControlCharacters(text).replace(/[^\P{Cc}\t\n]/gu, "");

/** `1 image`, `2 images` */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;
