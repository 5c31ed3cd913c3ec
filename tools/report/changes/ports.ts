/** Published ports of two reports compared. Pure. */
import { reachesNoFurther, sameAddress } from "../../../host/ip-ranges";
import { Change } from "./change";
import { onHost } from "../view/facts";
import { PortView } from "../view/stack";

/**
 * Weaker is a port of a container that somebody reaches who did not before. Another number for it gives nobody more, nor
 * does an address that fewer reach.
 */
export function portChanges(
  before: readonly PortView[],
  after: readonly PortView[],
  isForTls: (port: PortView) => boolean,
): Change[] {
  const gone = before.filter((port) => !after.some((other) => isSame(port, other)));
  const come = after.filter((port) => !before.some((other) => isSame(port, other)));
  const told = new Set<PortView>();
  // One that is gone stands for one that has come under another number, no more.
  const free = (fits: (old: PortView) => boolean): PortView | undefined =>
    gone.find((old) => !told.has(old) && fits(old));
  const opened = come.map((port): Change => {
    const old =
      gone.find((one) => one.published === port.published && opensNoMore(port, one)) ??
      free((one) => opensNoMore(port, one) && opensNoMore(one, port)) ??
      free((one) => opensNoMore(port, one));
    const subject = port.container;
    if (old === undefined)
      return isForTls(port)
        ? { kind: "changed", subject, what: `publishes ${text(port)}, for TLS` }
        : { kind: "weaker", subject, what: `publishes ${text(port)}` };
    told.add(old);
    const what = `publishes ${text(port)} instead of ${text(old)}`;
    return { kind: opensNoMore(old, port) ? "changed" : "stricter", subject, what };
  });
  const closed = gone
    .filter((port) => !told.has(port) && !after.some((other) => isStillOpen(port, other)))
    .map((port): Change => ({
      kind: "stricter",
      subject: port.container,
      what: `no longer publishes ${text(port)}`,
    }));
  return [...opened, ...closed];
}

/** As `docker ps` writes it. */
const text = (port: PortView): string => `${onHost(port)}->${port.internal}/${port.protocol}`;

const isSamePortOf = (one: PortView, other: PortView): boolean =>
  one.container === other.container &&
  one.internal === other.internal &&
  one.protocol === other.protocol;

const isSame = (one: PortView, other: PortView): boolean =>
  isSamePortOf(one, other) &&
  one.published === other.published &&
  sameAddress(one.address, other.address);

/** Whether nobody reaches the container by this one who did not by the other. */
const opensNoMore = (port: PortView, other: PortView): boolean =>
  isSamePortOf(port, other) && reachesNoFurther(port.address, other.address);

/** Whether all who knew this one find the other. */
const isStillOpen = (port: PortView, other: PortView): boolean =>
  port.published === other.published && opensNoMore(port, other);
