import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";

import { mermaid } from "../../tools/report/map";
import { stackView } from "../../tools/report/view/stack";
import { FINGERPRINT, fingerprint, shownStack, startPageFiles } from "../support/start-page";

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
      ["docs/images/details-desktop-light.png", "docs/images/homepage-phone-dark.png"],
    );
    for (const [, path = ""] of shown) assert.ok(statSync(path).size > 1000, path);
  });
});

describe("the map in the README", () => {
  it("is that of the dev stack as it is now", () => {
    const map = `\`\`\`mermaid\n${mermaid(stackView(shownStack()))}\`\`\`\n`;
    if (process.env.UPDATE_GOLDEN === "1")
      writeFileSync("README.md", README.replace(/^```mermaid\n[^`]*```\n/m, map));
    const [shown] = /^```mermaid\n[^`]*```\n/m.exec(readFileSync("README.md", "utf8")) ?? [];
    assert.equal(shown, map, "make it anew: UPDATE_GOLDEN=1 npx mocha tests/docs/pictures.test.ts");
  });
});
