/** The three forms of the answer, compared with files that people have read: UPDATE_GOLDEN=1 writes them anew. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { decide, type PinRow } from "../../../tools/pin/decision";
import { parseReference } from "../../../images/reference";
import { pinJson } from "../../../tools/pin/json";
import { pinMarkdown } from "../../../tools/pin/markdown";
import type { PinReport } from "../../../tools/pin/report";
import { pinTable } from "../../../tools/pin/table";
import { assertGolden } from "../../support/golden";
import { indexedImage, platformImage, type Platform } from "../../support/oci-images";
import { DAY, everyRow, NOW } from "../../support/pin-rows";
import { readingOf } from "../../support/readings";

const plain = (_style: unknown, text: string): string => text;
const report: PinReport = {
  stack: "prod",
  file: "Pulumi.prod.yaml",
  platform: "linux/amd64",
  minimumAge: 3 * DAY,
  check: false,
  all: false,
  now: NOW,
  written: true,
  rows: everyRow(),
};
const quiet: PinReport = {
  ...report,
  minimumAge: 0,
  written: false,
  rows: report.rows.slice(0, 1),
};

describe("the answer of pin", () => {
  it("is a table for people", () => {
    assertGolden("pin.txt", pinTable(report, plain));
  });

  it("is a short table where nothing changed", () => {
    assertGolden("pin-nothing.txt", pinTable(quiet, plain));
  });

  it("has the same words with colours", () => {
    const coloured = pinTable(report, (_style, text) => `\u001b[36m${text}\u001b[39m`);
    assert.notEqual(coloured, pinTable(report, plain));
    assert.equal(stripVTControlCharacters(coloured), pinTable(report, plain));
  });

  it("is JSON for programs", () => {
    const text = pinJson(report);
    assertGolden("pin.json", text);
    const parsed = JSON.parse(text) as { version: number; services: { written: boolean }[] };
    assert.equal(parsed.version, 1);
    assert.deepEqual(
      parsed.services.map(({ written }) => written),
      [false, true, true, true, true, false, false, false, false, false],
    );
  });

  it("has no field that docs/updating-digests.md does not explain", () => {
    const docs = readFileSync(join(__dirname, "../../../docs/updating-digests.md"), "utf8");
    const names = new Set<string>();
    JSON.parse(pinJson(report), (name, value: unknown) => {
      if (name !== "" && !/^\d+$/.test(name)) names.add(name);
      return value;
    });
    assert.ok(names.has("compressedBytes"));
    const words = new Set(docs.match(/[A-Za-z]+/g));
    assert.deepEqual(
      [...names].filter((name) => !words.has(name)),
      [],
    );
  });

  it("is Markdown for a pull request", () => {
    assertGolden("pin.md", pinMarkdown(report));
  });

  it("says in Markdown too that nothing changed", () => {
    assertGolden("pin-nothing.md", pinMarkdown(quiet));
  });

  it("keeps a registry's words in code spans, where they link and mention nobody", () => {
    const outside = pinMarkdown(report)
      .split("\n")
      .map((line) => line.replace(/`[^`]*`/g, ""))
      .join("\n");
    for (const word of ["@all", "http", "9d3a", "MANIFEST_UNKNOWN", "alpine:3.20"])
      assert.ok(!outside.includes(word), `${word} is outside of a code span`);
  });

  it("has as many cells in each row of a Markdown table as in its head", () => {
    const lines = pinMarkdown(report)
      .split("\n")
      .filter((line) => line.startsWith("|"));
    const cells = lines.map((line) => line.replace(/\\\|/g, "").split("|").length - 2);
    assert.deepEqual(
      cells.filter((count) => count !== 5 && count !== 3),
      [],
    );
  });
});

describe("the answer of pin about an image with a hostile index", () => {
  const CONTROL = "\u001b]0;owned\u0007\u001b[2J\n\n# new\n@octocat";
  const HOSTILE: Platform = {
    os: "linux",
    architecture: `${CONTROL} see [here](http://evil.example) <img src=x> \`x\``,
  };
  const old = indexedImage([platformImage()]);

  /** What pin says of a new image with these platforms beside the host's, or in its place. */
  function about(platforms: readonly Platform[], host: boolean): PinRow {
    const image = indexedImage([
      ...(host ? [platformImage({ created: "2026-11-01T00:00:00Z" })] : []),
      ...platforms.map((platform) => platformImage({ platform })),
    ]);
    return decide(
      { service: "app", image: parseReference(`app:1@${old.index.digest}`), tag: "1" },
      image.index.digest,
      { before: readingOf(old), after: readingOf(image) },
      { minimumAge: 0, all: false, now: NOW },
    );
  }
  const FORMATS = {
    table: (hostile: PinReport) => pinTable(hostile, plain),
    json: pinJson,
    markdown: pinMarkdown,
  };
  const many = Array.from({ length: 20_000 }, (_, n): Platform => ({
    os: "linux",
    architecture: `cpu${n}`,
  }));

  for (const [format, render] of Object.entries(FORMATS))
    for (const [title, host] of [
      ["beside the host's platform", true],
      ["in the place of the host's platform", false],
    ] as const)
      it(`has as ${format} nothing of a platform that is no name, ${title}`, () => {
        const text = render({ ...report, rows: [about([HOSTILE], host)] });
        for (const part of ["\u001b", "\\u001b", "\u0007", "owned", "octocat", "evil", "<img"])
          assert.ok(!text.includes(part), `${part} is in it`);
      });

  for (const format of ["table", "markdown"] as const)
    for (const host of [true, false])
      it(`names as ${format} some of 20000 platforms ${host ? "with" : "without"} the host's`, () => {
        const text = FORMATS[format]({ ...report, rows: [about(many, host)] });
        assert.ok(text.length < 3000, `${text.length} characters`);
        assert.match(text, /linux\/cpu0, .* and 19980 more/);
      });

  it("keeps in one code span what has a line break in it", () => {
    const row: PinRow = { service: "a\n\n@b", from: "app:1", status: "fail", why: "c\n\n@d `e`" };
    const text = pinMarkdown({ ...report, rows: [row] });
    assert.match(text, /^### `a @b`$/m);
    assert.match(text, /^`c @d 'e'`$/m);
  });
});
