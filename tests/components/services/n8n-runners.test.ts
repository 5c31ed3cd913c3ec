import assert from "node:assert/strict";

import { n8nRunners } from "../../../components/services/n8n-runners";
import { parseReference } from "../../../images/reference";
import { expectHardened } from "../../support/hardened";
import { containerOf, modelOf, realServices } from "../../support/small-stack";

const TAG = "2.42.4";
const model = modelOf(realServices("n8n", "n8n-runners"), {
  images: { n8n: `n8nio/n8n:${TAG}`, "n8n-runners": `n8nio/runners:${TAG}` },
});

describe("n8n's task runners", () => {
  it("reach n8n alone, and have the token in a file that their user alone reads", () => {
    const container = containerOf(model, "n8n-runners");
    expectHardened(container, {
      controls: { user: "1000:1000", memoryMiB: 512, cpus: 1 },
      tmpfs: { "/tmp": 64 },
      networks: ["n8n-runners-n8n"],
      mounts: ["secrets n8n-runners-token /run/secrets/n8n-runners: token=n8nRunnersToken"],
    });
    assert.deepEqual(container.environment, {
      N8N_RUNNERS_TASK_BROKER_URI: "http://n8n:5679",
      N8N_RUNNERS_AUTH_TOKEN_FILE: "/run/secrets/n8n-runners/token",
    });
  });

  it("share an internal network with n8n, in which nobody else is", () => {
    const network = model.networks.find(({ name }) => name === "n8n-runners-n8n");
    assert.deepEqual([network?.internal, network?.members], [true, ["n8n-runners", "n8n"]]);
  });

  const refused = (tag: string): string =>
    `expected the tag of images.n8n, "${TAG}", got "${tag}"; n8n and its runners must have the same version: run "npm run pin -- --stack S n8n-runners=${TAG}"`;
  const tags: readonly (readonly [image: string, problem: string | undefined])[] = [
    [`n8nio/runners:${TAG}`, undefined],
    ["n8nio/runners:2.42.3", refused("2.42.3")],
    ["n8nio/runners:2.42", refused("2.42")],
    ["n8nio/runners:latest", refused("latest")],
    // It has no program for the health check.
    [`n8nio/runners:${TAG}-distroless`, refused(`${TAG}-distroless`)],
    [`n8nio/runners@sha256:${"5".repeat(64)}`, refused("none")],
  ];
  for (const [image, problem] of tags)
    it(`${problem === undefined ? "accept" : "refuse"} ${image.slice(0, 40)} beside n8n ${TAG}`, () => {
      const images = { n8n: parseReference(`n8nio/n8n:${TAG}`) };
      assert.equal(n8nRunners.image.problem?.(parseReference(image), images), problem);
    });

  it("leave a missing image of n8n to the rule about missing images", () => {
    assert.equal(n8nRunners.image.problem?.(parseReference(`n8nio/runners:${TAG}`), {}), undefined);
  });
});
