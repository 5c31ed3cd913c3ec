/** What the next deployment restricts less than the last one did. Pure. */
import { Exemption, HARDENED, RestrictionRow } from "../../../components/hardened/policy";
import { DEFAULT_SOCKET } from "../../../host/address";
import { beyond, reachesNoFurther } from "../../../host/ip-ranges";
import { isRoot } from "../../../components/hardened/root-user";
import { DeclaredContainer, declaredNetworks, Recorded } from "../../model/declared";
import { adminNetworks } from "../host/routes";

export interface Weakening {
  readonly service: string;
  /** `runs as root`, `may write to its root`. */
  readonly text: string;
  readonly reason?: string;
}

/** A stack as far as restrictions go: what a program declares, or what Pulumi's state recorded of the last one. */
export interface Restricted {
  readonly stack: string;
  readonly containers: readonly DeclaredContainer[];
  /** Names of the networks that lead out. */
  readonly outside: readonly string[];
  /** Networks that reach the pages for administrators. */
  readonly admins: readonly string[];
  /** Reasons, and the secrets in environments, which no recorded container shows. */
  readonly rows: readonly RestrictionRow[];
}

export function restricted(
  stack: string,
  resources: Recorded["resources"],
  containers: readonly DeclaredContainer[],
  rows: readonly RestrictionRow[],
): Restricted {
  const outside = declaredNetworks({ resources }).filter(({ internal }) => !internal);
  return {
    stack,
    containers,
    outside: outside.map(({ name }) => name),
    admins: adminNetworks(stack, resources),
    rows,
  };
}

/**
 * One entry for each thing that a container may do now and might not before. A container that is new is compared with the
 * policy; before the first deployment there is nothing to be weaker than.
 */
export function weaker(before: Restricted, after: Restricted): Weakening[] {
  if (before.containers.length === 0) return [];
  const found = after.containers.flatMap((container) => {
    const old = before.containers.find(({ name }) => name === container.name);
    const was = old === undefined ? POLICY : rightsOf(old, before);
    return more(was, rightsOf(container, after)).map(([control, text]) => {
      const reason = exemptionOf(after, container.service, control)?.reason;
      return { service: container.service, text, ...(reason !== undefined && { reason }) };
    });
  });
  const wider = beyond(after.admins, before.admins);
  if (wider.length > 0)
    found.push({
      service: "traefik",
      text: `lets ${wider.join(", ")} to the pages for administrators`,
    });
  // Containers of one service say the same.
  return found.filter(
    ({ service, text }, index) =>
      found.findIndex((other) => other.service === service && other.text === text) === index,
  );
}

interface Rights {
  readonly user: string;
  readonly capAdd: readonly string[];
  readonly readOnly: boolean;
  readonly noNewPrivileges: boolean;
  readonly healthCheck: boolean;
  readonly socket: boolean;
  readonly hostPaths: readonly string[];
  /** `80 on 127.0.0.1` */
  readonly ports: readonly string[];
  readonly outside: readonly string[];
  readonly secrets: readonly string[];
}

/** What a container may do that gets exactly the policy. */
const POLICY: Rights = {
  user: HARDENED.user,
  capAdd: HARDENED.capabilities,
  readOnly: HARDENED.readOnlyRootfs,
  noNewPrivileges: HARDENED.noNewPrivileges,
  healthCheck: HARDENED.healthCheck,
  socket: HARDENED.dockerSocket,
  hostPaths: [],
  ports: [],
  outside: [],
  secrets: [],
};

function rightsOf(container: DeclaredContainer, { stack, outside, rows }: Restricted): Rights {
  const { user, capAdd, readOnly, securityOptions, healthCheck, mounts, ports, networks } =
    container;
  const secrets = exemptionOf({ rows }, container.service, "environmentSecrets")?.value;
  return {
    user,
    capAdd,
    readOnly,
    noNewPrivileges: securityOptions.some((option) => /^no-new-privileges(?::true)?$/.test(option)),
    healthCheck,
    socket: mounts.some(({ path }) => path === DEFAULT_SOCKET),
    hostPaths: mounts
      .filter(({ source, path }) => source.startsWith("/") && path !== DEFAULT_SOCKET)
      .map(({ source }) => source),
    ports: ports.map((text) => text.replace(/^(.*):\d+->(\d+)\/tcp$/, "$2 on $1")),
    outside: networks
      .filter((name) => outside.includes(name))
      .map((name) => name.slice(stack.length + 1)),
    secrets: Array.isArray(secrets) ? secrets.map(String) : [],
  };
}

/** What there is more of, in words, with the control that an exemption for it names. */
function more(was: Rights, now: Rights): (readonly [Exemption["control"] | undefined, string])[] {
  const added = (list: (rights: Rights) => readonly string[]): string[] =>
    list(now).filter((item) => !list(was).includes(item));
  const ports = now.ports.filter(
    (port) =>
      !was.ports.some(
        (old) => portOf(old) === portOf(port) && reachesNoFurther(addressOf(port), addressOf(old)),
      ),
  );
  const listed = [
    ["capabilities", "gets", added(({ capAdd }) => capAdd)],
    ["hostPaths", "reads of the host", added(({ hostPaths }) => hostPaths)],
    ["publishedPorts", "publishes port", ports],
    ["outsideNetworks", "joins the network", added(({ outside }) => outside)],
    ["environmentSecrets", "has in its environment the secret", added(({ secrets }) => secrets)],
  ] as const;
  const switched = [
    ["user", `runs as root (${now.user})`, isRoot(now.user) && !isRoot(was.user)],
    ["readOnlyRootfs", "may write to its root", was.readOnly && !now.readOnly],
    ["noNewPrivileges", "may gain new privileges", was.noNewPrivileges && !now.noNewPrivileges],
    ["healthCheck", "has no health check", was.healthCheck && !now.healthCheck],
    ["dockerSocket", "gets the Docker socket", now.socket && !was.socket],
    [undefined, "serves without TLS", isSecure(was) && !isSecure(now)],
  ] as const;
  return [
    ...switched.flatMap(([control, text, is]) => (is ? [[control, text] as const] : [])),
    ...listed.flatMap(([control, words, items]) =>
      items.length === 0 ? [] : [[control, `${words} ${items.join(", ")}`] as const],
    ),
  ];
}

const portOf = (port: string): string => port.split(" ")[0] ?? port;
const addressOf = (port: string): string => port.slice(portOf(port).length + " on ".length);
const isSecure = ({ ports }: Rights): boolean => ports.some((port) => portOf(port) === "443");

const exemptionOf = (
  { rows }: Pick<Restricted, "rows">,
  service: string,
  control: Exemption["control"] | undefined,
): Exemption | undefined =>
  rows
    .find((row) => row.service === service)
    ?.exemptions.find((exemption) => exemption.control === control);
