/** The plan of `npm run deploy` without a deployment: nothing is asked of the host, and nothing is changed. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { StackModel } from "../../../components/model";
import { secretTexts } from "../../../config/file/edit";
import { parseReference } from "../../../images/reference";
import { printable } from "../../../text/one-line";
import { maskOf } from "../../../text/redact";
import { CommandError, textOf } from "../../cli/command";
import { LoadedStack } from "../../model/load";
import { errorLines } from "../pulumi/events";
import { PulumiStack } from "../pulumi/stack";
import { ImageChangeKinds } from "./image-changes";
import { deployedModel } from "../pulumi/state";
import { orphanedVolumes } from "./orphaned-volumes";
import { Plan, planOf } from "./plan";
import { planText } from "./text";
import { replacesDatabase, triedIn } from "./trial";
import { weakenings } from "./weakenings";

/** Resolves to the text of the plan. Rejects with Pulumi's errors, one line each. */
export async function previewText(
  pulumi: Pick<PulumiStack, "config" | "state" | "preview">,
  { config, model }: LoadedStack,
  imageChangeKinds: ImageChangeKinds,
  signal: AbortSignal,
): Promise<string> {
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
    weakenings: weakenings(deployedModel(state), resolved(model, plan.images)),
    orphanedVolumes: orphaned,
    // What only a look at the host or at the history tells is left to the deployment.
    findings: [],
    tried: triedIn(plan, model),
    dump: replacesDatabase(plan, model),
  });
  return mask(printable(text));
}

/** The model with the images that the preview resolved: tags are still not pinned. */
function resolved(model: StackModel, images: Plan["images"]): StackModel {
  const found = (service: string, image: string): string => images[service] ?? image;
  return {
    ...model,
    images: model.images.map((image) => {
      const text = images[image.service];
      return text === undefined || image.reference.digest !== undefined
        ? image
        : { ...image, reference: parseReference(text), bareTag: true };
    }),
    containers: model.containers.map((container) => ({
      ...container,
      image: found(container.service, container.image),
    })),
  };
}
