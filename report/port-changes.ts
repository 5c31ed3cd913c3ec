/** Published ports of two reports compared. Pure. */
import { isEveryInterface } from "../host/ip-ranges";
import { Change } from "./change";
import { onHost } from "./container-facts";
import { PortView } from "./stack-view";

/** Who publishes a port on every interface gives nobody more by another address, only another way to write it down. */
export function portChanges(before: readonly PortView[], after: readonly PortView[]): Change[] {
  const opened = after
    .filter((port) => !before.some(isSame(port)))
    .flatMap((port): Change[] => {
      const { container: subject, address } = port;
      const open = before.find(isOpen(port));
      if (open === undefined) return [{ kind: "weaker", subject, what: `publishes ${text(port)}` }];
      return isEveryInterface(address)
        ? [{ kind: "changed", subject, what: `publishes ${text(port)} instead of ${text(open)}` }]
        : [];
    });
  const closed = before
    .filter((port) => !after.some(isSame(port)) && !after.some(isOpen(port)))
    .map((port): Change => ({
      kind: "stricter",
      subject: port.container,
      what: `no longer publishes ${text(port)}`,
    }));
  return [...opened, ...closed];
}

const text = (port: PortView): string => `${onHost(port)}/${port.protocol}`;

const isSame =
  (port: PortView) =>
  (other: PortView): boolean =>
    port.container === other.container && text(port) === text(other);

/** Whether the other is the same port, on every interface. */
const isOpen =
  (port: PortView) =>
  (other: PortView): boolean =>
    isEveryInterface(other.address) && isSame({ ...port, address: other.address })(other);
