import assert from "node:assert/strict";

import { parseReference, pinTo, type Digest, type PinnedImage } from "../../../images/reference";
import type { Evidence } from "../../../images/signatures/evidence";
import { formatEvidence, parseEvidence } from "../../../images/signatures/evidence";
import { judge } from "../../../images/signatures/judge";
import { lookUpSignatures, type LookedUp } from "../../../images/signatures/lookup";
import type { SignatureVerifier } from "../../../images/signatures/verify";
import type { TrustPolicy } from "../../../images/trust/policy";
import {
  attach,
  BUNDLE,
  bundleLayer,
  ENVELOPE,
  listUnderTag,
  SIMPLE,
  type Layer,
} from "../../support/attach";
import { indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import type { Fault } from "../../support/registry-faults";
import { insecure, QUICK, registryFixture } from "../../support/registry-fixture";
import type { FakeRegistry, LoggedRequest } from "../../support/registry-server";
import {
  GITHUB,
  SIGN,
  SigstoreWorld,
  simpleSigning,
  SLSA,
  statement,
  type Identity,
} from "../../support/sigstore-world";

const { start } = registryFixture();
const SOURCE = "https://github.com/team/app";
const WORKFLOW = `${SOURCE}/.github/workflows/release.yml@refs/heads/main`;
const team: Identity = { by: WORKFLOW, source: SOURCE };
const policy: TrustPolicy = { signature: [{ issuer: GITHUB, identity: WORKFLOW }] };
const amd64 = platformImage({ created: "2026-10-01T00:00:00Z" });
const image = indexedImage([amd64, platformImage({ platform: LINUX_ARM64 })], {
  attestations: "built",
});
const digest = image.index.digest;
const attestation = image.manifests.at(-2)?.digest ?? assert.fail();

let world: SigstoreWorld;
let verifier: SignatureVerifier;
before(async () => {
  world = await SigstoreWorld.start();
  verifier = await world.verifier();
});

const signed = async (wanted: Digest = digest, by: Identity = team): Promise<Layer> =>
  bundleLayer(await world.bundle(statement(wanted, SIGN), by));

interface Options {
  readonly configured?: TrustPolicy;
  readonly known?: Evidence;
  readonly again?: boolean;
}

async function lookUp(
  registry: FakeRegistry,
  { configured = policy, known, again = false }: Options = {},
): Promise<LookedUp> {
  const [found] = await lookUpSignatures({
    images: [{ service: "app", image: pinned(registry) }],
    platform: "linux/amd64",
    trust: { app: configured },
    registries: insecure([registry]),
    known: () => known,
    again,
    now: new Date("2026-11-27T00:00:00Z"),
    limits: QUICK,
    verifier: () => Promise.resolve(verifier),
  });
  return found ?? assert.fail();
}

const pinned = (registry: FakeRegistry): PinnedImage =>
  pinTo(parseReference(`${registry.host}/team/app:1`), digest);

async function world1(options: Parameters<typeof start>[0] = {}): Promise<FakeRegistry> {
  const registry = await start(options);
  registry.putImage("team/app", image, "1");
  return registry;
}

const describe1 = ({ judgement: { word, text } }: LookedUp): string => `${word}: ${text}`;

describe("the places of signatures", () => {
  it("are the referrers API", async () => {
    const registry = await world1({ referrers: true });
    attach(registry, "team/app", [await signed()], { subject: digest });
    assert.match(
      describe1(await lookUp(registry)),
      /^verified: signature by .*, over the pinned digest, logged 20/,
    );
  });

  it("are the tag in its place, where the API answers 404, redirects, sends a web page, or an empty list", async () => {
    const modes: readonly (readonly [string, boolean, Fault | undefined])[] = [
      ["404", false, undefined],
      [
        "redirect",
        true,
        { do: "answer", status: 303, headers: { location: "https://github.com/login" } },
      ],
      [
        "web page",
        true,
        { do: "answer", status: 200, headers: { "content-type": "text/html" }, body: "<html>" },
      ],
      ["501", true, { do: "answer", status: 501 }],
      [
        "empty",
        true,
        {
          do: "answer",
          status: 200,
          headers: { "content-type": "application/vnd.oci.image.index.v1+json" },
          body: '{"schemaVersion":2,"manifests":[]}',
        },
      ],
    ];
    for (const [title, referrers, fault] of modes) {
      const registry = await world1({ referrers });
      registry.fault = ({ kind }) => (kind === "referrers" ? fault : undefined);
      const manifest = attach(registry, "team/app", [await signed()], { subject: digest });
      listUnderTag(registry, "team/app", digest, [manifest]);
      assert.match(describe1(await lookUp(registry)), /^verified: /, title);
    }
  });

  it("are the tags of cosign's older form", async () => {
    const registry = await world1();
    const payload = simpleSigning(digest, `${registry.host}/team/app`);
    const annotations = await world.simple(payload, team);
    attach(registry, "team/app", [{ mediaType: SIMPLE, content: payload, annotations }], {
      tags: [`${digest.replace(":", "-")}.sig`],
    });
    assert.match(describe1(await lookUp(registry)), /^verified: /);
    const { layer, annotations: own } = await world.attestation(statement(digest, SLSA), team);
    attach(registry, "team/app", [{ mediaType: ENVELOPE, content: layer, annotations: own }], {
      tags: [`${digest.replace(":", "-")}.att`],
    });
    const provenance = { provenance: [{ issuer: GITHUB, identity: WORKFLOW, source: SOURCE }] };
    assert.match(
      describe1(await lookUp(registry, { configured: provenance })),
      /^verified: provenance by .* from https:\/\/github\.com\/team\/app, over the pinned digest/,
    );
  });

  it("are those of the platform's manifest, and of the attestation in the index", async () => {
    const registry = await world1({ referrers: true });
    attach(registry, "team/app", [await signed(amd64.manifest.digest)], {
      subject: amd64.manifest.digest,
    });
    const found = await lookUp(registry);
    assert.match(describe1(found), /^verified: .*over the manifest of the platform in it/);
    const other = await world1({ referrers: true });
    attach(other, "team/app", [await signed(attestation)], { subject: attestation });
    assert.match(describe1(await lookUp(other)), /^verified: .*over the attestation in it/);
  });

  it("are another repository, where the policy names one", async () => {
    const registry = await world1();
    const elsewhere = await start({ referrers: true, auth: "none" });
    elsewhere.putImage("team/signed", image);
    attach(elsewhere, "team/signed", [await signed()], { subject: digest });
    const from = {
      signature: [{ issuer: GITHUB, identity: WORKFLOW, from: `${elsewhere.host}/team/signed` }],
    };
    const [found] = await lookUpSignatures({
      images: [{ service: "app", image: pinned(registry) }],
      platform: "linux/amd64",
      trust: { app: from },
      registries: insecure([registry, elsewhere]),
      known: () => undefined,
      now: new Date(),
      limits: QUICK,
      verifier: () => Promise.resolve(verifier),
    });
    assert.equal(found?.judgement.word, "verified");
    assert.match(describe1(await lookUp(registry)), /^refused: has no signature/);
  });
});

describe("a lookup of signatures", () => {
  it("says unsigned only after every place of every manifest answered", async () => {
    const registry = await world1();
    const found = await lookUp(registry, { configured: { unsigned: "nobody signs it" } });
    assert.equal(found.judgement.word, "unsigned");
    const asked = registry.log.map(({ path }) => path).join("\n");
    for (const one of [digest, amd64.manifest.digest, attestation])
      for (const place of [
        `referrers/${one}`,
        ...["", ".sig", ".att"].map((suffix) => `manifests/${one.replace(":", "-")}${suffix}`),
      ])
        assert.ok(asked.includes(place), place);
    assert.equal(found.judgement.claims !== undefined, true, "the unsigned provenance is said");
  });

  const silences: readonly (readonly [string, (request: LoggedRequest) => boolean, number])[] = [
    ["the referrers API answers 500", ({ kind }) => kind === "referrers", 500],
    ["the referrers API answers 429", ({ kind }) => kind === "referrers", 429],
    ["the referrers API answers 403", ({ kind }) => kind === "referrers", 403],
    ["a tag answers 500", ({ path }) => path.endsWith(".sig"), 500],
    ["a tag redirects", ({ path }) => path.endsWith(".att"), 302],
  ];
  for (const [title, isIt, status] of silences)
    it(`says unknown where ${title}`, async () => {
      const registry = await world1();
      registry.fault = (request) =>
        isIt(request)
          ? {
              do: "answer",
              status,
              ...(status === 302 && { headers: { location: "https://evil.test/" } }),
            }
          : undefined;
      const expectsNone = await lookUp(registry, { configured: { unsigned: "nobody signs it" } });
      assert.equal(expectsNone.judgement.word, "unknown");
      assert.equal(expectsNone.evidence, undefined);
      const { judgement } = await lookUp(registry);
      assert.deepEqual([judgement.word, judgement.met], ["unknown", false]);
    });

  it("follows no redirect to another host", async () => {
    const target = await start({ auth: "none" });
    const registry = await world1();
    registry.fault = ({ kind }) =>
      kind === "referrers" || kind === "get"
        ? { do: "answer", status: 307, headers: { location: `http://${target.host}/v2/x` } }
        : undefined;
    await lookUp(registry);
    assert.equal(target.log.filter(({ path }) => path.includes("sha256-")).length, 0);
  });

  it("takes nothing that is listed for the image but is about another one", async () => {
    const registry = await world1({ referrers: true });
    const other = indexedImage([platformImage({ created: "2026-10-02T00:00:00Z" })]).index.digest;
    // The manifest says that it is about the image, the signature in it is about another.
    attach(registry, "team/app", [await signed(other)], { subject: digest });
    assert.match(describe1(await lookUp(registry)), /^refused: .*about another image/);
    const lying = await world1();
    const manifest = attach(lying, "team/app", [await signed()], { subject: other });
    listUnderTag(lying, "team/app", digest, [manifest]);
    assert.match(describe1(await lookUp(lying)), /^refused: has no signature/);
  });

  it("finds the good one among junk, and does not read what is too large", async () => {
    const registry = await world1({ referrers: true });
    const junk: readonly Layer[] = [
      { mediaType: "application/spdx+json", content: Buffer.from("{}") },
      { mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", content: Buffer.from("[[[") },
      { mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", content: Buffer.from("{}") },
    ];
    for (const layer of junk) attach(registry, "team/app", [layer], { subject: digest });
    attach(registry, "team/app", [{ mediaType: ENVELOPE, content: Buffer.from("big") }], {
      subject: digest,
      size: 5 * 1024 * 1024,
    });
    attach(registry, "team/app", [await signed()], { subject: digest });
    const { judgement } = await lookUp(registry);
    assert.equal(judgement.word, "verified");
    assert.deepEqual(judgement.others, [
      "an attachment of 5 MiB, not read",
      "application/spdx+json",
    ]);
  });

  it("is not stopped by an attachment that is made to break the program", async () => {
    const nested = (before: string, after: string): Buffer =>
      Buffer.from(`${before}${"[".repeat(300_000)}${"]".repeat(300_000)}${after}`);
    const type = '"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"';
    const hostile: readonly Layer[] = [
      { mediaType: BUNDLE, content: nested(`{${type},"a":`, "}") },
      { mediaType: ENVELOPE, content: nested('{"payload":"","signatures":', "}") },
      { mediaType: BUNDLE, content: Buffer.from('{"mediaType":{"toString":1}}') },
      { mediaType: BUNDLE, content: Buffer.from(`{${type},"dsseEnvelope":7}`) },
      { mediaType: BUNDLE, content: Buffer.from('{"__proto__":{"mediaType":7}}') },
    ];
    for (const [index, layer] of hostile.entries()) {
      const registry = await world1({ referrers: true });
      attach(registry, "team/app", [layer], { subject: digest });
      for (const configured of [policy, { unsigned: "nobody signs it" }]) {
        const { judgement } = await lookUp(registry, { configured });
        assert.match(judgement.word, /^(?:refused|uncheckable)$/, `${index}`);
      }
      attach(registry, "team/app", [await signed()], { subject: digest });
      const { judgement, evidence } = await lookUp(registry);
      assert.equal(judgement.word, "verified", `${index}`);
      assert.ok(parseEvidence(formatEvidence([evidence ?? assert.fail()])) !== undefined);
    }
  });

  it("does not call an image unsigned behind more attachments than it reads", async () => {
    const registry = await world1({ referrers: true });
    for (let count = 0; count < 51; count++)
      attach(
        registry,
        "team/app",
        [{ mediaType: "text/plain", content: Buffer.from(`${count}`) }],
        {
          subject: digest,
        },
      );
    assert.match(describe1(await lookUp(registry)), /^unknown: .*51 manifests .* only 50 are read/);
  });

  it("reads further pages of the same registry only", async () => {
    const registry = await world1({ referrers: true });
    attach(registry, "team/app", [await signed()], { subject: digest });
    registry.fault = ({ kind }) =>
      kind === "referrers"
        ? { do: "amend", headers: { link: '<https://evil.test/v2/team/app/x>; rel="next"' } }
        : undefined;
    assert.match(describe1(await lookUp(registry)), /^unknown: .*not followed/);
  });

  it("costs few requests, and none for an image with complete evidence", async () => {
    const registry = await world1({ referrers: true });
    attach(registry, "team/app", [await signed()], { subject: digest });
    const { evidence } = await lookUp(registry);
    // 401 and token; referrers, three tags, the manifest, its blob.
    assert.equal(registry.count(), 8);
    const before = registry.count();
    const second = await lookUp(registry, { known: evidence ?? assert.fail() });
    assert.equal(second.judgement.word, "verified");
    assert.equal(registry.count(), before);
    assert.equal(
      (await lookUp(registry, { known: evidence ?? assert.fail(), again: true })).judgement.word,
      "verified",
    );
    assert.ok(registry.count() > before);
  });

  it("asks again for another policy, where an earlier one was met before every place was asked", async () => {
    const registry = await world1({ referrers: true });
    attach(registry, "team/app", [await signed()], { subject: digest });
    attach(
      registry,
      "team/app",
      [bundleLayer(await world.bundle(statement(amd64.manifest.digest, SLSA), team))],
      { subject: amd64.manifest.digest },
    );
    const { evidence } = await lookUp(registry);
    assert.ok(evidence !== undefined);
    const built: TrustPolicy = {
      provenance: [{ issuer: GITHUB, identity: WORKFLOW, source: SOURCE }],
    };
    // The file says nothing of the platform's manifest.
    const [known = assert.fail()] = parseEvidence(formatEvidence([evidence])) ?? [];
    const request = {
      ...{ service: "app", image: pinned(registry), platform: "linux/amd64", configured: built },
      verifier: () => Promise.resolve(verifier),
    };
    const before = await judge({ ...request, evidence: known });
    assert.equal(before.word, "unknown");
    assert.match(before.text, /not every place was asked for its provenance/);
    const after = await lookUp(registry, { configured: built, known });
    assert.match(describe1(after), /^verified: provenance .*over the manifest of the platform/);
    // Complete now, so a policy that nothing meets costs no more requests.
    const asked = registry.count();
    const other = { provenance: [{ issuer: GITHUB, identity: `${WORKFLOW}x`, source: SOURCE }] };
    const none = await lookUp(registry, {
      configured: other,
      known: (await lookUp(registry, { configured: other })).evidence ?? assert.fail(),
    });
    assert.equal(none.judgement.word, "refused");
    assert.ok(registry.count() > asked);
  });

  it("keeps what verifies again from the file", async () => {
    const registry = await world1({ referrers: true });
    attach(registry, "team/app", [await signed(attestation)], { subject: attestation });
    const { evidence } = await lookUp(registry);
    assert.ok(evidence !== undefined);
    const read = (parseEvidence(formatEvidence([evidence])) ?? []).at(0) ?? assert.fail();
    assert.deepEqual(read, evidence);
    const offline = await lookUp(registry, { known: read });
    assert.equal(offline.judgement.word, "verified");
    for (const broken of [
      { ...evidence, index: Buffer.from("{}") },
      { ...evidence, attestation: undefined },
    ]) {
      const { judgement } = await lookUp(registry, { known: broken as Evidence });
      assert.equal(judgement.word, "refused");
    }
  });
});
