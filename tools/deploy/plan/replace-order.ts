/** In which order a service is replaced, and why. Pure; the rule itself is in components/hardened/container.ts. */
import { replaceOrder, ReplaceOrder } from "../../../components/hardened/container";
import { SERVICE_NAMES } from "../../../config/schema";
import { DeclaredContainer } from "../../model/declared";

export interface ServiceOrder {
  readonly order: ReplaceOrder;
  /** Why it cannot start first, or why it can. */
  readonly why: string;
}

export function orderOf({
  ports,
  mounts,
}: Pick<DeclaredContainer, "ports" | "mounts">): ServiceOrder {
  const written = mounts.filter(({ writable }) => writable);
  const reasons = [
    ...ports.map((port) => `publishes ${port.replace(/->.*/, "")}`),
    ...written.map(({ source }) => `writes to volume ${source}`),
  ];
  return {
    order: replaceOrder(ports, written),
    why: reasons.length === 0 ? "no published port, no writable volume" : reasons.join(", "),
  };
}

/** Table rows for people in the order of the services, the first one is the head. */
export const orderRows = (containers: readonly DeclaredContainer[]): string[][] => [
  ["CONTAINER", "WHEN REPLACED", "WHY"],
  ...[...containers]
    .sort((a, b) => rank(a.service) - rank(b.service) || (a.name < b.name ? -1 : 1))
    .map((container) => {
      const { order, why } = orderOf(container);
      return [container.name, order, why];
    }),
];

/** Position of a service in every table. */
export const rank = (service: string): number =>
  (SERVICE_NAMES as readonly string[]).indexOf(service);
