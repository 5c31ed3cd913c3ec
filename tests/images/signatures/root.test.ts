/** The trusted root that is shipped is the one of Sigstore's public instance. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { readTrustedRoot, TRUSTED_ROOT } from "../../../images/signatures/root";
import { openVerifier } from "../../../images/signatures/verify";
import { PROJECT_FOLDER } from "../../../tools/cli/command";

describe("the trusted root", () => {
  it("is the one that @sigstore/tuf comes with: if an update of that changes it, this file changes too", () => {
    const seeds = JSON.parse(
      readFileSync(join(PROJECT_FOLDER, "node_modules/@sigstore/tuf/seeds.json"), "utf8"),
    ) as Readonly<Record<string, { readonly targets: Readonly<Record<string, string>> }>>;
    const seed = seeds["https://tuf-repo-cdn.sigstore.dev"]?.targets["trusted_root.json"] ?? "";
    assert.equal(
      readFileSync(TRUSTED_ROOT.file, "utf8"),
      Buffer.from(seed, "base64").toString("utf8"),
    );
    assert.match(TRUSTED_ROOT.date, /^\d{4}-\d\d-\d\d$/);
  });

  it("can be read, and is used by default", async () => {
    assert.deepEqual(Object.keys(readTrustedRoot() as object).sort(), [
      ...["certificateAuthorities", "ctlogs", "mediaType", "timestampAuthorities", "tlogs"],
    ]);
    await openVerifier();
  });

  it("is refused if a key has no start of its validity", async () => {
    const root = JSON.parse(readFileSync(TRUSTED_ROOT.file, "utf8")) as {
      readonly tlogs: readonly { publicKey: { validFor?: unknown } }[];
    };
    for (const { publicKey } of root.tlogs) delete publicKey.validFor;
    await assert.rejects(openVerifier(root), /without the start of its validity/);
  });
});
