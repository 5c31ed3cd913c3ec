import assert from "node:assert/strict";

import { synth } from "../../../../tools/model/synth";
import { ConversationMap, conversationMap } from "../../../../tools/report/map/graph";
import { layOut } from "../../../../tools/report/map/layout";
import { mapSvg } from "../../../../tools/report/map/svg";
import { mermaid } from "../../../../tools/report/map/mermaid";
import { StackView, stackView } from "../../../../tools/report/view/stack";
import { goldenStack } from "../../../support/golden-stack";

let view: StackView;
let map: ConversationMap;
before(async () => {
  view = stackView(await synth(goldenStack(), { placeholders: true }));
  map = conversationMap(view);
});

/** `a>b c>d` as a map. */
const mapOf = (text: string): ConversationMap => {
  const edges = text.split(" ").map((pair) => {
    const [from = "", to = ""] = pair.split(">");
    return { from, to, label: "", kind: "inside" as const };
  });
  const ids = [...new Set(edges.flatMap(({ from, to }) => [from, to]))];
  return {
    stack: "test",
    nodes: ids.map((id) => ({ id, kind: "container", title: id, about: "uid 1" })),
    edges,
  };
};

describe("the conversation map", () => {
  it("has a conversation for every network, and nothing else", () => {
    const inside = map.edges.filter(({ kind }) => kind === "inside");
    assert.deepEqual(
      inside.map(({ from, to }) => [from, to]),
      view.networks.filter(({ internal }) => internal).map(({ members }) => members),
    );
    assert.deepEqual(
      map.edges
        .filter(({ kind }) => kind === "out")
        .map(({ from, to, label }) => [from, label, to]),
      [
        ["visitors", ":80 :443", "traefik"],
        ["traefik", "edge", "internet"],
        ["n8n", "egress", "internet"],
      ],
    );
    assert.deepEqual(
      map.edges.filter(({ kind }) => kind === "host").map(({ from, to }) => [from, to]),
      [
        ["socket-proxy-portainer", "docker-socket"],
        ["socket-proxy-cadvisor", "docker-socket"],
        ["cadvisor", "host-files"],
      ],
    );
  });

  it("has no place for what nobody uses", () => {
    const alone = conversationMap({ ...view, networks: [], ports: [], containers: [] });
    assert.deepEqual(alone.nodes, []);
    assert.deepEqual(alone.edges, []);
  });
});

describe("the layout of a map", () => {
  const columnsOf = (text: string): Record<string, number> =>
    Object.fromEntries(
      [...layOut(mapOf(text)).places]
        .filter(([id]) => !id.startsWith("way"))
        .map(([id, { column }]) => [id, column]),
    );

  const cases: readonly (readonly [string, Record<string, number>])[] = [
    ["a>b b>c", { a: 0, b: 1, c: 2 }],
    ["a>b b>c a>c", { a: 0, b: 1, c: 2 }],
    ["a>b c>d", { a: 0, b: 1, c: 0, d: 1 }],
    ["a>b b>a", { a: 1, b: 0 }],
  ];
  for (const [text, columns] of cases)
    it(`puts ${text} into ${Math.max(...Object.values(columns)) + 1} columns`, () => {
      assert.deepEqual(columnsOf(text), columns);
    });

  it("puts no two things into one place, and every way ends where it should", () => {
    for (const some of [map, mapOf("a>b a>c a>d b>e c>e a>e")]) {
      const { places, ways } = layOut(some);
      const taken = [...places.values()].map(({ column, row }) => `${column} ${row}`);
      assert.equal(new Set(taken).size, taken.length);
      for (const { edge, through } of ways) {
        assert.deepEqual(through[0], places.get(edge.from));
        assert.deepEqual(through.at(-1), places.get(edge.to));
        through.slice(1).forEach(({ column }, index) => {
          assert.equal(column, (through[index]?.column ?? 0) + 1);
        });
      }
    }
  });

  it("sorts columns so that nothing crosses where nothing has to", () => {
    const { places } = layOut(mapOf("a>b a>c b>y c>x"));
    const row = (id: string): number => places.get(id)?.row ?? -1;
    assert.equal(row("b") < row("c"), row("y") < row("x"));
  });
});

describe("the map as a picture", () => {
  it("holds no script, loads nothing, and says in words what it shows", () => {
    const svg = mapSvg(map);
    assert.doesNotMatch(svg, /<script|href|url\(|@import|<image|<foreignObject/);
    assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d+ \d+"/);
    assert.match(svg, /<title id="title">Who can talk to whom in stack golden<\/title>/);
    assert.match(svg, /<desc id="about">visitors to traefik; traefik to internet; /);
    assert.match(svg, /prefers-color-scheme:dark/);
    for (const { title } of map.nodes) assert.ok(svg.includes(`>${title}</text>`), title);
  });

  it("escapes every text", () => {
    const svg = mapSvg({ ...mapOf('<x">&y'), stack: "<b>" });
    assert.doesNotMatch(svg, /<x|<b>/);
    assert.match(svg, /&#60;x&#34;/);
  });

  it("holds no character that XML does not have", () => {
    const odd = "a\u0000b\u0008c\u001bd\ufffee\ud800f\uffffg\nh";
    const edges = [{ from: odd, to: odd, label: odd, kind: "inside" as const }];
    const svg = mapSvg({ ...mapOf("a>b"), stack: odd, edges });
    // https://www.w3.org/TR/xml/#charsets
    assert.doesNotMatch(svg, /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u);
    assert.match(
      svg,
      /<title id="title">Who can talk to whom in stack abc\S*d\ufffde\ufffdf\ufffdg h</,
    );
  });
});

describe("the map as Mermaid", () => {
  it("escapes every text", () => {
    const edges = [{ from: "a", to: "a", label: 'x"|y<b>', kind: "out" as const }];
    const nodes = [{ id: "a", kind: "host" as const, title: 'q"]', about: "a;b#c\n`d`" }];
    assert.equal(
      mermaid({ stack: "t", nodes, edges }),
      'flowchart LR\n  n1[("q#34;]<br><small>a#59;b#35;c #96;d#96;</small>")]\n  n1 ==>|"x#34;|y#60;b#62;"| n1\n',
    );
  });

  it("takes no name for a word of its own", () => {
    assert.equal(
      mermaid(mapOf('end>a\t"b "><script end>constructor')),
      [
        "flowchart LR",
        '  n1["end<br><small>uid 1</small>"]',
        '  n2["a #34;b<br><small>uid 1</small>"]',
        '  n3["#34;<br><small>uid 1</small>"]',
        '  n4["#60;script<br><small>uid 1</small>"]',
        '  n5["constructor<br><small>uid 1</small>"]',
        "  n1 --> n2",
        "  n3 --> n4",
        "  n1 --> n5",
        "",
      ].join("\n"),
    );
  });
});
