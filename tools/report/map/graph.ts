/** Who can talk to whom, as a graph that begins at the visitors. Pure. */
import { ContainerView, StackView } from "../view/stack";

export interface ConversationMap {
  readonly stack: string;
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
}

export interface MapNode {
  readonly id: string;
  /** `outside`: beyond the stack; `host`: a part of the machine; the rest are containers. */
  readonly kind: "outside" | "container" | "host";
  readonly title: string;
  /** A second, smaller line. */
  readonly about: string;
}

export interface MapEdge {
  /** The one that asks. */
  readonly from: string;
  readonly to: string;
  /** Of an internal network of two nothing: its name only repeats them. */
  readonly label: string;
  /** `inside`: an internal network. `out`: leaves the machine. `host`: a mount. */
  readonly kind: "inside" | "out" | "host";
}

const VISITORS = "visitors";
const INTERNET = "internet";
const SOCKET = "docker-socket";
const FILES = "host-files";

export function conversationMap(view: StackView): ConversationMap {
  const edges: MapEdge[] = [
    ...entrances(view),
    ...view.networks.flatMap(({ name, internal, members }): MapEdge[] =>
      internal
        ? members.slice(1).map((to) => ({ from: members[0] ?? "", to, label: "", kind: "inside" }))
        : members.map((from) => ({ from, to: INTERNET, label: name, kind: "out" })),
    ),
    ...view.containers.flatMap(hostEdges),
  ];
  const used = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const others: readonly MapNode[] = [
    { id: VISITORS, kind: "outside", title: "visitors", about: "a browser" },
    { id: INTERNET, kind: "outside", title: "internet", about: "outgoing requests" },
    { id: SOCKET, kind: "host", title: "Docker socket", about: "of the host" },
    { id: FILES, kind: "host", title: "files of the host", about: "read-only" },
  ];
  const containers = view.containers.map(({ name, user }): MapNode => ({
    id: name,
    kind: "container",
    title: name,
    about: user.startsWith("0:") ? "root" : `uid ${user.split(":", 1)[0] ?? user}`,
  }));
  return {
    stack: view.stack,
    nodes: [...others.slice(0, 1), ...containers, ...others.slice(1)].filter(({ id }) =>
      used.has(id),
    ),
    edges,
  };
}

/** One arrow for all ports of a container. */
function entrances({ ports, containers }: StackView): MapEdge[] {
  return containers.flatMap(({ name }): MapEdge[] => {
    const own = ports.filter(({ container }) => container === name);
    const label = own.map(({ published }) => `:${published}`).join(" ");
    return own.length === 0 ? [] : [{ from: VISITORS, to: name, label, kind: "out" }];
  });
}

/** Few enough to be named are named. */
const folders = (paths: readonly string[]): string =>
  paths.length > 2 ? `${paths.length} folders` : paths.join(" and ");

const hostEdges = ({ name, dockerSocket, hostPaths }: ContainerView): MapEdge[] => [
  ...(dockerSocket ? [{ from: name, to: SOCKET, label: "", kind: "host" } as const] : []),
  ...(hostPaths.length > 0
    ? [{ from: name, to: FILES, label: folders(hostPaths), kind: "host" } as const]
    : []),
];
