/** How keys of this project are spelled in a stack's file. Pure. */

export const PREFIX = "pinned-stack:";

/** Pulumi takes a key without a namespace for the project's own. Where a file has both, the later one counts. */
export const fullKey = (key: string): string => (key.includes(":") ? key : PREFIX + key);

/** All ways to spell a key, the full one first; a key of another namespace has one only. */
export function spellings(key: string): readonly string[] {
  const full = fullKey(key);
  return full.startsWith(PREFIX) ? [full, full.slice(PREFIX.length)] : [full];
}
