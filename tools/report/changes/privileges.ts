/** The privileges in a stack. More is weaker, less is stricter. Pure. */
import { outsideKind } from "../../../components/hardened/model";
import { Exemptible, isRoot } from "../../../components/hardened/policy";
import { Change, stricter, weaker } from "./change";
import { SavedContainer, SavedView } from "./saved-report";

interface Privilege {
  /** A container, a service, or `stack`. */
  readonly subject: string;
  /** Starts with a verb: `runs as root`. Equal for the same privilege. */
  readonly what: string;
  /** Not compared. */
  readonly detail?: string;
  /** The control whose exemption allows it. */
  readonly control?: Exemptible;
}

/** Privileges of single containers that the policy does not grant. */
export function controlPrivileges({ containers, networks, secrets }: SavedView): Privilege[] {
  return containers.flatMap((container) => {
    const { name: subject } = container;
    const has = (what: string, control?: Exemptible, detail?: string): Privilege => ({
      subject,
      what,
      ...(control && { control }),
      ...(detail !== undefined && { detail }),
    });
    return [
      ...switches(container).map(([, what, control, detail]) => has(what, control, detail)),
      ...container.capabilities.map((name) => has(`has ${name}`, "capabilities")),
      ...container.hostPaths.map((path) => has(`reads the host's ${path}`, "hostPaths")),
      ...(container.writableHostPaths ?? []).map((path) =>
        has(`writes to the host's ${path}`, "writableHostPaths"),
      ),
      ...(container.devices ?? []).map((path) => has(`uses the host's ${path}`, "devices")),
      ...networks
        .filter(({ internal, members }) => !internal && members.includes(subject))
        .map(({ name }) =>
          has(`has access to the external network ${outsideKind(name)}`, "outsideNetworks"),
        ),
      ...secrets.flatMap(({ name, readers }) =>
        readers
          .filter(({ container: reader, by }) => reader === subject && by === "environment")
          .map(({ at }) => has(`has ${name} in its environment as ${at}`, "environmentSecrets")),
      ),
    ];
  });
}

const switches = (container: SavedContainer) =>
  (
    [
      [isRoot(container.user), "runs as root", "user", container.user],
      [!container.readOnlyRootfs, "has a writable root file system", "readOnlyRootfs"],
      [!container.noNewPrivileges, "allows new privileges", "noNewPrivileges"],
      [!container.healthCheck, "lacks a health check", "healthCheck"],
      [container.privileged === true, "is privileged"],
      [container.dockerSocket, "has the Docker socket", "dockerSocket"],
      [container.hostCgroups === true, "sees the cgroups of the host", "hostCgroups"],
      [container.capDrop?.includes("ALL") === false, "keeps Docker's default capabilities"],
    ] as const
  ).filter(([is]) => is);

/**
 * Privileges between parts of a stack: routes, shared networks, secrets, data volumes, Docker's API.
 *
 * @param isKnown whether a container, service or data volume is in both reports
 */
export function sharedPrivileges(
  { ingress, networks, secrets, volumes, socketReads }: SavedView,
  isKnown: (name: string) => boolean,
): Privilege[] {
  return [
    ...(ingress?.routes ?? []).flatMap(({ service: subject, host, admin, publicPaths = [] }) => [
      { subject, what: "has a route", detail: host },
      ...(admin ? [] : [{ subject, what: "is open to everybody" }]),
      ...publicPaths.map((path) => ({ subject, what: `is open to everybody at ${path}` })),
    ]),
    ...networks.flatMap(({ members }) => {
      const known = members.filter(isKnown).sort();
      return known.flatMap((subject, index) =>
        known
          .slice(index + 1)
          .map((other) => ({ subject, what: `shares a network with ${other}` })),
      );
    }),
    ...secrets.flatMap(({ name, readers }) =>
      readers.map(({ container: subject }) => ({ subject, what: `reads ${name}` })),
    ),
    // Only data volumes are writable. A new one has no data yet.
    ...volumes
      .filter(({ name }) => isKnown(name))
      .flatMap(({ name, mounts }) =>
        mounts
          .filter(({ readOnly }) => !readOnly)
          .map(({ container: subject }) => ({ subject, what: `writes to ${name}` })),
      ),
    ...(socketReads ?? []).flatMap(({ container: subject, reads }) =>
      reads.map((read) => ({ subject, what: `allows ${read}` })),
    ),
  ].filter(({ subject }) => isKnown(subject));
}

/** Privileges of the whole stack, and CIS findings. */
export const otherPrivileges = ({
  requirePins,
  insecureRegistries = [],
  cis,
}: SavedView): Privilege[] => [
  ...(requirePins === false ? [{ subject: "stack", what: "accepts images without a digest" }] : []),
  ...insecureRegistries.map((host) => ({
    subject: "stack",
    what: `contacts the registry ${host} over plain HTTP`,
  })),
  ...cis.results
    .filter(({ verdict }) => verdict === "finding")
    .map(({ id, container: subject, detail }) => ({ subject, what: `fails CIS ${id}`, detail })),
];

/** @param reasonOf the reason of a container's exemption */
export const privilegeChanges = (
  before: readonly Privilege[],
  after: readonly Privilege[],
  reasonOf: (subject: string, control?: Exemptible) => string | undefined = () => undefined,
): Change[] => [
  ...without(after, before).map(({ subject, what, detail, control }) =>
    weaker(
      subject,
      detail === undefined ? what : `${what} (${detail})`,
      reasonOf(subject, control),
    ),
  ),
  ...without(before, after).map(({ subject, what }) => stricter(subject, `no longer ${what}`)),
];

/** Without duplicates: two containers may share several networks. */
const without = (items: readonly Privilege[], others: readonly Privilege[]): Privilege[] =>
  items.filter(
    ({ subject, what }, at) =>
      ![...others, ...items.slice(0, at)].some(
        (other) => other.subject === subject && other.what === what,
      ),
  );
