/** Known facts about the versions of a stack: ends of lines and holes, and which of those the stack accepts. Pure. */
import { holds } from "../../components/reach";
import { advisoriesOf, lineEnd, type Advisory, type LineEnd } from "../../images/known/known";
import type { ImageReference } from "../../images/reference";
import type { LoadedStack } from "../model/load";

export interface KnownImage {
  readonly service: string;
  readonly image: ImageReference;
  readonly line?: LineEnd;
  readonly holes: readonly KnownHole[];
}

export interface KnownHole extends Advisory {
  readonly accepted?: Acceptance;
  /** Why an acceptance in the configuration no longer counts. */
  readonly ended?: string;
}

export type Acceptance = LoadedStack["config"]["accept"][number];

type Stack = Pick<LoadedStack, "model"> & {
  readonly config: Pick<LoadedStack["config"], "accept">;
};

/** In the order of the services. */
export const knownImages = ({ config, model }: Stack, now: Date): readonly KnownImage[] =>
  model.images.map(({ service, reference: image }) => {
    const line = lineEnd(image, now);
    const holes = advisoriesOf(image).map((advisory): KnownHole => {
      const accepted = config.accept.find(({ id }) => id === advisory.id);
      if (accepted === undefined) return advisory;
      const { until, while: fact } = accepted;
      if (now.toISOString().slice(0, 10) > until)
        return { ...advisory, ended: `accepted until ${until} only` };
      return fact === undefined || holds(fact, service, model)
        ? { ...advisory, accepted }
        : { ...advisory, ended: `accepted while "${fact}", which is not so for ${service}` };
    });
    return { service, image, holes, ...(line !== undefined && { line }) };
  });

/** What to look at, one line each. Accepted holes are left out. */
export function knownLines(stack: Stack, now: Date): readonly string[] {
  const found = knownImages(stack, now);
  const ids = new Set(found.flatMap(({ holes }) => holes.map(({ id }) => id)));
  return [
    ...found.flatMap(({ service, image, line, holes }) => [
      ...(line === undefined || line.state === "open"
        ? []
        : [
            `${service}: ${line.product} ${line.line} ${line.state === "ended" ? "ended" : "ends"} ${line.end ?? ""} (${new URL(line.source).host}, read ${line.read})`,
          ]),
      ...holes
        .filter(({ accepted }) => accepted === undefined)
        .map(
          ({ id, summary, login, fixed, read, ended }) =>
            `${service}: ${image.name} ${image.tag ?? ""}: ${id}${login === false ? ", without login" : ""}, fixed in ${fixed}: ${summary} (read ${read})${ended === undefined ? "" : `; ${ended}`}`,
        ),
    ]),
    ...stack.config.accept
      .filter(({ id }) => !ids.has(id))
      .map(({ id }) => `accept: ${id} concerns no pinned version; remove it`),
  ];
}
