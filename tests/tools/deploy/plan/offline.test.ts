import assert from "node:assert/strict";

import { offlinePlan } from "../../../../tools/deploy/plan/offline";
import { modelOf, realServices } from "../../../support/small-stack";

const model = modelOf(realServices("traefik", "homepage"), {
  adminAllow: [],
  images: { traefik: `traefik:v3.6.4@sha256:${"a".repeat(64)}`, homepage: "nginx:1.27-alpine" },
});

describe("the offline plan", () => {
  it("lists for each container in which order it is replaced, and why", () => {
    assert.deepEqual(offlinePlan(model).order, [
      ["CONTAINER", "WHEN REPLACED", "WHY"],
      ["traefik", "stop-first", "publishes 127.0.0.1:80"],
      ["homepage", "start-first", "no published port, no writable volume"],
    ]);
  });

  it("has a row for each service, the networks, the exemptions and what is not pinned", () => {
    const { headline, services, notes } = offlinePlan(model);
    assert.equal(headline, "stack test: 2 containers, 2 networks and 4 volumes");
    assert.deepEqual(
      services.map(([service, , pin]) => [service, pin]),
      [
        ["SERVICE", "DIGEST"],
        ["traefik", "aaaaaaaaaaaa"],
        ["homepage", "not resolved"],
      ],
    );
    assert.equal(notes[0], "networks: edge (external), traefik-homepage");
    assert.ok(notes.some((line) => line.startsWith("exempt: traefik, publishedPorts: ")));
    assert.match(notes.at(-1) ?? "", /^images\.homepage: .*no digest; .*preview/);
  });
});
