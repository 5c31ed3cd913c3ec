/**
 * `weaker` gives somebody more than they had, `stricter` less. `newer` is another image. `changed` is neither: a limit that
 * is another limit, a service that came or went.
 */
export type ChangeKind = "weaker" | "stricter" | "newer" | "changed";

export interface Change {
  readonly kind: ChangeKind;
  /** A service, a container, a network, or the entrance. */
  readonly subject: string;
  readonly what: string;
}

/** Something that a container has, and others may have too. */
export type Held = readonly [container: string, thing: string];

/** Having more is weaker, having less is stricter; the words stand before the thing. */
export const heldChanges = (
  before: readonly Held[],
  after: readonly Held[],
  more: string,
  less: string,
): Change[] => [
  ...without(after, before).map(([subject, thing]): Change => ({
    kind: "weaker",
    subject,
    what: `${more} ${thing}`,
  })),
  ...without(before, after).map(([subject, thing]): Change => ({
    kind: "stricter",
    subject,
    what: `${less} ${thing}`,
  })),
];

/** Each once: two containers may share several networks. */
const without = (items: readonly Held[], others: readonly Held[]): readonly Held[] =>
  items.filter(
    (item, at) => ![...others, ...items.slice(0, at)].some((other) => same(item, other)),
  );

const same = ([one, thing]: Held, [other, another]: Held): boolean =>
  one === other && thing === another;
