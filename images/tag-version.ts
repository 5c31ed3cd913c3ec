/** Version numbers as tags spell them: `v0.49.1`, `2.19.5-alpine`, `16-alpine`. */
export type Version = readonly number[];

/** The numbers at the start of a tag; undefined for tags such as `latest`, and where there is no tag. */
export function tagVersion(tag: string | undefined): Version | undefined {
  const match = /^v?(\d{1,6}(?:\.\d{1,6}){0,3})(?![\d])/.exec(tag ?? "");
  return match?.[1]?.split(".").map(Number);
}

/** Whether a tag names a version before another. An unknown version is before nothing: it is taken for a new one. */
export function isOlder(tag: string | undefined, than: Version): boolean {
  const version = tagVersion(tag);
  if (version === undefined) return false;
  for (const [index, number] of than.entries()) {
    const mine = version[index] ?? 0;
    if (mine !== number) return mine < number;
  }
  return false;
}
