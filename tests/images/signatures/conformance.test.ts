/** The public test vectors of sigstore-conformance: what must verify does, and nothing else. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { digestOf } from "../../../images/registry/response";
import { readStatement } from "../../../images/signatures/statement";
import { openVerifier } from "../../../images/signatures/verify";
import type { KeylessSigner, KeySigner } from "../../../images/trust/policy";

const FOLDER = join(__dirname, "..", "..", "fixtures", "sigstore", "conformance");
const IDENTITY =
  "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER = "https://token.actions.githubusercontent.com";

const vectors = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Whether our verification takes a vector; the reason if not. */
async function outcomeOf(name: string): Promise<string> {
  const read = (file: string): string | undefined => {
    const path = join(FOLDER, name, file);
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  };
  const artifactFile = join(FOLDER, name, "artifact");
  const artifact = readFileSync(existsSync(artifactFile) ? artifactFile : join(FOLDER, "a.txt"));
  const key = read("key.pub");
  const signer: KeySigner | KeylessSigner =
    key === undefined
      ? {
          issuer: read("issuer")?.trim() ?? ISSUER,
          identity: read("identity")?.trim() ?? IDENTITY,
        }
      : { key, log: "required" };
  const root = read("trusted_root.json");
  let bundle: object;
  try {
    bundle = JSON.parse(read("bundle.sigstore.json") ?? "") as object;
  } catch {
    return "no JSON";
  }
  try {
    const verifier = await openVerifier(root === undefined ? undefined : JSON.parse(root));
    const outcome = verifier.verify({ bundle, payload: artifact }, signer);
    if (!("signer" in outcome)) return JSON.stringify(outcome);
    if (outcome.signed.kind !== "statement") return "verified";
    const statement = readStatement(outcome.signed.text);
    return statement?.subjects.includes(digestOf(artifact)) === true
      ? "verified"
      : "about another artifact";
  } catch (error) {
    return String(error);
  }
}

describe("the conformance vectors of Sigstore", () => {
  it("are all there", () => {
    assert.equal(vectors.length, 70);
  });

  for (const name of vectors)
    it(name, async () => {
      const outcome = await outcomeOf(name);
      if (name.endsWith("_fail")) assert.notEqual(outcome, "verified");
      else assert.equal(outcome, "verified");
    });
});
