import assert from "node:assert/strict";

import { tagOrder } from "../../images/tag-order";

describe("a tag after another", () => {
  const cases: readonly (readonly [string, string, ReturnType<typeof tagOrder>])[] = [
    ["v3.6.4", "v3.6.5", "newer"],
    ["v3.6.5", "v3.6.4", "older"],
    ["v3.6.9", "v3.6.10", "newer"],
    ["1.9", "1.10.1", "newer"],
    ["2", "1.10.1", "older"],
    ["v3.6.4", "v3.6", "unclear"],
    ["v3.6.4", "v3", "unclear"],
    ["v3.6", "v3.6.4", "unclear"],
    ["v3.6.4", "latest", "newer"],
    ["latest", "v3.6.4", "newer"],
    ["v3.6.4", "3.6.4", "newer"],
    ["v3.6.4", "v3.6.4-rc1", "older"],
    ["v3.6.4-rc1", "v3.6.4", "newer"],
    ["v3.6.4-rc.2", "v3.6.4-rc.10", "newer"],
    ["v3.6.4-rc1", "v3.6.4-beta2", "older"],
    ["v3.6.4-alpha", "v3.6.4-beta", "newer"],
    ["1.0", "1.0rc1", "older"],
    ["1.0-RC2", "1.0-RC1", "older"],
    ["v3.6.4", "v3.6.5-rc1", "newer"],
    ["1.27.1", "1.27.1-alpine", "newer"],
    ["1.27.1-alpine", "1.27.1", "newer"],
    ["1.27.1-alpine", "1.27.1-rc1-alpine", "older"],
    ["1.27.1", "1.27.1-alphabet", "newer"],
  ];
  for (const [before, after, order] of cases)
    it(`is ${order}: ${before} → ${after}`, () => {
      assert.equal(tagOrder(before, after), order);
    });
});
