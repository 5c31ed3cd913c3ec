import assert from "node:assert/strict";

import { CisResult } from "../../../../tools/report/cis/cis";
import { cisLead } from "../../../../tools/report/cis/sections";
import { stackView } from "../../../../tools/report/view/stack";
import { goldenModel } from "../../../support/golden-stack";

describe("CIS section 5 of a stack", () => {
  const results = async (services: object): Promise<readonly CisResult[]> =>
    stackView(await goldenModel({ services })).cis.results;
  const exemption = (control: string, value: unknown) => ({
    portainer: { exemptions: [{ control, value, reason: "a test wants to see it" }] },
  });
  const cases: readonly (readonly [string, unknown, ...string[]])[] = [
    ["capabilities", ["CAP_CHOWN"], "5.4 portainer exempt"],
    ["readOnlyRootfs", false, "5.13 portainer exempt"],
    ["noNewPrivileges", false, "5.26 portainer exempt"],
  ];
  for (const [control, value, ...expected] of cases)
    it(`changes ${expected.join()} and nothing else when the stack exempts from ${control}`, async () => {
      const base = await results({});
      const changed = (await results(exemption(control, value))).filter(
        ({ verdict }, index) => verdict !== base[index]?.verdict,
      );
      assert.deepEqual(
        changed.map(({ id, container, verdict }) => `${id} ${container} ${verdict}`),
        expected,
      );
    });

  it("has a head that tells of the helpers which start, since no item is about them", async () => {
    const view = stackView(await goldenModel());
    const [, note, ...more] = cisLead(view).split("\n");
    assert.deepEqual(
      [note, ...more],
      ["helpers that run once and end are not judged: 6, listed under `helpers` of --format json"],
    );
    const helpers = view.helpers.filter(({ starts }) => !starts);
    assert.equal(helpers.length, 5);
    assert.doesNotMatch(cisLead({ ...view, helpers }), /\n/);
  });

  it("finds in 5.29 every container whose processes no command limits, whatever its label says", async () => {
    const model = await goldenModel();
    const resources = model.resources.filter(({ name }) => name !== "golden-process-limits");
    assert.equal(model.resources.length - resources.length, 1);
    const all = stackView({ ...model, resources }).cis.results.filter(({ id }) => id === "5.29");
    assert.deepEqual(
      all.map(({ verdict, detail }) => `${verdict}: ${detail}`),
      Array.from({ length: 8 }, () => "finding: may start any number of processes"),
    );
  });
});
