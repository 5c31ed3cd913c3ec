/** What a person has to agree to before a plan is carried out. */
import { Decision } from "./text";

export interface Allowed {
  /** Do not ask; what needs a word of its own still does. */
  readonly yes: boolean;
  readonly allowWeaker: boolean;
  readonly allowDelete: boolean;
}

/** Whether exactly the wanted word was the answer. */
export type Ask = (question: string, wanted: string) => Promise<boolean>;

/**
 * Why not to go on, or undefined.
 *
 * @param ask undefined where nobody sits at the terminal
 */
export async function confirm(
  { weakenings, lost }: Pick<Decision, "weakenings" | "lost">,
  { yes, allowWeaker, allowDelete }: Allowed,
  ask: Ask | undefined,
): Promise<string | undefined> {
  const special = [
    [weakenings.length > 0 && !allowWeaker, "restrictions become weaker", "weaker"],
    [lost.length > 0 && !allowDelete, "volumes with data leave the stack", "delete"],
  ] as const;
  for (const [needed, what, word] of special) {
    if (!needed) continue;
    if (yes || ask === undefined) return `${what}; to accept this, add --allow-${word}`;
    if (!(await ask(`${what}; type "${word}" to accept this: `, word)))
      return `${what}, which was not accepted`;
  }
  if (yes) return undefined;
  if (ask === undefined)
    return "this is not a terminal, so nobody can confirm; to deploy without asking, add --yes";
  return (await ask('type "yes" to deploy: ', "yes")) ? undefined : "not confirmed";
}
