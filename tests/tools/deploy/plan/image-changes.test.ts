import assert from "node:assert/strict";

import { parseReference } from "../../../../images/reference";
import { kindOfChange } from "../../../../tools/deploy/plan/image-changes";

describe("the kind of an image change in a plan", () => {
  for (const [kind, from, to, expected] of [
    ["upgrade", "postgres:16-alpine", "postgres:17-alpine", "upgrade"],
    ["upgrade", "postgres:17-alpine", "postgres:16-alpine", "downgrade"],
    ["upgrade", "postgres:17.2-alpine", "postgres:16-alpine", "downgrade"],
    ["upgrade", "n8n:1.64.3", "n8n:1.64.2", "downgrade"],
    ["upgrade", "postgres:17.2-alpine", "postgres:17-alpine", "upgrade"],
    ["upgrade", "nginx:1.27", "nginx:latest", "upgrade"],
    ["upgrade", "postgres:17", "example.test/postgres:16", "upgrade"],
    ["rebuild", "nginx:1.27", "nginx:1.27", "rebuild"],
  ] as const)
    it(`is ${expected} from ${from} to ${to}`, () => {
      assert.equal(kindOfChange(kind, parseReference(from), parseReference(to)), expected);
    });
});
