/** Why a container is replaced in its order, for people. Pure; the rule itself is in components/hardened/model.ts. */
import { ContainerModel } from "../../../components/hardened/model";

export function orderReason({ ports, mounts }: Pick<ContainerModel, "ports" | "mounts">): string {
  const reasons = [
    ...ports.map(({ address, published }) => `publishes ${address}:${published}`),
    ...mounts.flatMap((mount) =>
      mount.kind === "data" ? [`writes to volume ${mount.volume}`] : [],
    ),
  ];
  return reasons.length === 0 ? "no published port, no writable volume" : reasons.join(", ");
}

/** Table rows; the first one is the head. */
export const orderRows = (containers: readonly ContainerModel[]): string[][] => [
  ["CONTAINER", "WHEN REPLACED", "WHY"],
  ...containers.map((container) => [container.name, container.order, orderReason(container)]),
];
