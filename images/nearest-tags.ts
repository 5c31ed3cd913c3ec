/** Which tags someone may have meant who wrote one that does not exist. Pure. */

const MOST = 5;

/** At most five of `tags`, the likeliest first; none that has nothing to do with the wanted one. */
export function nearestTags(wanted: string, tags: readonly string[]): readonly string[] {
  const want = read(wanted);
  return [...new Set(tags)]
    .filter((tag) => tag !== wanted)
    .flatMap((tag) => {
      const distance = distanceBetween(want, read(tag));
      return distance === undefined ? [] : [{ tag, distance }];
    })
    .sort(byDistance)
    .slice(0, MOST)
    .map(({ tag }) => tag);
}

interface Candidate {
  readonly tag: string;
  /** Compared from left to right; all of one length. */
  readonly distance: readonly number[];
}

interface Version {
  readonly tag: string;
  /** Of `v3.6.4-alpine`: 3, 6, 4, 0. Missing where the tag is no version. */
  readonly numbers?: readonly number[];
  /** Of `v3.6.4-alpine`: `-alpine`. */
  readonly variant: string;
}

const PARTS = 4;

function read(tag: string): Version {
  const match = /^v?(\d{1,9}(?:\.\d{1,9}){0,3})(?!\.?\d)(.*)$/i.exec(tag);
  if (match === null) return { tag, variant: "" };
  const [, numbers = "", variant = ""] = match;
  const known = numbers.split(".").map(Number);
  return { tag, variant, numbers: Array.from({ length: PARTS }, (_, n) => known[n] ?? 0) };
}

/** `undefined` for what is too far away to be worth naming. */
function distanceBetween(want: Version, have: Version): readonly number[] | undefined {
  const edits = editDistance(want.tag, have.tag);
  const noSteps = Array.from({ length: PARTS }, () => 0);
  if (want.numbers === undefined || have.numbers === undefined) {
    const allowed = want.numbers === have.numbers ? Math.max(2, want.tag.length / 3) : 1;
    return edits <= allowed && want.tag.length > edits + 1 ? [2, ...noSteps, edits] : undefined;
  }
  const { numbers } = have;
  // Below the first part that differs, how much the others differ says nothing: 0.3.0 comes right after 0.2.7.
  const first = want.numbers.findIndex((number, n) => number !== numbers[n]);
  const steps = want.numbers.map((number, n) =>
    n === first ? Math.abs(number - (numbers[n] ?? 0)) : 0,
  );
  const sameVersion = first === -1;
  // A slip of the pen or the v before the number; then the neighbours of the same variant (-alpine, -rc1); then this
  // version's other variants; then the rest.
  const kind =
    sameVersion && edits <= 2 ? 0 : want.variant === have.variant ? 1 : sameVersion ? 2 : 3;
  return [kind, ...steps, edits];
}

function byDistance(a: Candidate, b: Candidate): number {
  for (const [n, distance] of a.distance.entries()) {
    const difference = distance - (b.distance[n] ?? 0);
    if (difference !== 0) return difference;
  }
  // As near as each other: the newer one first.
  return b.tag.localeCompare(a.tag, "en", { numeric: true });
}

/** Levenshtein's: how many characters to add, drop or change. */
function editDistance(from: string, to: string): number {
  // Tags of one repository mostly begin or end alike, and that part costs nothing.
  if (from !== "" && from[0] === to[0]) return editDistance(from.slice(1), to.slice(1));
  if (from !== "" && from.at(-1) === to.at(-1))
    return editDistance(from.slice(0, -1), to.slice(0, -1));
  let previous = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (let i = 0; i < from.length; i++) {
    const current = [i + 1];
    for (let j = 0; j < to.length; j++)
      current.push(
        Math.min(
          (previous[j] ?? 0) + (from[i] === to[j] ? 0 : 1),
          (previous[j + 1] ?? 0) + 1,
          (current[j] ?? 0) + 1,
        ),
      );
    previous = current;
  }
  return previous[to.length] ?? 0;
}
