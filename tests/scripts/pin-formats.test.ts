/** The three forms of the answer, compared with files that people have read: UPDATE_GOLDEN=1 writes them anew. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { pinJson } from "../../scripts/pin-json";
import { pinMarkdown } from "../../scripts/pin-markdown";
import type { PinReport } from "../../scripts/pin-report";
import { pinTable } from "../../scripts/pin-table";
import { assertGolden } from "../support/golden";
import { DAY, everyRow, NOW } from "../support/pin-rows";

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
    const docs = readFileSync(join(__dirname, "../../docs/updating-digests.md"), "utf8");
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
