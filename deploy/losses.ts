/** What a deployment would take away for good, or cannot do at all. Pure. */
import { tagVersion } from "../components/tag-version";
import { parseReference } from "../images/reference";
import { Model, RecordedResource, VOLUME } from "../model/synth";
import { StackState, nameOf } from "./state";

export interface LostVolume {
  readonly urn: string;
  readonly name: string;
}

/** Protected volumes of the last deployment that the program does not declare any more. */
export function lostVolumes(
  { resources }: Pick<StackState, "resources">,
  model: Pick<Model, "resources">,
): LostVolume[] {
  const kept = new Set(
    model.resources.filter(({ type }) => type === VOLUME).map(({ name }: RecordedResource) => name),
  );
  return resources
    .filter(({ type, protect, urn }) => type === VOLUME && protect && !kept.has(nameOf(urn)))
    .map(({ urn, inputs }) => ({
      urn,
      name: typeof inputs.name === "string" ? inputs.name : nameOf(urn),
    }));
}

/**
 * The steps for a new major version of PostgreSQL, where that is what changed and nobody said that it is meant: it cannot
 * read the files of the old one, so the deployment is refused. Undefined for every other change.
 *
 * @param upgradedFrom `services.postgres.upgradedFrom`: the version whose data is left behind on purpose
 */
export function majorChange(
  stack: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  upgradedFrom?: number,
): string | undefined {
  const [from, to] = [majorOf(before.postgres), majorOf(after.postgres)];
  if (from === undefined || to === undefined || from === to || from === upgradedFrom)
    return undefined;
  return [
    `images.postgres: PostgreSQL ${to} cannot read the data of PostgreSQL ${from}, which runs; nothing was changed. To move the data:`,
    `  1. while ${from} runs: npm run deploy -- --stack ${stack} --dump`,
    `  2. in Pulumi.${stack}.yaml, set services.postgres.upgradedFrom: ${from}`,
    `  3. npm run deploy -- --stack ${stack} --allow-delete; the volume ${stack}-postgres-${from}-data stays on the host`,
    `  4. restore the dump: docs/operations.md, "Restoring a dump"`,
  ].join("\n");
}

function majorOf(image: string | undefined): number | undefined {
  if (image === undefined) return undefined;
  return tagVersion(parseReference(image).tag)?.[0];
}
