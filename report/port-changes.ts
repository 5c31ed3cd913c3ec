/** Published ports of two reports compared. Pure. */
import { isEveryInterface } from "../host/ip-ranges";
import { Change } from "./change";
import { onHost } from "./container-facts";
import { PortView } from "./stack-view";

/**
 * Who publishes a port on every interface gives nobody more by another address, only another way to write it down; nor by
 * another number for the same port of the container on the same address.
 */
export function portChanges(before: readonly PortView[], after: readonly PortView[]): Change[] {
  const gone = before.filter((port) => !after.some(isSame(port)) && !after.some(isOpen(port)));
  const opened = after
    .filter((port) => !before.some(isSame(port)))
    .flatMap((port): Change[] => {
      const { container: subject, address } = port;
      const instead = (of: PortView): Change[] => [
        { kind: "changed", subject, what: `publishes ${text(port)} instead of ${text(of)}` },
      ];
      const open = before.find(isOpen(port));
      if (open !== undefined) return isEveryInterface(address) ? instead(open) : [];
      // One that is gone stands for one that has come, no more.
      const at = gone.findIndex(isMoved(port));
      const [moved] = at === -1 ? [] : gone.splice(at, 1);
      return moved === undefined
        ? [{ kind: "weaker", subject, what: `publishes ${text(port)}` }]
        : instead(moved);
    });
  const closed = gone.map((port): Change => ({
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

/** Whether the other is the same port of the container, as open, under another number. */
const isMoved =
  (port: PortView) =>
  (other: PortView): boolean =>
    port.container === other.container &&
    port.protocol === other.protocol &&
    port.internal === other.internal &&
    (port.address === other.address ||
      [port, other].every(({ address }) => isEveryInterface(address)));
