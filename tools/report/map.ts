/** The connections of a stack as a Mermaid flowchart: https://mermaid.js.org/syntax/flowchart.html. Pure. */
import { oneLine } from "../../text/one-line";
import { StackView } from "./view/stack";

/** `outside`: not part of the stack; `host`: the socket or files of the host. */
type NodeKind = "outside" | "container" | "host";
/** `inside`: over an internal network; `out`: over a published port or an external network; `host`: a mount. */
type EdgeKind = "inside" | "out" | "host";

/** `from` opens the connection. */
type Edge = readonly [from: string, kind: EdgeKind, to: string, label?: string];
type Node = readonly [id: string, kind: NodeKind, title: string, about: string];

/** Ids with a space, which no container name has. */
const VISITORS = "the visitors";
const INTERNET = "the internet";
const SOCKET = "the socket";
const FILES = "the files";

const SHAPES: Readonly<Record<NodeKind, readonly [string, string]>> = {
  outside: ["([", "])"],
  container: ["[", "]"],
  host: ["[(", ")]"],
};
const ARROWS: Readonly<Record<EdgeKind, string>> = { inside: "-->", out: "==>", host: "-.->" };

/** Omits nodes without a connection. */
export function mermaid(view: StackView): string {
  const edges = edgesOf(view);
  const used = new Set(edges.flatMap(([from, , to]) => [from, to]));
  const nodes = nodesOf(view).filter(([id]) => used.has(id));
  // Generated ids, because names may be keywords of Mermaid, such as `end`.
  const ids = new Map(nodes.map(([id], index) => [id, `n${index + 1}`]));
  const lines = [
    ...nodes.map(([id, kind, title, about]) => {
      const [open, close] = SHAPES[kind];
      return `${ids.get(id)}${open}"${escaped(title)}<br><small>${escaped(about)}</small>"${close}`;
    }),
    ...edges.map(([from, kind, to, label]) => {
      const text = label === undefined ? "" : `|"${escaped(label)}"|`;
      return `${ids.get(from)} ${ARROWS[kind]}${text} ${ids.get(to)}`;
    }),
  ];
  return `flowchart LR\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

const nodesOf = ({ containers }: StackView): Node[] => [
  [VISITORS, "outside", "visitors", "a browser"],
  ...containers.map(({ name, user }): Node => {
    const [uid = user] = user.split(":");
    return [name, "container", name, uid === "0" ? "root" : `uid ${uid}`];
  }),
  [INTERNET, "outside", "internet", "outgoing requests"],
  [SOCKET, "host", "Docker socket", "of the host"],
  [FILES, "host", "files of the host", "read-only"],
];

const edgesOf = ({ containers, networks, ports }: StackView): Edge[] => [
  // One arrow for all ports of a container.
  ...containers.flatMap(({ name }): Edge[] => {
    const own = ports.filter(({ container }) => container === name);
    const label = own.map(({ published }) => `:${published}`).join(" ");
    return own.length === 0 ? [] : [[VISITORS, "out", name, label]];
  }),
  // Internal networks have no label: their names consist of the names of their members.
  ...networks.flatMap(({ name, internal, members: [first = "", ...others] }) =>
    internal
      ? others.map((to): Edge => [first, "inside", to])
      : [first, ...others].map((from): Edge => [from, "out", INTERNET, name]),
  ),
  ...containers.flatMap(({ name, dockerSocket, hostPaths, hostCgroups }): Edge[] => [
    ...(dockerSocket ? [[name, "host", SOCKET] as const] : []),
    ...(hostCgroups ? [[name, "host", FILES, "cgroups"] as const] : []),
    ...(hostPaths.length > 0 ? [[name, "host", FILES, folders(hostPaths)] as const] : []),
  ]),
];

const folders = (paths: readonly string[]): string =>
  paths.length > 2 ? `${paths.length} folders` : paths.join(" and ");

/** Characters with a meaning inside quotes; a backtick would start Markdown. */
const escaped = (text: string): string =>
  oneLine(text).replace(/["<>&#;`]/g, (character) => `#${character.charCodeAt(0)};`);
