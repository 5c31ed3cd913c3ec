import assert from "node:assert/strict";

import { Networks } from "../../../components/hardened/networks";
import { NETWORK } from "../../../tools/model/synth";
import { record, valueOf } from "../../support/pulumi-mocks";

const LABELS = [{ label: "pinned-stack.stack", value: "test" }];

describe("the networks of a stack", () => {
  it("are internal for every pair, and lead out only as edge and egress", async () => {
    const { resources } = await record(() => {
      const networks = new Networks("test", {});
      networks.link("traefik", "n8n");
      networks.edge();
      networks.egress();
    });
    assert.deepEqual(
      resources.map(({ type, name, inputs }) => ({ type, name, inputs })),
      [
        {
          type: NETWORK,
          name: "test-traefik-n8n",
          inputs: { name: "test-traefik-n8n", internal: true, labels: LABELS },
        },
        {
          type: NETWORK,
          name: "test-edge",
          inputs: { name: "test-edge", internal: false, labels: LABELS },
        },
        {
          type: NETWORK,
          name: "test-egress",
          inputs: { name: "test-egress", internal: false, labels: LABELS },
        },
      ],
    );
  });

  it("are one for a pair, whoever asks first and however often", async () => {
    const { resources, value } = await record(() => {
      const networks = new Networks("test", {});
      return [
        networks.link("n8n", "postgres"),
        networks.link("postgres", "n8n"),
        networks.link("n8n", "postgres"),
        networks.edge(),
        networks.edge(),
      ] as const;
    });
    const [first, second, third, edge, edgeAgain] = value;
    assert.equal(first, second);
    assert.equal(first, third);
    assert.equal(edge, edgeAgain);
    assert.deepEqual(
      { name: first.name, internal: first.internal, network: await valueOf(first.network.name) },
      { name: "n8n-postgres", internal: true, network: "test-n8n-postgres" },
    );
    assert.deepEqual(
      resources.map(({ name }) => name),
      ["test-n8n-postgres", "test-edge"],
    );
  });

  it("are different ones for different pairs", async () => {
    const { resources } = await record(() => {
      const networks = new Networks("test", {});
      networks.link("a", "b");
      networks.link("a", "c");
      networks.link("b", "c");
    });
    assert.deepEqual(
      resources.map(({ name }) => name),
      ["test-a-b", "test-a-c", "test-b-c"],
    );
  });

  it("have none for a service that talks to itself", async () => {
    await assert.rejects(
      record(() => new Networks("test", {}).link("n8n", "n8n")),
      { message: "network: n8n needs no network to talk to itself" },
    );
  });
});
