/**
 * What a visitor sees of each change, good and bad, by `npm run deploy` and by plain `pulumi up`: a table. Every 75 ms a page
 * is asked that needs the service which changes; n8n's one reads from PostgreSQL. By hand, because it takes about 40 minutes:
 * PINNED_STACK_TABLE=1, and -g for some of its rows. The rows are also appended to test-output/faults/table.txt.
 */
import assert from "node:assert/strict";
import { appendFile, mkdir } from "node:fs/promises";

import {
  ALL_IMAGES,
  faultStack,
  type Changed,
  type FaultStack,
  type Kind,
  type Visited,
} from "../../support/faults-stack";
import type { ProbeReport } from "../../support/probe";
import { useWorld } from "../../support/world";

interface Row {
  readonly change: string;
  /** Exit code of `npm run deploy`. That of `pulumi up` is 0 where this is 0, and another one where it is not. */
  readonly code: 0 | 1 | 3;
  readonly probe: Visited;
  readonly image?: readonly [Changed, Kind];
  readonly values?: readonly object[];
}

const ROWS: readonly Row[] = [
  { change: "nothing", code: 0, probe: "n8n" },
  { change: "homepage digest", code: 0, probe: "homepage", image: ["homepage", "digest"] },
  { change: "portainer digest", code: 0, probe: "portainer", image: ["portainer", "digest"] },
  { change: "n8n digest", code: 0, probe: "n8n", image: ["n8n", "digest"] },
  { change: "n8n version with a migration", code: 0, probe: "n8n", image: ["n8n", "version"] },
  { change: "postgres digest", code: 0, probe: "n8n", image: ["postgres", "digest"] },
  { change: "traefik digest", code: 0, probe: "n8n", image: ["traefik", "digest"] },
  {
    change: "adminAllow only",
    code: 0,
    probe: "n8n",
    values: [{ adminAllow: ["0.0.0.0/1", "128.0.0.0/1"] }, { adminAllow: ["0.0.0.0/0"] }],
  },
  { change: "homepage exits", code: 3, probe: "homepage", image: ["homepage", "crashes"] },
  { change: "homepage hangs", code: 3, probe: "homepage", image: ["homepage", "hangs"] },
  { change: "n8n migrates and exits", code: 1, probe: "n8n", image: ["n8n", "crashes"] },
  {
    change: "n8n migrates and exits, but on the copy",
    code: 3,
    probe: "n8n",
    image: ["n8n", "crashes later"],
  },
  { change: "postgres exits", code: 1, probe: "n8n", image: ["postgres", "crashes"] },
  {
    change: "postgres exits, but on the copy",
    code: 3,
    probe: "n8n",
    image: ["postgres", "crashes later"],
  },
  { change: "traefik exits", code: 1, probe: "n8n", image: ["traefik", "crashes"] },
  {
    change: "traefik exits, but on the copy",
    code: 3,
    probe: "n8n",
    image: ["traefik", "crashes later"],
  },
  { change: "portainer exits", code: 1, probe: "portainer", image: ["portainer", "crashes"] },
  {
    change: "portainer exits, but on the copy",
    code: 3,
    probe: "portainer",
    image: ["portainer", "crashes later"],
  },
];

interface Seen {
  readonly code: number;
  readonly seconds: number;
  readonly visitor: ProbeReport;
}

const cells = ({ code, seconds, visitor }: Seen): string[] => [
  String(code),
  String(seconds),
  `${visitor.failures}/${visitor.requests}`,
  visitor.failures === 0 ? "none" : (visitor.longestGap / 1000).toFixed(1),
];

describe("what a visitor sees of a change", function () {
  this.timeout(900_000);
  if (process.env["PINNED_STACK_TABLE"] !== "1") {
    it("is asked for by PINNED_STACK_TABLE=1", function () {
      this.skip();
    });
    return;
  }
  const world = useWorld({ images: ALL_IMAGES, pulumi: true });
  let stack: FaultStack;
  const rows: string[][] = [];

  before(async () => {
    stack = await faultStack(world(), "table");
  });

  after(async () => {
    const head = [
      "change",
      ...["deploy", "up"].flatMap((by) => [`${by}: exit`, "s", "failed", "gap s"]),
    ];
    const engine = await world().docker.ask("version", "--format", "{{.Server.Version}}");
    const lines = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
    const text = `Engine ${engine}\n${lines.join("\n")}\n`;
    console.log(text);
    await mkdir("test-output/faults", { recursive: true });
    await appendFile("test-output/faults/table.txt", text);
  });

  for (const row of ROWS)
    it(row.change, async () => {
      const deploy = await played(row, "deploy", 0);
      const up = await played(row, "up", 1);
      rows.push([row.change, ...cells(deploy), ...cells(up)]);
      assert.equal(deploy.code, row.code);
      assert.equal(up.code === 0, row.code === 0, `pulumi up: exit code ${up.code}`);
    });

  async function played(row: Row, command: "deploy" | "up", turn: number): Promise<Seen> {
    const good = { ...stack.images };
    if (row.image !== undefined) await stack.change(...row.image);
    const values = row.values?.[turn];
    if (values !== undefined) await stack.set({ ...values });
    const probe = stack.probe(row.probe);
    const running = stack.begin(command);
    const { code, ms } = await running.ended;
    const visitor = await probe.stop();
    await stack.hasData().catch((error: unknown) => {
      throw new Error(running.output(), { cause: error });
    });
    const runs = await stack.running();
    const expected = row.code === 0 ? stack.images : good;
    for (const [name, image] of Object.entries(runs))
      if (name in expected) assert.equal(image, expected[name], `${name}\n${running.output()}`);
    if (row.code !== 0) {
      // What is left of it must not be part of the next row.
      await stack.use(good);
      const settled = await stack.begin("deploy").ended;
      assert.equal(settled.code, 0, settled.stdout + settled.stderr);
    }
    return { code, seconds: Math.round(ms / 1000), visitor };
  }
});
