import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";

import { FINGERPRINT, fingerprint, startPageFiles } from "../support/start-page";

const README = readFileSync("README.md", "utf8");

describe("the pictures in docs/images", () => {
  it("are of the start page as it is now", () => {
    assert.equal(
      readFileSync(FINGERPRINT, "utf8"),
      fingerprint(startPageFiles()),
      "make them anew: UPDATE_GOLDEN=1 npx mocha tests/integration/report-page.test.ts",
    );
  });

  it("are the ones that the README shows, with words for those who see none", () => {
    const shown = [...README.matchAll(/<img alt="[^"]{20,}" src="(docs\/images\/[\w.-]+)"/g)];
    assert.deepEqual(
      shown.map(([, path]) => path),
      [
        "docs/images/network.svg",
        "docs/images/homepage-desktop-light.png",
        "docs/images/homepage-phone-dark.png",
      ],
    );
    for (const [, path = ""] of shown) assert.ok(statSync(path).size > 1000, path);
  });
});
