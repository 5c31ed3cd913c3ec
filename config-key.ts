/** How keys of this project are spelled in a stack's file. Pure. */

const PREFIX = "pinned-stack:";

/** Pulumi takes a key without a namespace for the project's own. Where a file has both, the later one counts. */
export const fullKey = (key: string): string => (key.includes(":") ? key : PREFIX + key);

/** All ways to spell a key of the project, the full one first. */
export const spellings = (key: string): readonly string[] => [
  fullKey(key),
  key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key,
];
