/** The questions before a deployment. */
import { Decision } from "./text";

export interface Allowed {
  /** Do not ask. Weaker restrictions and orphaned volumes still need their own option. */
  readonly yes: boolean;
  readonly allowWeaker: boolean;
  readonly allowDelete: boolean;
}

/** Resolves to whether the answer is exactly `wanted`. */
export type Ask = (question: string, wanted: string) => Promise<boolean>;

/**
 * Asks for what the options do not allow. Resolves to the reason not to deploy, or undefined.
 *
 * @param ask undefined without a terminal
 */
export async function confirm(
  { weakenings, orphanedVolumes }: Pick<Decision, "weakenings" | "orphanedVolumes">,
  { yes, allowWeaker, allowDelete }: Allowed,
  ask: Ask | undefined,
): Promise<string | undefined> {
  const special = [
    [weakenings.length > 0 && !allowWeaker, "restrictions become weaker", "weaker"],
    [orphanedVolumes.length > 0 && !allowDelete, "data volumes leave the stack", "delete"],
  ] as const;
  for (const [needed, what, word] of special) {
    if (!needed) continue;
    if (yes || ask === undefined) return `${what}; to accept this, add --allow-${word}`;
    if (!(await ask(`${what}; type "${word}" to accept this: `, word)))
      return `${what}: not accepted`;
  }
  if (yes) return undefined;
  if (ask === undefined)
    return "cannot ask for confirmation without a terminal; to deploy without asking, add --yes";
  return (await ask('type "yes" to deploy: ', "yes")) ? undefined : "not confirmed";
}
