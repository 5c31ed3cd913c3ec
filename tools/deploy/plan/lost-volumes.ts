/** Data volumes that a deployment would remove from the stack. Pure. */
import { StackModel } from "../../../components/model";
import { DataFormat } from "../../../components/services/definition";
import { parseReference } from "../../../images/reference";
import { tagVersion } from "../../../images/tag-version";
import { PlainConfig } from "../../../config/file/edit";
import { imagesOf } from "../pulumi/history";
import { nameOf, StackState, VOLUME } from "../pulumi/state";

export interface LostVolume {
  readonly urn: string;
  readonly name: string;
}

/** Protected volumes of the last deployment that the model does not have any more. */
export function lostVolumes(
  { resources }: Pick<StackState, "resources">,
  { stack, containers }: Pick<StackModel, "stack" | "containers">,
): LostVolume[] {
  const kept = new Set(
    containers.flatMap(({ mounts }) =>
      mounts.flatMap((mount) => (mount.kind === "data" ? [`${stack}-${mount.volume}`] : [])),
    ),
  );
  return resources
    .filter(({ type, protect, urn }) => type === VOLUME && protect && !kept.has(nameOf(urn)))
    .map(({ urn, inputs }) => ({
      urn,
      name: typeof inputs.name === "string" ? inputs.name : nameOf(urn),
    }));
}

/**
 * The configuration of an earlier deployment, for going back over a change of PostgreSQL's major version. That leaves the
 * data of the present version behind on purpose; it stays on the host, as the data of the older version did.
 */
export function acrossMajors(
  config: PlainConfig,
  { postgres }: Readonly<Partial<Record<string, DataFormat>>>,
): PlainConfig {
  const image = imagesOf(config).postgres;
  const to = image === undefined ? undefined : tagVersion(parseReference(image).tag)?.[0];
  if (postgres === undefined || to === undefined || postgres.version === to) return config;
  const services = JSON.parse(config.values[SERVICES] ?? "{}") as Record<string, object>;
  const changed = { ...services.postgres, upgradedFrom: postgres.version };
  const values = {
    ...config.values,
    [SERVICES]: JSON.stringify({ ...services, postgres: changed }),
  };
  return { ...config, values };
}

const SERVICES = "pinned-stack:services";
