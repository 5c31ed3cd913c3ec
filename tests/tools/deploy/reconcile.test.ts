/** What a deployment finds of earlier runs and of changes by hand, before it plans. */
import assert from "node:assert/strict";

import { loadTarget } from "../../../tools/deploy/pulumi/target";
import "../../support/no-docker-context";
import { withBareTags } from "../../../components/model";
import {
  CHANGES,
  CURRENT,
  fakeDeployment,
  liveRow,
  past,
  STACK,
  stateOf,
  withValues,
} from "./fake-run";

const { model } = loadTarget(STACK, CURRENT);

describe("the look at the host before a deployment", function () {
  this.timeout(30_000);

  it("says what the update will start that an earlier run has created, because no change shows it", async () => {
    const [traefik] = model.containers;
    assert.ok(traefik);
    const { plan } = await fakeDeployment({
      preview: CHANGES,
      row: (container, row) =>
        container.name === traefik.name
          ? { ...row, state: { Status: "created", ExitCode: 0, Health: null } }
          : row,
      more: [{ container: liveRow(traefik, { id: "id-before", name: "/before" }) }],
    });
    assert.match(
      plan,
      /current state: traefik has a new container of \S*traefik:\S+ that was never started; it will take the place of the running one/,
    );
  });

  describe("that compares with what was declared", () => {
    const weaker = (plan: string): string[] =>
      plan.split("\n").filter((line) => line.includes("WEAKER"));

    it("calls nothing weaker when the state has lost a container that did not change", async () => {
      const lost = stateOf(model, { without: [`${STACK}-traefik`] });
      const { plan } = await fakeDeployment({ states: [lost], preview: CHANGES });
      assert.deepEqual(weaker(plan), []);
    });

    it("nor when it has lost the facts about the whole stack", async () => {
      const lost = stateOf(model, { without: [STACK] });
      const { plan } = await fakeDeployment({ states: [lost], preview: CHANGES });
      assert.deepEqual(weaker(plan), []);
    });

    it("but what is weaker than the last good deployment, although the state has lost it", async () => {
      const narrow = {
        ...CURRENT,
        values: { ...CURRENT.values, "pinned-stack:adminAllow": "[]" },
      };
      const lost = stateOf(model, { without: [STACK, `${STACK}-traefik`] });
      const { plan } = await fakeDeployment({
        history: [{ ...past(1), config: narrow }],
        states: [lost],
        preview: CHANGES,
      });
      assert.match(weaker(plan).join("\n"), /lets administrators in from /);
    });

    it("and everything that the policy does not grant, when nobody knows what is deployed", async () => {
      const state = stateOf(model);
      const otherShape = { ...state, model: undefined, containers: [] };
      const { plan } = await fakeDeployment({
        history: [past(1, { readable: false })],
        states: [otherShape],
        preview: CHANGES,
      });
      assert.match(weaker(plan).join("\n"), /traefik has access to the external network edge/);
    });

    it("nothing in a first deployment", async () => {
      const empty = stateOf({ ...model, containers: [], networks: [] }, { without: [STACK] });
      const { plan } = await fakeDeployment({ history: [], states: [empty], preview: CHANGES });
      assert.deepEqual(weaker(plan), []);
    });

    describe("when the stack file has a tag without a digest", () => {
      const images = JSON.parse(CURRENT.values["pinned-stack:images"] ?? "") as Record<
        string,
        string
      >;
      const bare = withValues({
        "pinned-stack:images": JSON.stringify({
          ...images,
          homepage: images["homepage"]?.split("@")[0],
        }),
      });

      it("calls the lost pin weaker, and tells the program", async () => {
        const { plan, environments } = await fakeDeployment({
          current: bare,
          states: [stateOf(model)],
          preview: CHANGES,
        });
        assert.deepEqual(
          weaker(plan)
            .filter((line) => line.includes("pins"))
            .map((line) => line.trim()),
          ["WEAKER: homepage no longer pins its image by digest"],
        );
        assert.deepEqual(environments, [{ PINNED_STACK_BARE_TAGS: "homepage" }]);
      });

      it("but not where it had none before", async () => {
        const { plan } = await fakeDeployment({
          current: bare,
          states: [stateOf(withBareTags(model, ["homepage"]))],
          preview: CHANGES,
        });
        assert.doesNotMatch(plan, /pins its image/);
      });
    });
  });
});
