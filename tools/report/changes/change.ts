/** In the order in which they are printed. */
export const KINDS = ["weaker", "stricter", "newer", "changed"] as const;

/**
 * `weaker` gives somebody or something more than it had, `stricter` less. `newer` is another image. `changed` is neither:
 * another limit, a service that came or went.
 */
export type ChangeKind = (typeof KINDS)[number];

export interface Change {
  readonly kind: ChangeKind;
  /** A container, a service, `ingress` or `stack`. */
  readonly subject: string;
  /** Reads on from the subject: `runs as root (0:0)`. */
  readonly what: string;
  /** Why an exemption allows it. Only with `weaker`, and only where there is an exemption. */
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
