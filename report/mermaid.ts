import { ConversationMap, MapEdge, MapNode } from "./conversation-map";

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
  const lines = [
    ...nodes.map(({ id, kind, title, about }) => {
      const [open, close] = SHAPES[kind];
      return `${id}${open}"${text(title)}<br><small>${text(about)}</small>"${close}`;
    }),
    ...edges.map(({ from, to, label, kind }) => {
      const words = label === "" ? "" : `|"${text(label)}"|`;
      return `${from} ${ARROWS[kind]}${words} ${to}`;
    }),
  ];
  return `flowchart LR\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

/** Inside quotes only these mean something. */
const text = (words: string): string =>
  words.replace(/["<>&#;]/g, (character) => `#${character.charCodeAt(0)};`);
