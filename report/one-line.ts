import { stripVTControlCharacters } from "node:util";

/** What people wrote, for one line of a table: line breaks and tabs are spaces, and nothing is an order to a terminal. Pure. */
export const oneLine = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/\s*[\t-\r\u0085\u2028\u2029]\s*/g, " ")
    .replace(/\p{Cc}/gu, "");
