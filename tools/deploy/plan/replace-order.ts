import { ContainerModel } from "../../../components/hardened/model";

/** Why a container has its replace order. The rule is in components/hardened/model.ts. Pure. */
export function orderReason({ ports, mounts }: Pick<ContainerModel, "ports" | "mounts">): string {
  const reasons = [
    ...ports.map(({ address, published }) => `publishes ${address}:${published}`),
    ...mounts.flatMap((mount) =>
      mount.kind === "data" ? [`writes to volume ${mount.volume}`] : [],
    ),
  ];
  return reasons.length === 0 ? "no published port, no writable volume" : reasons.join(", ");
}

/** Table rows with a head row. */
export const orderRows = (containers: readonly ContainerModel[]): string[][] => [
  ["CONTAINER", "WHEN REPLACED", "WHY"],
  ...containers.map((container) => [container.name, container.order, orderReason(container)]),
];
