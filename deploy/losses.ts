/** What a deployment would take away for good, or cannot do at all. Pure. */
import { tagVersion } from "../components/tag-version";
import { parseReference } from "../images/reference";
import { Model, RecordedResource, VOLUME } from "../model/synth";
import { PlainConfig } from "./configuration";
import { imagesOf } from "./history";
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
 * @param from the version that the last run, finished or not, said it was
 * @param upgradedFrom `services.postgres.upgradedFrom`: the version whose data is left behind on purpose
 */
export function majorChange(
  stack: string,
  from: number | undefined,
  to: number | undefined,
  upgradedFrom?: number,
): string | undefined {
  if (from === undefined || to === undefined || from === to || from === upgradedFrom)
    return undefined;
  const refused = `images.postgres: PostgreSQL ${to} cannot read the data of PostgreSQL ${from}, which runs; nothing was changed.`;
  if (to < from)
    return [
      `${refused} To go back to the data that ${to} may have left on the host:`,
      `  1. in Pulumi.${stack}.yaml, set services.postgres.upgradedFrom: ${from}`,
      `  2. npm run deploy -- --stack ${stack} --allow-delete; what was written since stays in the volume ${stack}-postgres-${from}-data`,
    ].join("\n");
  return [
    `${refused} To move the data:`,
    `  1. while ${from} runs: npm run deploy -- --stack ${stack} --dump`,
    `  2. in Pulumi.${stack}.yaml, set services.postgres.upgradedFrom: ${from}`,
    `  3. npm run deploy -- --stack ${stack} --allow-delete; the volume ${stack}-postgres-${from}-data stays on the host`,
    `  4. restore the dump: docs/operations.md, "Restoring a dump"`,
  ].join("\n");
}

/**
 * The configuration of an earlier deployment, for going back over a change of PostgreSQL's major version: that the data of
 * version `from` is left behind is meant then. It stays on the host, as the data of the older version did.
 */
export function acrossMajors(config: PlainConfig, from: number | undefined): PlainConfig {
  const image = imagesOf(config).postgres;
  const to = image === undefined ? undefined : tagVersion(parseReference(image).tag)?.[0];
  if (from === undefined || to === undefined || from === to) return config;
  const services = JSON.parse(config.values[SERVICES] ?? "{}") as Record<string, object>;
  const postgres = { ...services.postgres, upgradedFrom: from };
  const values = { ...config.values, [SERVICES]: JSON.stringify({ ...services, postgres }) };
  return { ...config, values };
}

const SERVICES = "pinned-stack:services";
