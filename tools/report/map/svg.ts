/** The conversation map as a picture that needs nothing else: no script, no font, no request. Pure. */
import { ConversationMap, MapNode } from "./graph";
import { layOut, Place } from "./layout";
import { oneLine } from "../../../text/one-line";

/** Pixels */
const BOX = { width: 200, height: 52 } as const;
const GAP = { x: 84, y: 24 } as const;
const MARGIN = 24;
const LEGEND = 44;

const left = ({ column }: Place): number => MARGIN + column * (BOX.width + GAP.x);
const top = ({ row }: Place): number => MARGIN + row * (BOX.height + GAP.y);
const middle = (place: Place): number => top(place) + BOX.height / 2;

export function mapSvg(map: ConversationMap): string {
  const { columns, rows, places, ways } = layOut(map);
  const width = 2 * MARGIN + columns * BOX.width + (columns - 1) * GAP.x;
  const legendTop = 2 * MARGIN + rows * BOX.height + (rows - 1) * GAP.y;
  const height = legendTop + LEGEND;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title about">
<title id="title">Who can talk to whom in stack ${escape(map.stack)}</title>
<desc id="about">${escape(inWords(map))}</desc>
<style>${STYLE}</style>
<rect class="page" width="${width}" height="${height}" rx="12"/>
${ways.map(({ edge, through }) => wayLine(edge.kind, through)).join("\n")}
${ways
  .map(({ edge, through }) => wayLabel(edge.label, through))
  .filter(Boolean)
  .join("\n")}
${map.nodes.map((node) => box(node, places.get(node.id))).join("\n")}
${legend(legendTop, map)}
</svg>
`;
}

function box({ kind, title, about }: MapNode, place: Place = { column: 0, row: 0 }): string {
  const [x, y] = [left(place), top(place)];
  const radius = kind === "outside" ? BOX.height / 2 : 8;
  const centre = x + BOX.width / 2;
  return `<g class="${kind}"><rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="${radius}"/><text x="${centre}" y="${y + 23}">${escape(title)}</text><text class="about" x="${centre}" y="${y + 40}">${escape(about)}</text></g>`;
}

/** From the right side of one box to the left side of the next, level at both ends. */
function wayLine(kind: string, through: readonly Place[]): string {
  const [first, ...rest] = through;
  if (first === undefined) return "";
  let path = `M${left(first) + BOX.width} ${middle(first)}`;
  let [x, y] = [left(first) + BOX.width, middle(first)];
  for (const [index, place] of rest.entries()) {
    const [nextX, nextY] = [left(place), middle(place)];
    const bend = (x + nextX) / 2;
    path += `C${bend} ${y} ${bend} ${nextY} ${nextX} ${nextY}`;
    [x, y] = [nextX, nextY];
    // Straight on over the column in between.
    if (index < rest.length - 1) {
      x += BOX.width;
      path += `H${x}`;
    }
  }
  return `<path class="way ${kind}" d="${path}"/><path class="tip ${kind}" d="M${x} ${y}l-8 -4.5v9z"/>`;
}

function wayLabel(label: string, through: readonly Place[]): string {
  const [first, second] = through;
  if (label === "" || first === undefined || second === undefined) return "";
  const [x, y] = [
    (left(first) + BOX.width + left(second)) / 2,
    (middle(first) + middle(second)) / 2,
  ];
  return `<text class="label" x="${x}" y="${y - 6}">${escape(label)}</text>`;
}

function legend(y: number, { edges }: ConversationMap): string {
  const kinds = [
    ["inside", "internal network of the two alone"],
    ["out", "leads out of the host"],
    ["host", "mounted from the host"],
  ] as const;
  let x = MARGIN;
  return kinds
    .filter(([kind]) => edges.some((edge) => edge.kind === kind))
    .map(([kind, words]) => {
      const item = `<path class="way ${kind}" d="M${x} ${y}h36"/><text class="legend" x="${x + 44}" y="${y + 4}">${words}</text>`;
      x += 44 + words.length * 6.4 + 28;
      return item;
    })
    .join("\n");
}

/** For those who cannot see the picture. */
const inWords = ({ nodes, edges }: ConversationMap): string => {
  const name = (id: string): string => nodes.find((node) => node.id === id)?.title ?? id;
  return `${edges.map(({ from, to }) => `${name(from)} to ${name(to)}`).join("; ")}.`;
};

/** Characters that XML does not have are left out or replaced: with one of them it is no picture at all. */
const escape = (text: string): string =>
  oneLine(text)
    .replace(/[\ufffe\uffff\p{Surrogate}]/gu, "\ufffd")
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const STYLE = `
svg{--page:#fbfcfd;--ink:#17212b;--soft:#566370;--line:#8796a4;--box:#fff;--edge:#c6d0d9;--out:#b4540a;--outbox:#fff3e6;--host:#7a3fa0;--hostbox:#f7effc;font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:14px}
@media (prefers-color-scheme:dark){svg{--page:#0f151b;--ink:#e7edf2;--soft:#a3b1bd;--line:#6f8090;--box:#1a232c;--edge:#3a4956;--out:#f2a65a;--outbox:#2e2114;--host:#c79be6;--hostbox:#281a31}}
.page{fill:var(--page)}
text{fill:var(--ink);text-anchor:middle}
g text:first-of-type{font-weight:600}
.about,.legend{fill:var(--soft);font-size:12px}
.legend{text-anchor:start}
.label{fill:var(--soft);font-size:12px;paint-order:stroke;stroke:var(--page);stroke-width:4px}
.container rect{fill:var(--box);stroke:var(--edge);stroke-width:1.5}
.outside rect{fill:var(--outbox);stroke:var(--out);stroke-width:1.5}
.host rect{fill:var(--hostbox);stroke:var(--host);stroke-width:1.5}
.way{fill:none;stroke:var(--line);stroke-width:1.75}
.way.out{stroke:var(--out);stroke-width:2.25}
.way.host{stroke:var(--host);stroke-dasharray:5 4}
.tip{fill:var(--line)}.tip.out{fill:var(--out)}.tip.host{fill:var(--host)}
`;
