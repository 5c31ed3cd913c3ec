import assert from "node:assert/strict";

import { columns } from "../../../tools/cli/command";
import { exportOf, FORMATS, PrintedFormat, render } from "../../../tools/report/formats";
import { sections } from "../../../tools/report/sections";
import { StackView } from "../../../tools/report/view/stack";
import { assertGolden } from "../../support/golden";
import { exampleModel, exampleView } from "./example-stack";

const model = exampleModel();
const view = exampleView();
const config = {
  registries: {
    "registry.example.test": { username: "robot", password: "canary" },
    "other.example.test": {},
  },
};

const text = (format: PrintedFormat, of: StackView = view): string => render(format, of);
const PRINTED = Object.keys(FORMATS).filter(
  (format) => format !== "compose" && format !== "openvex",
) as PrintedFormat[];
const written = Object.entries(exportOf({ config, model }));

describe("a report", () => {
  const golden = {
    table: "table.txt",
    cis: "cis.txt",
    mermaid: "map.mmd",
  };
  for (const [format, file] of Object.entries(golden))
    it(`as ${format} is its golden file`, () => {
      assertGolden(`report/${file}`, text(format as PrintedFormat));
    });

  for (const name of ["compose.yaml", ".compose-lint.yml"])
    it(`as compose has ${name} of its golden file`, () => {
      const [, content] = written.find(([path]) => path === name) ?? [];
      assertGolden(`report/${name.replace(/^\./, "")}`, String(content));
    });

  it("as JSON is the view, and its part about CIS", () => {
    const { version, stack, cis } = view;
    assert.deepEqual(JSON.parse(text("json")), view);
    assert.deepEqual(JSON.parse(text("cis-json")), { version, stack, ...cis });
  });

  it("as Markdown has each table of the terminal's, with nothing of a text as markup", () => {
    const markdown = text("markdown");
    for (const { title, rows } of sections(view)) {
      const [, after = assert.fail(title)] = markdown.split(`## ${title}\n\n`);
      const [table = ""] = after.split("\n\n");
      assert.equal(
        table.trim().split("\n").length,
        rows.length === 1 ? 1 : rows.length + 1,
        columns(rows),
      );
    }
    assert.ok(
      markdown.includes("a report \\| has \\<to\\> print what the \\*stack\\* says |\n"),
      markdown,
    );
  });

  it("shows no secret, and is the same each time", () => {
    for (const format of PRINTED) {
      assert.doesNotMatch(text(format), /canary/, format);
      assert.equal(render(format, exampleView()), text(format));
    }
    for (const [path, content] of written) assert.doesNotMatch(String(content), /canary/, path);
    assert.deepEqual(Object.entries(exportOf({ config, model: exampleModel() })), written);
  });

  it("shows nobody a text in another order than it is written in", () => {
    // The configuration refuses such a reason; the file of a service may have one.
    const said = JSON.stringify(view).replaceAll("has <to>", "has \u202e<to>\u2069");
    assert.match(said, /\p{Bidi_Control}/u);
    const turned = JSON.parse(said) as StackView;
    for (const format of PRINTED) {
      const printed = text(format, turned);
      assert.doesNotMatch(printed, /\p{Bidi_Control}/u, format);
      if (format === "json") assert.deepEqual(JSON.parse(printed), turned);
    }
  });
});
