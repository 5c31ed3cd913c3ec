import { stripVTControlCharacters } from "node:util";

/**
 * What people wrote, for one line of a table: line breaks and tabs are spaces, nothing is an order to a terminal, and what
 * would show the text in another order is seen itself (Trojan Source, CVE-2021-42574). Pure.
 */
export const oneLine = (text: string): string =>
  stripVTControlCharacters(text)
    // A run of white space at once: looking for a line break from each of its places takes the square of its length.
    .replace(/[\s\u0085]+/g, (run) => (/[\t-\r\u0085\u2028\u2029]/.test(run) ? " " : run))
    .replace(/\p{Cc}/gu, "")
    .replace(/\p{Bidi_Control}/gu, (one) => `\\u{${one.charCodeAt(0).toString(16)}}`);
