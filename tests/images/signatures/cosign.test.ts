/** What the real cosign writes, as it was recorded from a registry. */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";

import { parseReference, pinTo } from "../../../images/reference";
import { lookUpSignatures } from "../../../images/signatures/lookup";
import type { TrustPolicy } from "../../../images/trust/policy";
import { indexedImage, platformImage } from "../../support/oci-images";
import { putRecorded, readRecorded, type Recorded } from "../../support/recorded-cosign";
import { insecure, registryFixture } from "../../support/registry-fixture";
import { keyPair } from "../../support/sigstore-world";

const recorded = readRecorded("cosign.json") as Recorded & {
  readonly publicKey: string;
};
const image = indexedImage([platformImage({ created: "2026-10-01T00:00:00Z" })]);
const { start } = registryFixture();

describe("signatures of cosign", () => {
  it("are about the image of the tests", () => {
    assert.equal(image.index.digest, recorded.digest);
    assert.equal(createPublicKey(recorded.publicKey).asymmetricKeyType, "ec");
  });

  async function wordOf(name: string, policy: TrustPolicy): Promise<string> {
    const registry = await start();
    // The older form names the repository that was signed.
    const { host } = registry;
    registry.putImage(`cosign/${name}`, image, "1");
    putRecorded(registry, `cosign/${name}`, recorded, name);
    const [found] = await lookUpSignatures({
      images: [
        {
          service: "app",
          image: pinTo(parseReference(`${host}/cosign/${name}:1`), image.index.digest),
        },
      ],
      platform: "linux/amd64",
      trust: { app: policy },
      registries: insecure([registry]),
      known: () => undefined,
      now: new Date(),
    });
    return `${found?.judgement.word ?? ""}: ${found?.judgement.text ?? ""}`;
  }

  const signature = (key: string, log: "required" | "ignored" = "ignored"): TrustPolicy => ({
    signature: [{ key, log, from: "127.0.0.1:5077/cosign/old" }],
  });
  const plain = (key: string, log: "required" | "ignored" = "ignored"): TrustPolicy => ({
    signature: [{ key, log }],
  });

  it("verify in the new form, and say that no log has them", async () => {
    assert.match(
      await wordOf("new", plain(recorded.publicKey)),
      /^verified: signature by key [0-9a-f]{64}, over the pinned digest, not logged$/,
    );
  });

  it("are refused where a log is required, and for another key", async () => {
    assert.match(await wordOf("new", plain(recorded.publicKey, "required")), /^refused: /);
    assert.match(await wordOf("new", plain(keyPair().publicKey)), /^refused: /);
  });

  it("are refused in the older form for another repository than the one they name", async () => {
    assert.match(
      await wordOf("old", plain(recorded.publicKey)),
      /^refused: .*it names the repository "127\.0\.0\.1:5077\/cosign\/old"/,
    );
  });

  it("do not count where cosign itself says verified: an image with an attestation and no signature", async () => {
    assert.match(await wordOf("attested", plain(recorded.publicKey)), /^refused: has no signature/);
  });

  it("of a key are no provenance by an identity", async () => {
    const provenance: TrustPolicy = {
      provenance: [
        {
          issuer: "https://token.actions.githubusercontent.com",
          identity: "https://github.com/team/app/x",
          source: "https://github.com/team/app",
        },
      ],
    };
    assert.match(await wordOf("provenance", provenance), /^refused: .*made with a key/);
  });

  it("verify in the older form where its repository is named", async () => {
    // That place does not answer here, and what verifies counts all the same.
    assert.match(await wordOf("old", signature(recorded.publicKey)), /^verified: /);
  }).timeout(30_000);
});
