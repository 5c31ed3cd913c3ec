import assert from "node:assert/strict";
import { byRegistry } from "../../images/by-registry";
import { parseReference } from "../../images/reference";

describe("images by registry", () => {
  it("keep their order, and Docker Hub's names are one registry", () => {
    const things = ["a:1", "ghcr.io/b:1", "docker.io/x/c:1", "ghcr.io/d:1"].map((image) => ({
      image: parseReference(image),
    }));
    assert.deepEqual(
      byRegistry(things).map((group) => group.map(({ image }) => image.name)),
      [
        ["a", "docker.io/x/c"],
        ["ghcr.io/b", "ghcr.io/d"],
      ],
    );
    assert.deepEqual(byRegistry([]), []);
  });
});
