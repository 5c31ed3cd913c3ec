import { StackModel } from "../../../components/model";
import { DataFormat } from "../../../components/services/definition";
import { parseReference } from "../../../images/reference";
import { tagVersion } from "../../../images/tag-version";
import { PlainConfig } from "../../../config/file/edit";
import { imagesOf } from "../pulumi/history";
import { nameOf, StackState, VOLUME } from "../pulumi/state";

export interface OrphanedVolume {
  readonly urn: string;
  readonly name: string;
}

/** Data volumes in the state that the model no longer has. They leave the stack and stay on the host. Pure. */
export function orphanedVolumes(
  { resources }: Pick<StackState, "resources">,
  { stack, containers }: Pick<StackModel, "stack" | "containers">,
): OrphanedVolume[] {
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
 * Allows a rollback across a major version of PostgreSQL, by setting `upgradedFrom` to the current version. The data of that
 * version is orphaned and stays on the host. Pure.
 */
export function withUpgradedFrom(
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
