import assert from "node:assert/strict";

import { mermaid } from "../../../tools/report/map";
import { StackView } from "../../../tools/report/view/stack";
import { exampleView } from "./example-stack";

const view = exampleView();

/** The arrows of a map, by the titles of their ends. */
function arrows(map: string): string[] {
  const titles = new Map(
    [...map.matchAll(/^ {2}(n\d+)\W+"(.*?)<br>/gm)].map(([, id = "", title = ""]) => [id, title]),
  );
  return [...map.matchAll(/^ {2}(n\d+) (\S+?>)(\|".*?"\|)? (n\d+)$/gm)].map(
    ([, from = "", arrow = "", label = "", to = ""]) =>
      `${titles.get(from)} ${arrow}${label} ${titles.get(to)}`,
  );
}

describe("the map of a stack", () => {
  it("has an arrow for every link, egress network and mount from the host, and no other", () => {
    assert.deepEqual(arrows(mermaid(view)), [
      'visitors ==>|":80 :443"| traefik',
      'traefik ==>|"edge"| internet',
      'app ==>|"egress-app"| internet',
      ...view.networks
        .filter(({ internal }) => internal)
        .map(({ members }) => members.join(" --> ")),
      "socket-proxy-app -.-> Docker socket",
      'agent -.->|"/sys and /srv"| files of the host',
    ]);
  });

  it("counts folders of the host where they are many", () => {
    const containers = view.containers.map((one) => ({ ...one, hostPaths: ["/a", "/b", "/c"] }));
    assert.ok(
      arrows(mermaid({ ...view, containers })).includes('app -.->|"3 folders"| files of the host'),
    );
  });

  it("shows who reads the control groups of the host", () => {
    const containers = view.containers.map((one) => ({ ...one, hostCgroups: one.name === "app" }));
    assert.ok(
      arrows(mermaid({ ...view, containers })).includes('app -.->|"cgroups"| files of the host'),
    );
  });

  it("has no place for what nobody uses", () => {
    const alone = { ...view, networks: [], ports: [], containers: [] };
    assert.equal(mermaid(alone), "flowchart LR\n");
  });

  it("escapes every text, and takes no name for a word of its own", () => {
    const names = ['end"|<b>', "a;b#c\n`d`", "constructor"];
    const odd: StackView = {
      ...view,
      ports: [],
      containers: names.map((name) => ({
        ...(view.containers[0] ?? assert.fail()),
        name,
        user: "1:1",
      })),
      networks: [
        { name: "x", internal: true, members: names.slice(0, 2) },
        { name: 'out"|', internal: false, members: names.slice(2) },
      ],
    };
    assert.deepEqual(mermaid(odd).split("\n"), [
      "flowchart LR",
      '  n1["end#34;|#60;b#62;<br><small>uid 1</small>"]',
      '  n2["a#59;b#35;c #96;d#96;<br><small>uid 1</small>"]',
      '  n3["constructor<br><small>uid 1</small>"]',
      '  n4(["internet<br><small>outgoing requests</small>"])',
      "  n1 --> n2",
      '  n3 ==>|"out#34;|"| n4',
      "",
    ]);
  });
});
