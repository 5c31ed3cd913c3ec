/** What the real cosign writes with certificates: Fulcio, Rekor 2, a timestamp authority and a certificate log, as recorded. */
import assert from "node:assert/strict";

import { parseReference, pinTo } from "../../../images/reference";
import { lookUpSignatures } from "../../../images/signatures/lookup";
import { openVerifier, type SignatureVerifier } from "../../../images/signatures/verify";
import type { TrustPolicy } from "../../../images/trust/policy";
import { indexedImage, platformImage } from "../../support/oci-images";
import { putRecorded, readRecorded, type Recorded } from "../../support/recorded-cosign";
import { insecure, registryFixture } from "../../support/registry-fixture";

const recorded = readRecorded("cosign-keyless.json") as Recorded & {
  readonly issuer: string;
  /** The trusted root of the recording. */
  readonly root: object;
};
const image = indexedImage([platformImage({ created: "2026-10-01T00:00:00Z" })]);
const { start } = registryFixture();

const SOURCE = "https://github.com/team/app";
const WORKFLOW = `${SOURCE}/.github/workflows/release.yml@refs/heads/main`;
const EVIL = "https://github.com/team/app-evil/.github/workflows/release.yml@refs/heads/main";
const by = { issuer: recorded.issuer, identity: WORKFLOW };
const signature = (more: object = {}): TrustPolicy => ({ signature: [{ ...by, ...more }] });
const provenance = (more: object = {}): TrustPolicy => ({
  provenance: [{ ...by, source: SOURCE, ...more }],
});

describe("signatures of cosign with certificates", () => {
  let own: SignatureVerifier;
  before(async () => {
    assert.equal(image.index.digest, recorded.digest);
    own = await openVerifier(recorded.root, "2026-11-27");
  });

  async function wordOf(
    name: string,
    policy: TrustPolicy,
    verifier: SignatureVerifier = own,
  ): Promise<string> {
    const registry = await start();
    registry.putImage(`team/${name}`, image, "1");
    putRecorded(registry, `team/${name}`, recorded, name);
    const [found] = await lookUpSignatures({
      images: [
        {
          service: "app",
          image: pinTo(parseReference(`${registry.host}/team/${name}:1`), image.index.digest),
        },
      ],
      platform: "linux/amd64",
      trust: { app: policy },
      registries: insecure([registry]),
      known: () => undefined,
      now: new Date(),
      verifier: () => Promise.resolve(verifier),
    });
    return `${found?.judgement.word ?? ""}: ${found?.judgement.text ?? ""}`;
  }

  const FROM = `from ${SOURCE} at 1a2b3c4d5e6f, over the pinned digest, logged 2026-11-27`;
  const table: readonly (readonly [string, string, TrustPolicy, string])[] = [
    ["a signature", "keyless-signed", signature(), `verified: signature by ${WORKFLOW} ${FROM}`],
    [
      "its source and machine too",
      "keyless-signed",
      signature({ source: SOURCE, runner: "github-hosted" }),
      `verified: signature by ${WORKFLOW} ${FROM}`,
    ],
    [
      "a provenance",
      "keyless-provenance",
      provenance(),
      `verified: provenance by ${WORKFLOW} ${FROM}`,
    ],
    [
      "not another machine",
      "keyless-signed",
      signature({ runner: "self-hosted" }),
      'refused: its signature is not as expected: it was made on a machine of kind "github-hosted", expected self-hosted',
    ],
    [
      "not another issuer",
      "keyless-signed",
      signature({ issuer: "https://token.actions.githubusercontent.com" }),
      `refused: its signature is not as expected: its issuer is "${recorded.issuer}", expected https://token.actions.githubusercontent.com`,
    ],
    [
      "not an identity that only begins so",
      "keyless-signed",
      signature({ identity: WORKFLOW.slice(0, -1) }),
      `refused: its signature is not as expected: it was made by "${WORKFLOW}", expected ${WORKFLOW.slice(0, -1)}`,
    ],
    [
      "not the repository whose name begins so",
      "keyless-other",
      signature(),
      `refused: its signature is not as expected: it was made by "${EVIL}", expected ${WORKFLOW}`,
    ],
    [
      "not the build of another source",
      "keyless-provenance",
      provenance({ source: "https://github.com/team/other" }),
      `refused: its provenance is not as expected: its source repository is "${SOURCE}", expected https://github.com/team/other`,
    ],
    [
      "no provenance for a signature",
      "keyless-provenance",
      signature(),
      `refused: has no signature, expected one by ${WORKFLOW}`,
    ],
    [
      "no signature for a provenance",
      "keyless-signed",
      provenance(),
      `refused: has no provenance, expected one by ${WORKFLOW}`,
    ],
  ];
  for (const [title, name, policy, expected] of table)
    it(`verify: ${title}`, async () => {
      assert.equal(await wordOf(name, policy), expected);
    });

  it("are not called bad by a root that does not know their log", async () => {
    assert.match(
      await wordOf("keyless-signed", signature(), await openVerifier()),
      /^uncheckable: it has a signature, but it is in a log that the trusted root of 2026-11-05 does not know/,
    );
  });
});
