/** Known facts about the versions of a stack: ends of lines and holes, and which of those the stack accepts. Pure. */
import { holds } from "../../components/reach";
import { dayOf } from "../../images/age";
import {
  advisoriesOf,
  byReach,
  describeAdvisory,
  describeLine,
  isKnownAdvisory,
  limitsOfFacts,
  lineEnd,
  type Advisory,
  type LineEnd,
} from "../../images/known/known";
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

/** What decides whether a hole is accepted. */
export type AcceptingStack = Pick<LoadedStack, "model"> & {
  readonly config: Pick<LoadedStack["config"], "accept">;
};

/**
 * The acceptance of a hole in a service's image. Empty if the configuration has none; `ended` if it has one that no longer counts.
 * @param ids all names of the hole
 */
export function acceptanceOf(
  ids: readonly string[],
  service: string,
  { config, model }: AcceptingStack,
  now: Date,
): Pick<KnownHole, "accepted" | "ended"> {
  let ended: string | undefined;
  for (const accepted of config.accept.filter(({ id }) => ids.includes(id))) {
    const { until, while: fact } = accepted;
    if (dayOf(now) > until) ended ??= `accepted until ${until} only`;
    else if (fact === undefined || holds(fact, service, model)) return { accepted };
    else ended ??= `accepted while "${fact}", which is not so for ${service}`;
  }
  return ended === undefined ? {} : { ended };
}

/** In the order of the services. */
export const knownImages = (stack: AcceptingStack, now: Date): readonly KnownImage[] =>
  stack.model.images.map(({ service, reference: image }) => {
    const line = lineEnd(image, now);
    const holes = advisoriesOf(image).map((advisory) => ({
      ...advisory,
      ...acceptanceOf([advisory.id], service, stack, now),
    }));
    return { service, image, holes, ...(line !== undefined && { line }) };
  });

/** Of one service: more would hide the rest of a preview. */
const MAX_HOLES = 5;

/** What to look at, one line each. Accepted holes are left out. */
export function knownLines(stack: AcceptingStack, now: Date): readonly string[] {
  const found = knownImages(stack, now);
  const ids = new Set(found.flatMap(({ holes }) => holes.map(({ id }) => id)));
  return [
    ...found.flatMap(({ service, ...known }) =>
      imageLines(known).map((line) => `${service}: ${line}`),
    ),
    ...stack.config.accept
      .filter(({ id }) => isKnownAdvisory(id) && !ids.has(id))
      .map(({ id }) => `accept: ${id} concerns no pinned version; remove it`),
    ...limitsOfFacts(
      found.map(({ image }) => image),
      now,
    ),
  ];
}

/** Of one image; first the holes for which nobody needs a login. */
export function imageLines({ image, line, holes }: Omit<KnownImage, "service">): readonly string[] {
  const open = holes.filter(({ accepted }) => accepted === undefined).sort(byReach);
  const more = open.length - MAX_HOLES;
  return [
    ...(line === undefined || line.state === "open" ? [] : [describeLine(line)]),
    ...open
      .slice(0, MAX_HOLES)
      .map((hole) => `${image.name} ${image.tag ?? ""}: ${describeHole(hole)}`),
    ...(more > 0
      ? [
          `${image.name} ${image.tag ?? ""}: and ${more} more; "npm run -s report -- --format json" has all`,
        ]
      : []),
  ];
}

const describeHole = (hole: KnownHole): string =>
  `${describeAdvisory(hole)}${hole.ended === undefined ? "" : `; ${hole.ended}`}`;
