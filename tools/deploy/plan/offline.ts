/** The contents of a stack from its model, for a preview without Pulumi or Docker. Pure. */
import { StackModel } from "../../../components/model";
import { restrictionRows, RestrictionRow } from "../../../components/outputs";
import { ImageReference } from "../../../images/reference";
import { unresolved } from "../../model/load";
import { orderRows } from "./replace-order";

export interface OfflinePlan {
  readonly headline: string;
  /** Table rows with a head row. */
  readonly services: readonly (readonly string[])[];
  /** Table rows with a head row: in which order each container is replaced, and why. */
  readonly order: readonly (readonly string[])[];
  /** Networks, exemptions, images without a digest. */
  readonly notes: readonly string[];
}

export function offlinePlan(model: StackModel): OfflinePlan {
  const { stack, containers, networks, images } = model;
  const volumes = new Set(
    containers.flatMap(({ mounts }) =>
      mounts.flatMap((mount) => ("volume" in mount ? [mount.volume] : [])),
    ),
  );
  const rows = restrictionRows(model);
  return {
    headline: `stack ${stack}: ${containers.length} containers, ${networks.length} networks and ${volumes.size} volumes`,
    services: [
      ["SERVICE", "IMAGE", "DIGEST", "USER", "CAPS", "ROOT", "MEMORY", "PIDS", "STATUS"],
      ...images.flatMap(({ service, reference }) =>
        rows.filter((row) => row.service === service).map((row) => serviceRow(row, reference)),
      ),
    ],
    order: orderRows(containers),
    notes: [
      `networks: ${networks
        .map(({ name, internal }) => `${name}${internal ? "" : " (external)"}`)
        .join(", ")}`,
      ...rows.flatMap(({ service, exemptions }) =>
        exemptions.map(({ control, reason }) => `exempt: ${service}, ${control}: ${reason}`),
      ),
      ...unresolved(model).map(
        (service) => `images.${service}: no digest; a full preview resolves the tag`,
      ),
    ],
  };
}

const serviceRow = (row: RestrictionRow, { name, tag, digest }: ImageReference): string[] => [
  row.service,
  tag === undefined ? name : `${name}:${tag}`,
  digest?.slice("sha256:".length, "sha256:".length + 12) ?? "not resolved",
  row.user,
  row.capAdd.length === 0 ? "none" : row.capAdd.join(" "),
  row.readOnlyRootfs ? "read-only" : "writable",
  `${row.memoryMiB} MiB`,
  String(row.pidsLimit),
  row.exemptions.length === 0
    ? "hardened"
    : `exempt: ${row.exemptions.map(({ control }) => control).join(", ")}`,
];
