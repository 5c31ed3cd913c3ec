/** Base64 for a here-document, in lines as `base64 -d` takes them everywhere. Each ends with a line break. */
export const base64Lines = (bytes: Buffer): string =>
  bytes.toString("base64").replace(/.{1,76}/g, "$&\n");

/** Quotes a text as a single word for a POSIX shell. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
