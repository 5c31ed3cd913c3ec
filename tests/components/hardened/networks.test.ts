import assert from "node:assert/strict";

import { Networks } from "../../../components/hardened/networks";
import { NETWORK, only, record, valueOf } from "../../support/pulumi-mocks";

/** Names and whether they are internal. */
const made = async (ask: (networks: Networks) => void): Promise<readonly unknown[]> => {
  const { resources } = await record(() => {
    ask(new Networks("test", { labels: { owner: "me" } }, {}));
  });
  return resources
    .filter(({ type }) => type === NETWORK)
    .map(({ inputs }) => [inputs.name, inputs.internal]);
};

describe("the networks of a group of containers", () => {
  it("are internal for each pair; only edge and egress lead out of the host", async () => {
    assert.deepEqual(
      await made((networks) => {
        networks.edge();
        networks.between("app", "db");
        networks.between("app", "cache");
        networks.egress();
      }),
      [
        ["test-edge", false],
        ["test-app-db", true],
        ["test-app-cache", true],
        ["test-egress", false],
      ],
    );
  });

  it("are made once, whichever of the pair asks", async () => {
    const { resources, value } = await record(async () => {
      const networks = new Networks("test", { labels: { owner: "me" } }, {});
      const link = networks.between("app", "db");
      assert.equal(link, networks.between("app", "db"));
      assert.equal(link, networks.between("db", "app"));
      assert.equal(link, networks.get({ name: "app-db", internal: true }));
      return [link.name, link.internal, await valueOf(link.network.name)];
    });
    assert.deepEqual(value, ["app-db", true, "test-app-db"]);
    assert.deepEqual(only(resources, NETWORK).inputs.labels, [{ label: "owner", value: "me" }]);
  });

  it("do not connect a container to itself", async () => {
    await assert.rejects(
      made((networks) => networks.between("app", "app")),
      { message: "network: expected two different containers, got app twice" },
    );
  });
});
