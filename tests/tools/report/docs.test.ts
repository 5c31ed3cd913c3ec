/** docs/reports.md names what a program reads: a field or a format that is not there fails here. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { getFileInfo } from "prettier";

import { changes } from "../../../tools/report/changes/changes";
import { FORMATS } from "../../../tools/report/formats";
import { exampleView } from "./example-stack";

const page = readFileSync("docs/reports.md", "utf8");

/** Names of all fields, those of lists' items and of objects in it among them. */
const fields = (value: unknown): string[] =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([name, item]) => [
        ...(Array.isArray(value) ? [] : [name]),
        ...fields(item),
      ])
    : [];

/** Words in code quotes, without a path in front and the mark of a list behind. */
const said = new Set(
  [...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = ""]) =>
    code.replaceAll("[]", "").split("."),
  ),
);

describe("docs/reports.md", () => {
  it("names every field of the JSON report and of a comparison", () => {
    const view = exampleView();
    const weaker = changes(exampleView({}, []), view);
    const names = [...new Set(fields([view, weaker]))];
    assert.ok(names.length > 50 && names.includes("what"), `${names.length} fields`);
    assert.deepEqual(
      names.filter((name) => !said.has(name)),
      [],
    );
  });

  it("has a report saved where prettier leaves it as it was printed", async () => {
    const saved = /--format json > (\S+)/.exec(page)?.[1] ?? assert.fail("no line saves one");
    const { ignored } = await getFileInfo(saved, { ignorePath: ".prettierignore" });
    assert.equal(ignored, true, saved);
    assert.ok(page.includes(`--against ${saved} `), `nothing is compared with ${saved}`);
  });

  it("has the formats, each in a row", () => {
    assert.deepEqual(
      [...page.matchAll(/^\| `([a-z-]+)` +\|/gm)]
        .map(([, name = ""]) => name)
        .filter((name) => name in FORMATS),
      Object.keys(FORMATS),
    );
  });
});
