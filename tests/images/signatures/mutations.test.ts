/** Changes recorded signature files, field by field and bit by bit: none of them may verify as anything else. */
import assert from "node:assert/strict";

import fc from "fast-check";

import { parseDigest, parseReference, pinTo } from "../../../images/reference";
import {
  evidenceFor,
  formatEvidence,
  parseEvidence,
  type Evidence,
} from "../../../images/signatures/evidence";
import { judge, type Judgement } from "../../../images/signatures/judge";
import { claimedStatement, openVerifier } from "../../../images/signatures/verify";
import type { TrustPolicy } from "../../../images/trust/policy";
import { readRecorded, type Recorded } from "../../support/recorded-cosign";

type Path = readonly (string | number)[];
interface Json {
  [key: string | number]: unknown;
}

const keyless = readRecorded("cosign-keyless.json") as Recorded & {
  readonly issuer: string;
  readonly root: object;
};
const keyed = readRecorded("cosign.json") as Recorded & { readonly publicKey: string };
const SOURCE = "https://github.com/team/app";
const signer = {
  issuer: keyless.issuer,
  identity: `${SOURCE}/.github/workflows/release.yml@refs/heads/main`,
};
const cases: readonly (readonly [Recorded, string, TrustPolicy])[] = [
  [keyless, "keyless-signed", { signature: [signer] }],
  [keyless, "keyless-provenance", { provenance: [{ ...signer, source: SOURCE }] }],
  [keyed, "new", { signature: [{ key: keyed.publicKey, log: "ignored" }] }],
];

const digest = parseDigest(keyless.digest);
const image = pinTo(parseReference("registry.test/team/app:1"), digest);
const platform = "linux/amd64";

/** The file as `npm run pin` would have written it. */
function fileOf(recorded: Recorded, name: string): string {
  const bundles = (recorded.repositories[name]?.blobs ?? [])
    .map((blob) => Buffer.from(blob, "base64").toString("utf8"))
    .filter((text) => text.includes("application/vnd.dev.sigstore.bundle"));
  const evidence: Evidence = {
    ...{ repository: "registry.test/team/app", digest, platform },
    asked: new Date("2026-11-27T00:00:00Z"),
    places: ["registry.test/team/app"],
    unanswered: [],
    found: bundles.map((text) => ({ over: digest, bundle: JSON.parse(text) as object })),
    unread: [],
    others: [],
  };
  return formatEvidence([evidence]);
}

function pathsIn(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, one]) =>
      pathsIn(one, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

const parentOf = (root: Json, path: Path): Json =>
  path.slice(0, -1).reduce<Json>((at, key) => at[key] as Json, root);

describe("a changed signature file", () => {
  it("never verifies as something else", async () => {
    const verifier = await openVerifier(keyless.root, "2026-11-27");
    const wordOf = async (text: string, policy: TrustPolicy) => {
      const file = parseEvidence(text);
      if (file === undefined) return { judgement: undefined, signed: "" };
      const evidence = evidenceFor(file, image, platform);
      const judgement = await judge({
        ...{ service: "app", image, platform, configured: policy, evidence },
        verifier: () => Promise.resolve(verifier),
      });
      const signed = JSON.stringify(evidence?.found.map((one) => claimedStatement(one)));
      return { judgement, signed };
    };
    const said = ({ word, text, signers }: Judgement) => ({ word, text, signers });

    const texts = cases.map(([recorded, name]) => fileOf(recorded, name));
    const good = await Promise.all(
      cases.map(([, , policy], at) => wordOf(texts[at] ?? "", policy)),
    );
    for (const { judgement } of good) assert.equal(judgement?.word, "verified");

    const junk: readonly unknown[] = [
      ...["", null, 0, -1, 1e308, true, [], {}, [[]], { toString: 1 }, "AAAA", "2147483648"],
      ...[signer.identity, SOURCE, keyless.issuer, digest, "\u0000\u001b[31m", "x".repeat(3000)],
    ];
    const edit = fc.record({
      which: fc.nat(cases.length - 1),
      kind: fc.constantFrom("flip", "flip", "junk", "delete", "swap"),
      ...{ one: fc.nat(), two: fc.nat(), bit: fc.nat() },
      value: fc.constantFrom(...junk),
    });
    let verified = 0;
    await fc.assert(
      fc.asyncProperty(edit, async ({ which, kind, one, two, bit, value }) => {
        const text = texts[which] ?? "";
        const root = JSON.parse(text) as Json;
        const paths = pathsIn(root).slice(1);
        const at = (number: number): { parent: Json; key: string | number } => {
          const path = paths[number % paths.length] ?? [];
          return { parent: parentOf(root, path), key: path.at(-1) ?? "" };
        };
        const { parent, key } = at(one);
        const old = parent[key];
        if (kind === "junk") parent[key] = value;
        else if (kind === "delete") Reflect.deleteProperty(parent, key);
        else if (kind === "swap") {
          const other = at(two);
          const replaced = structuredClone(other.parent[other.key]);
          other.parent[other.key] = structuredClone(old);
          parent[key] = replaced;
        } else if (typeof old === "string" && old !== "") {
          const bytes = Buffer.from(old, "base64");
          const place = bit % Math.max(1, bytes.length * 8);
          bytes[place >> 3] = (bytes[place >> 3] ?? 0) ^ (1 << (place & 7));
          parent[key] = bytes.toString("base64");
        }
        const [, , policy] = cases[which] ?? assert.fail();
        const { judgement, signed } = await wordOf(JSON.stringify(root), policy);
        if (judgement?.word !== "verified") return;
        verified++;
        const before = good[which] ?? assert.fail();
        assert.deepEqual(said(judgement), said(before.judgement ?? assert.fail()));
        assert.equal(signed, before.signed);
      }),
      { numRuns: 250 },
    );
    // Changes of what nobody reads verify, so the property is about something.
    assert.ok(verified > 0 && verified < 200, `${verified}`);
  }).timeout(60_000);
});
