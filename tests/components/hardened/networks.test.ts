import assert from "node:assert/strict";

import { Link, Networks } from "../../../components/hardened/networks";
import { NETWORK, only, record, valueOf } from "../../support/pulumi-mocks";

/** Names, whether they are internal, and options of the driver. */
const made = async (ask: (networks: Networks) => void): Promise<readonly unknown[]> => {
  const { resources } = await record(() => {
    ask(new Networks("test", { labels: { owner: "me" } }, {}));
  });
  return resources
    .filter(({ type }) => type === NETWORK)
    .map(({ inputs }) => [inputs.name, inputs.internal, inputs.options]);
};

const NO_HOST = { "com.docker.network.bridge.inhibit_ipv4": "true" };
const bridge = (name: string) => ({ "com.docker.network.bridge.name": name });

describe("the networks of a group of containers", () => {
  it("have no address of the host on them where they are internal, and a known interface where not", async () => {
    const options = async (ask: (networks: Networks) => void): Promise<unknown> =>
      ((await made(ask)) as readonly (readonly unknown[])[]).map((row) => row[2]);
    assert.deepEqual(
      await options((networks) => {
        networks.between("app", "db");
        networks.edge();
        networks.egress();
        networks.get({ name: "a-network-of-another-name", internal: false });
      }),
      [NO_HOST, bridge("ps-test-edge"), bridge("ps-test-egress"), bridge("ps-a511a-a-netw")],
    );
  });

  it("are internal for each pair; only edge and egress lead out of the host", async () => {
    assert.deepEqual(
      await made((networks) => {
        networks.edge();
        networks.between("app", "db");
        networks.between("app", "cache");
        networks.egress();
      }),
      [
        ["test-edge", false, bridge("ps-test-edge")],
        ["test-app-db", true, NO_HOST],
        ["test-app-cache", true, NO_HOST],
        ["test-egress", false, bridge("ps-test-egress")],
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

  it("are the only ones that make a link, so that what it says of the network is true", () => {
    // Checked by the compiler.
    const others: Pick<Link, "name" | "internal" | "network"> extends Link
      ? "pass"
      : "do not pass" = "do not pass";
    assert.equal(others, "do not pass");
  });

  it("do not connect a container to itself", async () => {
    await assert.rejects(
      made((networks) => networks.between("app", "app")),
      { message: "network: expected two different containers, got app twice" },
    );
  });
});
