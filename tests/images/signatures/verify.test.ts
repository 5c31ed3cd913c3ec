import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";

import { parseDigest, parseReference, pinTo, type Digest } from "../../../images/reference";
import type { Evidence } from "../../../images/signatures/evidence";
import { judge, type Judgement } from "../../../images/signatures/judge";
import { candidateOf, type Candidate } from "../../../images/signatures/layout";
import { accept, type Failure, type SignatureVerifier } from "../../../images/signatures/verify";
import type { KeylessSigner, KeySigner, TrustPolicy } from "../../../images/trust/policy";
import {
  GITHUB,
  keyPair,
  SIGN,
  SigstoreWorld,
  simpleSigning,
  SLSA,
  statement,
  type Identity,
} from "../../support/sigstore-world";

const digest = parseDigest(`sha256:${"a".repeat(64)}`);
const other = parseDigest(`sha256:${"b".repeat(64)}`);
const SOURCE = "https://github.com/team/app";
const WORKFLOW = `${SOURCE}/.github/workflows/release.yml@refs/heads/main`;
const SHARED =
  "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.1.0";
const REPOSITORY = "registry.test/team/app";

let world: SigstoreWorld;
let verifier: SignatureVerifier;
before(async () => {
  world = await SigstoreWorld.start();
  verifier = await world.verifier();
});

const team: Identity = {
  by: WORKFLOW,
  source: SOURCE,
  revision: "09b3ce6",
  runner: "github-hosted",
};
const expected: KeylessSigner = { issuer: GITHUB, identity: WORKFLOW };

/** `verified`, or why not. */
function outcome(
  candidate: Candidate,
  signer: KeySigner | KeylessSigner,
  what: "signature" | "provenance" = "signature",
): string {
  const found = accept(verifier, candidate, signer, {
    what,
    digests: new Set([digest]),
    repositories: [REPOSITORY],
  });
  return "signer" in found ? "verified" : textOf(found);
}

const textOf = (failure: Failure): string =>
  "refused" in failure ? `refused: ${failure.refused}` : `uncheckable: ${failure.uncheckable}`;

/** A layer of a `.sig` manifest as a candidate. */
function older(payload: Buffer, annotations: Record<string, string>): Candidate {
  const layer = { digest, bytes: payload.length, form: "simple" as const, annotations };
  const candidate = candidateOf(layer, payload);
  if ("unknown" in candidate) return assert.fail(candidate.unknown);
  return candidate;
}

describe("a signature by an identity", () => {
  it("verifies, and says by whom, of which source and when", async () => {
    const candidate = await world.bundle(statement(digest, SIGN), team);
    const found = accept(verifier, candidate, expected, {
      what: "signature",
      digests: new Set([digest]),
      repositories: [],
    });
    assert.ok("signer" in found);
    const { at, ...signer } = found.signer;
    assert.deepEqual(signer, {
      by: WORKFLOW,
      issuer: GITHUB,
      source: SOURCE,
      revision: "09b3ce6",
      logged: true,
    });
    assert.ok(at !== undefined && Math.abs(at.getTime() - Date.now()) < 60_000);
  });

  it("verifies in cosign's older forms", async () => {
    const payload = simpleSigning(digest, REPOSITORY);
    assert.equal(outcome(older(payload, await world.simple(payload, team)), expected), "verified");
    const { layer, annotations } = await world.attestation(statement(digest, SLSA), team);
    const candidate = candidateOf(
      { digest, bytes: layer.length, form: "envelope", annotations },
      layer,
    );
    assert.ok("bundle" in candidate);
    assert.equal(outcome(candidate, { ...expected, source: SOURCE }, "provenance"), "verified");
  });

  const refused: readonly (readonly [string, Identity, KeylessSigner, RegExp])[] = [
    ["another identity", { by: `${SOURCE}/x` }, expected, /made by .*\/x/],
    ["one that only begins with it", { by: `${WORKFLOW}-evil` }, expected, /made by/],
    ["one that only ends with it", { by: `https://evil.test/?${WORKFLOW}` }, expected, /made by/],
    [
      "one around the pattern",
      { by: `https://evil.test/${WORKFLOW}` },
      { ...expected, identity: String.raw`^https://github\.com/team/app/.*$` },
      /made by/,
    ],
    [
      "one with another host where the dot is",
      { by: WORKFLOW.replace("github.com", "githubXcom") },
      { ...expected, identity: String.raw`^https://github\.com/team/app/.*$` },
      /made by/,
    ],
    ["another issuer", { by: WORKFLOW, issuer: "https://evil.test" }, expected, /issuer is/],
    [
      "an issuer that only begins with it",
      { by: WORKFLOW, issuer: `${GITHUB}.evil.test` },
      expected,
      /issuer is/,
    ],
    [
      "another source than that of the identity",
      { by: WORKFLOW, source: "https://github.com/evil/app" },
      expected,
      /source repository is .*evil/,
    ],
    [
      "a shared workflow, run by another project",
      { by: SHARED, source: "https://github.com/evil/app" },
      { issuer: GITHUB, identity: SHARED, source: SOURCE },
      /source repository is .*evil/,
    ],
    [
      "a shared workflow without a source",
      { by: SHARED },
      { issuer: GITHUB, identity: SHARED, source: SOURCE },
      /source repository is not stated/,
    ],
    [
      "another kind of machine",
      { ...team, runner: "self-hosted" },
      { ...expected, runner: "github-hosted" },
      /machine of kind .*self-hosted/,
    ],
  ];
  for (const [title, identity, signer, reason] of refused)
    it(`is refused for ${title}`, async () => {
      const text = outcome(await world.bundle(statement(digest, SIGN), identity), signer);
      assert.match(text, /^refused: /);
      assert.match(text, reason);
    });

  it("is refused about another image, though it is a good signature", async () => {
    const candidate = await world.bundle(statement(other, SIGN), team);
    assert.equal(outcome(candidate, expected), `refused: it is about another image, ${other}`);
    const payload = simpleSigning(other, REPOSITORY);
    const copied = older(payload, await world.simple(payload, team));
    assert.equal(outcome(copied, expected), `refused: it is about another image, ${other}`);
  });

  it("is refused for another repository, which only the older form names", async () => {
    const payload = simpleSigning(digest, "registry.test/team/nightly");
    const text = outcome(older(payload, await world.simple(payload, team)), expected);
    assert.match(text, /^refused: it names the repository .*nightly/);
  });

  it("is no provenance if it is a plain signature, or an attestation of anything", async () => {
    const signature = await world.bundle(statement(digest, SIGN), team);
    assert.match(outcome(signature, expected, "provenance"), /^refused: it is no provenance/);
    const custom = await world.bundle(statement(digest, "https://example.test/custom"), team);
    assert.match(outcome(custom, expected), /^refused: it is no signature/);
  });

  it("is refused without its log entry, and with that of another signature", async () => {
    type Bundle = { readonly verificationMaterial: { readonly tlogEntries: unknown } };
    const [one, two] = [
      (await world.bundle(statement(digest, SIGN), team)).bundle as Bundle,
      (await world.bundle(statement(digest, SIGN, { other: true }), team)).bundle as Bundle,
    ];
    const withEntries = (tlogEntries: unknown): Candidate => ({
      bundle: { ...one, verificationMaterial: { ...one.verificationMaterial, tlogEntries } },
    });
    assert.match(outcome(withEntries([]), expected), /^refused: /);
    assert.match(
      outcome(withEntries(two.verificationMaterial.tlogEntries), expected),
      /^refused: /,
    );
    assert.equal(outcome(withEntries(one.verificationMaterial.tlogEntries), expected), "verified");
  });

  it("of the older form is refused with the log entry of another one (GHSA-whqx-f9j3-ch6m)", async () => {
    const payload = simpleSigning(digest, REPOSITORY);
    const [one, two] = [
      await world.simple(payload, team),
      await world.simple(simpleSigning(other, REPOSITORY), team),
    ];
    const key = "dev.sigstore.cosign/bundle";
    const swapped = { ...one, [key]: two[key] ?? "" };
    assert.match(outcome(older(payload, swapped), expected), /^refused: /);
    const later = {
      ...one,
      [key]: (one[key] ?? "").replace(/"integratedTime":\d+/, '"integratedTime":1700000000'),
    };
    assert.match(outcome(older(payload, later), expected), /^refused: /);
  });

  it("is uncheckable in a log that the root does not know, and in an unknown form", async () => {
    const elsewhere = await SigstoreWorld.start();
    const candidate = await elsewhere.bundle(statement(digest, SIGN), team);
    assert.match(outcome(candidate, expected), /^uncheckable: it is in a log that .*of today/);
    const { bundle } = await world.bundle(statement(digest, SIGN), team);
    const mediaType = "application/vnd.dev.sigstore.bundle.v9.0+json";
    assert.match(outcome({ bundle: { ...bundle, mediaType } }, expected), /^uncheckable: .*v9/);
    const text = JSON.stringify(bundle).replace(
      '"kind":"dsse","version":"0.0.1"',
      '"kind":"intoto","version":"0.0.1"',
    );
    assert.match(
      outcome({ bundle: JSON.parse(text) as object }, expected),
      /^uncheckable: .*intoto 0\.0\.1/,
    );
  });

  it("is refused with more entries than any has", async () => {
    const { bundle } = (await world.bundle(statement(digest, SIGN), team)) as unknown as {
      bundle: { verificationMaterial: { tlogEntries: unknown[] } };
    };
    const [entry] = bundle.verificationMaterial.tlogEntries;
    const tlogEntries = Array.from({ length: 1000 }, () => entry);
    const many = {
      ...bundle,
      verificationMaterial: { ...bundle.verificationMaterial, tlogEntries },
    };
    assert.match(outcome({ bundle: many }, expected), /^refused: it has more than 8/);
  });

  it("is refused if what is signed is another text than what it shows", async () => {
    const { bundle } = await world.bundle(statement(other, SIGN), team);
    // The library verifies the message, and a careless reader would read the envelope.
    const payload = statement(digest, SIGN);
    const forged = {
      ...bundle,
      messageSignature: {
        messageDigest: { algorithm: "SHA2_256", digest: "AAAA" },
        signature: "AAAA",
      },
      dsseEnvelope: {
        payload: payload.toString("base64"),
        payloadType: "application/vnd.in-toto+json",
        signatures: [],
      },
    };
    assert.notEqual(outcome({ bundle: forged }, expected), "verified");
    assert.notEqual(outcome({ bundle: forged, payload }, expected), "verified");
  });
});

describe("a signature by a key", () => {
  const pair = keyPair();
  const required: KeySigner = { key: pair.publicKey, log: "required" };

  it("verifies with a log entry, and without one only if the policy says so", async () => {
    const logged = await world.bundle(statement(digest, SIGN), pair);
    assert.equal(outcome(logged, required), "verified");
    const unlogged = await world.bundle(statement(digest, SIGN), pair, false);
    assert.match(outcome(unlogged, required), /^refused: /);
    const found = accept(
      verifier,
      unlogged,
      { ...required, log: "ignored" },
      {
        what: "signature",
        digests: new Set([digest]),
        repositories: [],
      },
    );
    assert.ok("signer" in found);
    assert.equal(found.signer.logged, false);
  });

  it("does not take the time from a timestamp that nothing verified", async () => {
    const { bundle } = (await world.bundle(statement(digest, SIGN), pair)) as unknown as {
      bundle: { verificationMaterial: object };
    };
    // A real timestamp of 2025, of another signature.
    const { verificationMaterial: elsewhere } = JSON.parse(
      readFileSync(
        join(
          __dirname,
          "../../fixtures/sigstore/conformance/rekor2-timestamp-with-embedded-cert/bundle.sigstore.json",
        ),
        "utf8",
      ),
    ) as { verificationMaterial: { timestampVerificationData: object } };
    const { timestampVerificationData } = elsewhere;
    const stamped = {
      ...bundle,
      verificationMaterial: { ...bundle.verificationMaterial, timestampVerificationData },
    };
    const found = accept(verifier, { bundle: stamped }, required, {
      what: "signature",
      digests: new Set([digest]),
      repositories: [],
    });
    assert.ok("signer" in found);
    const { at } = found.signer;
    assert.ok(at !== undefined && Math.abs(at.getTime() - Date.now()) < 60_000, at?.toISOString());
  });

  it("verifies in the older form, with the key as PEM and as base64", async () => {
    const payload = simpleSigning(digest, REPOSITORY);
    const candidate = older(payload, await world.simple(payload, pair));
    const key = pair.publicKey.replace(/-----[A-Z ]+-----|\n/g, "");
    for (const signer of [required, { ...required, key }])
      assert.equal(outcome(candidate, signer), "verified");
  });

  it("is refused by another key, by a certificate, and where an identity is expected", async () => {
    const candidate = await world.bundle(statement(digest, SIGN), keyPair());
    assert.match(outcome(candidate, required), /^refused: /);
    assert.match(outcome(candidate, expected), /^refused: it was made with a key/);
    const keyless = await world.bundle(statement(digest, SIGN), team);
    assert.match(outcome(keyless, required), /^refused: it was made with a certificate/);
  });
});

describe("the word for an image", () => {
  const image = pinTo(parseReference(`${REPOSITORY}:1`), digest);
  const policy: TrustPolicy = { signature: [expected] };

  const evidenceOf = (found: readonly Candidate[], more: Partial<Evidence> = {}): Evidence => ({
    repository: REPOSITORY,
    digest,
    platform: "linux/amd64",
    asked: new Date("2026-11-01T00:00:00Z"),
    places: [REPOSITORY],
    unanswered: [],
    found: found.map((one) => ({ over: digest, ...one })),
    unread: [],
    others: [],
    ...more,
  });
  const wordOf = (
    evidence: Evidence | undefined,
    configured: TrustPolicy | undefined = policy,
  ): Promise<Judgement> =>
    judge({
      service: "app",
      image,
      platform: "linux/amd64",
      configured,
      evidence,
      verifier: () => Promise.resolve(verifier),
    });
  const shown = async (...args: Parameters<typeof wordOf>): Promise<string> => {
    const { word, met } = await wordOf(...args);
    return `${word}, ${met ? "met" : "not met"}`;
  };

  it("is verified if one signature of several is the expected one", async () => {
    const junk = await world.bundle(statement(digest, SIGN), { by: "https://evil.test/x" });
    const good = await world.bundle(statement(digest, SIGN), team);
    assert.equal(await shown(evidenceOf([junk, good])), "verified, met");
    assert.equal(await shown(evidenceOf([junk])), "refused, not met");
  });

  it("is refused where a signature is expected and nothing is there", async () => {
    const { text } = await wordOf(evidenceOf([]));
    assert.equal(await shown(evidenceOf([])), "refused, not met");
    assert.equal(text, `has no signature, expected one by ${WORKFLOW}`);
  });

  it("is unknown if a place could not tell, or nobody asked", async () => {
    const silent = { unanswered: ["registry.test answered 500, 4 times"] };
    assert.equal(await shown(evidenceOf([], silent)), "unknown, not met");
    assert.equal(await shown(undefined), "unknown, not met");
    const good = await world.bundle(statement(digest, SIGN), team);
    assert.equal(await shown(evidenceOf([good], silent)), "verified, met");
  });

  it("is unknown with evidence of another digest, platform or repository", async () => {
    const good = await world.bundle(statement(digest, SIGN), team);
    for (const more of [
      { digest: other },
      { platform: "linux/arm64" },
      { repository: "evil.test/a/b" },
    ])
      assert.equal(await shown(evidenceOf([good], more)), "unknown, not met", JSON.stringify(more));
  });

  it("is unsigned, and accepted, where that has a reason; or where there is no policy", async () => {
    const unsigned = { unsigned: "nobody signs it" };
    assert.equal(await shown(evidenceOf([]), unsigned), "unsigned, met");
    assert.equal(await shown(undefined, unsigned), "unknown, met");
    assert.equal(await shown(evidenceOf([], { unanswered: ["500"] }), unsigned), "unknown, met");
  });

  it("is uncheckable where nobody expects the signature that is there, and says whose it is", async () => {
    const good = await world.bundle(statement(digest, SIGN), team);
    const { word, text, remedy } = await wordOf(evidenceOf([good]), {
      unsigned: "nobody signs it",
    });
    assert.equal(word, "uncheckable");
    assert.equal(text, `nobody signs it, but it has a signature by "${WORKFLOW}", of "${GITHUB}"`);
    assert.match(remedy ?? "", /trust\.app/);
  });

  it("needs both, signature and provenance, where both are expected", async () => {
    const both: TrustPolicy = { ...policy, provenance: [{ ...expected, source: SOURCE }] };
    const signature = await world.bundle(statement(digest, SIGN), team);
    const built = await world.bundle(statement(digest, SLSA), team);
    assert.equal(await shown(evidenceOf([signature]), both), "refused, not met");
    assert.equal(await shown(evidenceOf([built]), both), "refused, not met");
    assert.equal(await shown(evidenceOf([signature, built]), both), "verified, met");
  });

  it("is never verified for another digest, repository or identity, whatever is changed", async () => {
    const candidates = [
      await world.bundle(statement(digest, SIGN), team),
      await world.bundle(statement(other, SIGN), team),
      await world.bundle(statement(digest, SIGN), { by: "https://evil.test/x" }),
      await world.bundle(statement(digest, SLSA), team),
    ];
    const texts = candidates.map(({ bundle }) => JSON.stringify(bundle));
    const edit = fc.tuple(
      fc.nat(texts.length - 1),
      fc.nat(texts.length - 1),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.string({ maxLength: 4 }),
    );
    await fc.assert(
      fc.asyncProperty(edit, fc.boolean(), async ([one, two, from, to, text], isOther) => {
        const base = texts[one] ?? "";
        const [start, end] = [from, to]
          .map((at) => Math.floor(at * base.length))
          .sort((a, b) => a - b) as [number, number];
        const piece = (texts[two] ?? "").slice(start, end);
        const changed = `${base.slice(0, start)}${text}${piece}${base.slice(end)}`;
        let bundle: unknown;
        try {
          bundle = JSON.parse(changed);
        } catch {
          return;
        }
        if (typeof bundle !== "object" || bundle === null) return;
        const wanted: Digest = isOther ? parseDigest(`sha256:${"c".repeat(64)}`) : digest;
        const evidence = { ...evidenceOf([{ bundle }]), digest: wanted };
        const { word, signers } = await judge({
          service: "app",
          image: pinTo(image, wanted),
          platform: "linux/amd64",
          configured: policy,
          evidence,
          verifier: () => Promise.resolve(verifier),
        });
        if (word !== "verified") return;
        assert.equal(wanted, digest);
        assert.deepEqual(
          signers.map(({ by, what }) => [by, what]),
          [[WORKFLOW, "signature"]],
        );
      }),
      { numRuns: 300 },
    );
  }).timeout(60_000);
});
