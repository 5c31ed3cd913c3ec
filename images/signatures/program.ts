/** The check of signatures in a run of the Pulumi program. */
import { checkImages, refuseUnmet, warningsOf, type ImagesToCheck } from "./check";

/**
 * Runs before the program registers anything, so that an image whose policy is not met is not even pulled: throws a
 * TrustError. Resolves to warnings about the others.
 *
 * The return to the containers that ran before a failed deployment does not depend on it: they passed when they were deployed.
 */
export async function checkForPulumi(
  images: ImagesToCheck,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<readonly { readonly service: string; readonly message: string }[]> {
  if (environment.PINNED_STACK_TRUST === "as-deployed") return [];
  const checked = await checkImages(images);
  refuseUnmet(checked);
  return warningsOf(checked);
}
