/** The plan of `npm run deploy` without a deployment: nothing is asked of the host, and nothing is changed. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { secretTexts } from "../../../config/file/edit";
import { printable } from "../../../text/one-line";
import { maskOf } from "../../../text/redact";
import { CommandError, textOf } from "../../cli/command";
import { LoadedStack } from "../../model/load";
import { errorLines } from "../pulumi/events";
import { PulumiStack } from "../pulumi/stack";
import { ImageChangeKinds } from "./image-changes";
import { deployedModel } from "../pulumi/state";
import { withPlannedImages } from "../pulumi/target";
import { orphanedVolumes } from "./orphaned-volumes";
import { planOf } from "./plan";
import { planText } from "./text";
import { replacesDatabase, triedIn } from "./trial";
import { weakenings } from "./weakenings";

/** Resolves to the text of the plan. Rejects with Pulumi's errors, one line each. */
export async function previewText(
  pulumi: Pick<PulumiStack, "config" | "state" | "preview">,
  loaded: LoadedStack,
  imageChangeKinds: ImageChangeKinds,
  signal: AbortSignal,
  verified: readonly string[] = [],
): Promise<string> {
  const { config, model } = loaded;
  const [values, state] = await Promise.all([pulumi.config(), pulumi.state()]);
  const mask = maskOf(secretTexts(values));
  const orphaned = orphanedVolumes(state, model);
  const events: EngineEvent[] = [];
  try {
    await pulumi.preview({
      signal,
      // Pulumi refuses to plan the deletion of protected resources; the plan lists these volumes itself.
      exclude: orphaned.map(({ urn }) => urn),
      onEvent: (event) => events.push(event),
    });
  } catch (error) {
    signal.throwIfAborted();
    const lines = errorLines(events);
    throw new CommandError(mask(printable(lines.length > 0 ? lines.join("\n") : textOf(error))), 1);
  }
  const plan = planOf(model, state, events);
  const text = planText(model.stack, {
    plan,
    kinds: await imageChangeKinds(plan, config, signal),
    weakenings: weakenings(
      deployedModel(state),
      withPlannedImages(values, loaded, plan.images).model,
    ),
    orphanedVolumes: orphaned,
    // What only a look at the host or at the history tells is left to the deployment.
    findings: [],
    verified,
    tried: triedIn(plan, model),
    dump: replacesDatabase(plan, model),
  });
  return mask(printable(text));
}
