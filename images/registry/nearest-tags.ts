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
    const allowed =
      want.numbers === have.numbers ? Math.min(MOST_EDITS, Math.max(2, want.tag.length / 3)) : 1;
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

const byNumbers = new Intl.Collator("en", { numeric: true });

function byDistance(a: Candidate, b: Candidate): number {
  for (const [n, distance] of a.distance.entries()) {
    const difference = distance - (b.distance[n] ?? 0);
    if (difference !== 0) return difference;
  }
  // As near as each other: the newer one first.
  return byNumbers.compare(b.tag, a.tag);
}

/** What differs in more places is as far as anything, and is not worked out: registries list thousands of tags. */
const MOST_EDITS = 8;

/** Levenshtein's: how many characters to add, drop or change; one more than {@link MOST_EDITS} for all above. */
function editDistance(from: string, to: string): number {
  const far = MOST_EDITS + 1;
  if (Math.abs(from.length - to.length) > MOST_EDITS) return far;
  let previous = Array.from({ length: to.length + 1 }, (_, n) => n);
  let current = new Array<number>(to.length + 1).fill(far);
  for (let i = 0; i < from.length; i++) {
    // Only near the diagonal: farther from it than so many it takes more edits anyway.
    const start = Math.max(0, i - MOST_EDITS);
    const end = Math.min(to.length, i + 1 + MOST_EDITS);
    current[start] = start === 0 ? i + 1 : far;
    let least = far;
    for (let j = start; j < end; j++) {
      const distance = Math.min(
        (previous[j] ?? far) + (from[i] === to[j] ? 0 : 1),
        (previous[j + 1] ?? far) + 1,
        (current[j] ?? far) + 1,
      );
      current[j + 1] = distance;
      least = Math.min(least, distance);
    }
    if (least > MOST_EDITS) return far;
    if (end < to.length) current[end + 1] = far;
    [previous, current] = [current, previous];
  }
  return Math.min(previous[to.length] ?? far, far);
}
