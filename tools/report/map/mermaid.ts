import { ConversationMap, MapEdge, MapNode } from "./graph";
import { oneLine } from "../../../text/one-line";

const ARROWS: Readonly<Record<MapEdge["kind"], string>> = {
  inside: "-->",
  out: "==>",
  host: "-.->",
};

const SHAPES: Readonly<Record<MapNode["kind"], readonly [string, string]>> = {
  outside: ["([", "])"],
  container: ["[", "]"],
  host: ["[(", ")]"],
};

/** A flowchart as GitHub shows it (https://mermaid.js.org/syntax/flowchart.html). Pure. */
export function mermaid({ nodes, edges }: ConversationMap): string {
  // Names may be words of Mermaid, such as `end`, or hold what ends one.
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index + 1}`]));
  const idOf = (node: string): string => ids.get(node) ?? "";
  const lines = [
    ...nodes.map(({ id, kind, title, about }) => {
      const [open, close] = SHAPES[kind];
      return `${idOf(id)}${open}"${text(title)}<br><small>${text(about)}</small>"${close}`;
    }),
    ...edges.map(({ from, to, label, kind }) => {
      const words = label === "" ? "" : `|"${text(label)}"|`;
      return `${idOf(from)} ${ARROWS[kind]}${words} ${idOf(to)}`;
    }),
  ];
  return `flowchart LR\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

/** Inside quotes only these mean something; a backtick would begin Markdown. */
const text = (words: string): string =>
  oneLine(words).replace(/["<>&#;`]/g, (character) => `#${character.charCodeAt(0)};`);
