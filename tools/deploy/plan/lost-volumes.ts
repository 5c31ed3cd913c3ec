/** Data volumes that a deployment would let go of. Pure. */
import { tagVersion } from "../../../images/tag-version";
import { parseReference } from "../../../images/reference";
import { Model, RecordedResource, VOLUME } from "../../model/synth";
import { PlainConfig } from "../../../config/file/edit";
import { imagesOf } from "../pulumi/history";
import { StackState, nameOf } from "../pulumi/state";

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
