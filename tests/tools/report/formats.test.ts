import assert from "node:assert/strict";
import { resolve } from "node:path";

import { readStackFile } from "../../../config/file/read";
import { Model, synth } from "../../../tools/model/synth";
import { Format, FORMATS, isFormat, render } from "../../../tools/report/formats";
import { stackView, StackView } from "../../../tools/report/view/stack";
import { columns } from "../../../tools/cli/command";
import { assertGolden } from "../../support/golden";
import { goldenModel, goldenStack } from "../../support/golden-stack";

const plain = { columns, title: (text: string) => text, head: (text: string) => text };

const FILES: Readonly<Record<Format, string>> = {
  table: "table.txt",
  markdown: "markdown.md",
  json: "report.json",
  cis: "cis.txt",
  "cis-json": "cis.json",
  mermaid: "network.mmd",
  svg: "network.svg",
  compose: "compose.yaml",
};

describe("a report", () => {
  let model: Model;
  before(async () => {
    model = await synth(goldenStack(), { placeholders: true });
  });
  const text = (format: Format): string =>
    render({ format, model, view: stackView(model), style: plain });

  for (const format of Object.keys(FORMATS) as Format[])
    it(`as ${format} is its golden file`, () => {
      assertGolden(`report/${FILES[format]}`, text(format));
    });

  it("shows no secret, set or not, encrypted or not", () => {
    for (const format of Object.keys(FORMATS) as Format[])
      assert.doesNotMatch(text(format), /canary|\[secret|\[encrypted/, format);
  });

  it("needs no secret to be set", async () => {
    const { config, ...file } = goldenStack();
    const without = Object.fromEntries(
      Object.entries(config).filter(([, value]) => !/canary|encrypted/.test(value)),
    );
    const bare = await synth({ ...file, config: without, secretKeys: [] }, { placeholders: true });
    assert.deepEqual(stackView(bare), stackView(model));
  });

  it("shows nobody a reason in another order than it is written in", async () => {
    const exemptions = [
      { control: "readOnlyRootfs", value: false, reason: "for admins and only for them" },
    ];
    const turned = await goldenModel({ services: { homepage: { exemptions } } });
    // The configuration refuses such a reason; a service's own file may have one.
    const said = JSON.stringify(stackView(turned)).replaceAll(
      "for admins",
      "for \u202eadmins\u2069",
    );
    const view = JSON.parse(said) as StackView;
    assert.match(said, /\p{Bidi_Control}/u);
    for (const format of Object.keys(FORMATS) as Format[]) {
      const printed = render({ format, model: turned, view, style: plain });
      assert.doesNotMatch(printed, /\p{Bidi_Control}/u, format);
      if (format === "json") assert.deepEqual(JSON.parse(printed), view);
    }
  });

  it("is the same each time", async () => {
    const again = await synth(goldenStack(), { placeholders: true });
    for (const format of Object.keys(FORMATS) as Format[])
      assert.equal(
        render({ format, model: again, view: stackView(again), style: plain }),
        text(format),
        format,
      );
  });

  it("has the formats it names and no others", () => {
    assert.equal(isFormat("table"), true);
    assert.equal(isFormat("yaml"), false);
    assert.equal(isFormat("toString"), false);
  });
});

describe("docs/images/network.svg", () => {
  it("is the map of the dev stack as it is now", async () => {
    const model = await synth(readStackFile("dev", resolve(".")), { placeholders: true });
    const svg = render({ format: "svg", model, view: stackView(model), style: plain });
    assertGolden("../../docs/images/network.svg", svg);
  });
});
