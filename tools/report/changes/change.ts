/** In the order of the output. */
export const KINDS = ["weaker", "stricter", "newer", "changed"] as const;

/**
 * `weaker` grants more than before, `stricter` less. `newer` is another image. `changed` is neither: another limit, an added
 * or removed service.
 */
export type ChangeKind = (typeof KINDS)[number];

export interface Change {
  readonly kind: ChangeKind;
  /** A container, a service, `ingress` or `stack`. */
  readonly subject: string;
  /** Continues the sentence after the subject: `runs as root (0:0)`. */
  readonly what: string;
  /** The reason of the exemption that allows it. Only with `weaker`. */
  readonly reason?: string;
}

const of =
  (kind: ChangeKind) =>
  (subject: string, what: string, reason?: string): Change => ({
    kind,
    subject,
    what,
    ...(reason !== undefined && { reason }),
  });
export const weaker = of("weaker");
export const stricter = of("stricter");
export const newer = of("newer");
export const changed = of("changed");
