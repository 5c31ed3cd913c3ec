/** The reason for start-first or stop-first, as the plan prints it. Pure. */
import { ContainerModel, isWritable } from "../../../components/hardened/model";

/** Why a container has its replace order. The rule is in components/hardened/model.ts. Pure. */
export function orderReason({
  ports,
  mounts,
  devices = [],
}: Pick<ContainerModel, "ports" | "mounts" | "devices">): string {
  const reasons = [
    ...ports.map(({ address, published }) => `publishes ${address}:${published}`),
    ...mounts
      .filter(isWritable)
      .map((mount) =>
        "volume" in mount ? `writes to volume ${mount.volume}` : `writes to ${mount.source}`,
      ),
    ...devices.map(({ source }) => `uses ${source}`),
  ];
  return reasons.length === 0 ? "no published port, no writable volume" : reasons.join(", ");
}

/** Table rows with a head row. */
export const orderRows = (containers: readonly ContainerModel[]): string[][] => [
  ["CONTAINER", "WHEN REPLACED", "WHY"],
  ...containers.map((container) => [container.name, container.order, orderReason(container)]),
];
