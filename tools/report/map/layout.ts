/**
 * Places for a conversation map: columns by the longest way from the start, and in each column an order with few
 * crossings (the layered drawing of Sugiyama, Tagawa and Toda, with their barycentre heuristic). Pure.
 */
import { ConversationMap, MapEdge } from "./graph";

export interface Place {
  readonly column: number;
  /** Rows may be halves: columns are centred. */
  readonly row: number;
}

export interface Layout {
  readonly columns: number;
  readonly rows: number;
  readonly places: ReadonlyMap<string, Place>;
  /** The places that each edge goes through, both ends included. */
  readonly ways: readonly { readonly edge: MapEdge; readonly through: readonly Place[] }[];
}

const SWEEPS = 8;

export function layOut({ nodes, edges }: ConversationMap): Layout {
  const ranks = ranksOf(
    nodes.map(({ id }) => id),
    edges,
  );
  const columns: string[][] = [];
  const put = (id: string, column: number): void => void (columns[column] ??= []).push(id);
  for (const [id, rank] of ranks) put(id, rank);

  // An edge over several columns takes a place in each, so that no box is in its way.
  const chains = edges.map((edge, index) => {
    const [first, last] = [ranks.get(edge.from) ?? 0, ranks.get(edge.to) ?? 0];
    const between = Array.from({ length: Math.max(0, last - first - 1) }, (_, step) => {
      const id = `way ${index} ${step}`;
      put(id, first + step + 1);
      return id;
    });
    return { edge, chain: [edge.from, ...between, edge.to] };
  });
  const links = chains.flatMap(({ chain }) =>
    chain.slice(1).map((to, index) => [chain[index] ?? "", to] as const),
  );
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) sortColumns(columns, links, sweep % 2 === 0);

  const rows = Math.max(1, ...columns.map(({ length }) => length));
  const places = new Map(
    columns.flatMap((column, number) =>
      column.map((id, index): [string, Place] => [
        id,
        { column: number, row: index + (rows - column.length) / 2 },
      ]),
    ),
  );
  const at = (id: string): Place => places.get(id) ?? { column: 0, row: 0 };
  return {
    columns: columns.length,
    rows,
    places,
    ways: chains.map(({ edge, chain }) => ({ edge, through: chain.map(at) })),
  };
}

/** Longest way from a node without a predecessor. In a circle the way ends where it would begin again. */
function ranksOf(ids: readonly string[], edges: readonly MapEdge[]): Map<string, number> {
  const ranks = new Map<string, number>();
  const visit = (id: string, seen: readonly string[]): number => {
    const known = ranks.get(id);
    if (known !== undefined) return known;
    const before = edges.filter(({ from, to }) => to === id && !seen.includes(from));
    const rank = Math.max(-1, ...before.map(({ from }) => visit(from, [...seen, id]))) + 1;
    ranks.set(id, rank);
    return rank;
  };
  for (const id of ids) visit(id, []);
  return ranks;
}

/** Each node to the middle of its neighbours in the column before, or after. */
function sortColumns(
  columns: readonly string[][],
  links: readonly (readonly [string, string])[],
  forward: boolean,
): void {
  const order = forward ? [...columns.keys()] : [...columns.keys()].reverse();
  for (const number of order) {
    const column = columns[number] ?? [];
    const fixed = columns[number + (forward ? -1 : 1)] ?? [];
    const weight = new Map(
      column.map((id, index) => {
        const neighbours = links
          .filter(([from, to]) => (forward ? to : from) === id)
          .map(([from, to]) => fixed.indexOf(forward ? from : to))
          .filter((place) => place >= 0)
          .map((place) => (place + 0.5) / fixed.length);
        const mean = neighbours.reduce((sum, place) => sum + place, 0) / neighbours.length;
        return [id, neighbours.length === 0 ? (index + 0.5) / column.length : mean];
      }),
    );
    column.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0));
  }
}
