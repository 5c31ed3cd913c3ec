/** What a stack would consist of, for people, from the model alone. Pure. */
import { RestrictionRow } from "../../../components/hardened/policy";
import { declaredContainers } from "../../model/declared";
import { orderRows } from "./replace-order";
import { parseReference } from "../../../images/reference";
import { CONTAINER, Model, NETWORK, VOLUME } from "../../model/synth";

export interface OfflinePlan {
  readonly headline: string;
  /** Table rows, the first one is the head. */
  readonly services: readonly (readonly string[])[];
  /** Table rows: in which order each container is replaced, and why. */
  readonly order: readonly (readonly string[])[];
  /** Further lines: networks, exemptions, images without a digest. */
  readonly notes: readonly string[];
}

export function offlinePlan(model: Model): OfflinePlan {
  const { stack, resources, outputs, unresolved } = model;
  const count = (type: string): number => resources.filter((made) => made.type === type).length;
  const made = resources.filter(({ custom }) => custom).length;
  const networks = resources
    .filter(({ type }) => type === NETWORK)
    .map(({ inputs }) => `${String(inputs.name)}${inputs.internal === true ? "" : " (leads out)"}`);
  return {
    headline: `stack ${stack}: ${made} resources, among them ${count(CONTAINER)} containers, ${count(NETWORK)} networks and ${count(VOLUME)} volumes`,
    services: [
      ["SERVICE", "IMAGE", "DIGEST", "USER", "CAPS", "ROOT", "MEMORY", "PIDS", "STATUS"],
      ...outputs.restrictions.map((row) => serviceRow(row, outputs.images[row.service] ?? "")),
    ],
    order: replacementOrder(model),
    notes: [
      `networks: ${networks.join(", ")}`,
      ...outputs.restrictions.flatMap(({ service, exemptions }) =>
        exemptions.map(({ control, reason }) => `exempt: ${service}, ${control}: ${reason}`),
      ),
      ...unresolved.map(
        (service) => `images.${service}: has no digest; a real preview asks its registry for it`,
      ),
    ],
  };
}

/** Follows from what a service is; `stop first` is away for a moment when it is replaced. */
export const replacementOrder = (model: Model): readonly (readonly string[])[] =>
  orderRows(declaredContainers(model));

function serviceRow(row: RestrictionRow, image: string): string[] {
  const { name, tag, digest } = parseReference(image);
  return [
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
}
