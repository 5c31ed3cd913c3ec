import assert from "node:assert/strict";

import { lineOf, problem } from "../../../../tools/deploy/checks/check";

describe("a line of the doctor", () => {
  it("is printable, whatever the host says", () => {
    const said = "Engine \u001b]0;title\u0007\u001b[31m29\u009b2J\r\nnext";
    assert.equal(
      lineOf(problem("docker\u0007", said, "run \u001b[2Jthis"), (_, text) => `<${text}>`),
      "<problem>  docker: Engine 29\nnext; run this",
    );
  });
});
