import assert from "node:assert/strict";

import { isRoot } from "../../../components/hardened/root-user";

describe("the user of a container", () => {
  for (const user of ["0:0", "0", "00", "0:1000", "1000:0", "1000:00", ":0", ""])
    it(`is root as "${user}"`, () => {
      assert.equal(isRoot(user), true);
    });
  for (const user of ["1000:1000", "1000", "10:10", "1:100"])
    it(`is not root as "${user}"`, () => {
      assert.equal(isRoot(user), false);
    });
});
