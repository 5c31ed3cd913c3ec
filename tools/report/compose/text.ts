/** Compose replaces `$NAME` in every text of its file; two of them stand for one. */
export const plain = (text: string): string => text.replaceAll("$", "$$$$");

/** A value that whoever starts the stack has to give, and what Compose says when it is missing. */
export const required = (variable: string, hint: string): string => `\${${variable}:?${hint}}`;
