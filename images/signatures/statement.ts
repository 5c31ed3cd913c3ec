/** What a signature says: the digests it is about, and what it claims of them. Pure; nothing here is verified. */
import { z } from "zod";

import { parseJson } from "../json";
import { isDigest, type Digest } from "../reference";

/** The meaning of a signed text. */
export interface Statement {
  /** `signature`: "this is ours". `provenance`: how it was built. `other`: an SBOM, VEX and the like. */
  readonly what: "signature" | "provenance" | "other";
  /** The in-toto predicate type, or cosign's older name for a plain signature. */
  readonly predicateType: string;
  /** All digests that it is about. */
  readonly subjects: readonly Digest[];
  /** The repository that an old plain signature names. */
  readonly repository?: string;
  /** Claims of a provenance. */
  readonly build?: BuildClaims;
}

export interface BuildClaims {
  readonly builder?: string;
  readonly source?: string;
  readonly revision?: string;
}

const SIMPLE_SIGNING = "cosign container image signature";
export const IN_TOTO = "application/vnd.in-toto+json";
const SIGNATURE_TYPES: ReadonlySet<string> = new Set(["https://sigstore.dev/cosign/sign/v1"]);
const PROVENANCE_TYPES: ReadonlySet<string> = new Set([
  "https://slsa.dev/provenance/v0.2",
  "https://slsa.dev/provenance/v1",
]);

const statement = z.object({
  _type: z.enum(["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"]),
  subject: z
    .array(z.object({ digest: z.record(z.string(), z.string()) }))
    .min(1)
    .max(1000),
  predicateType: z.string().min(1).max(500),
  predicate: z.unknown(),
});

const simpleSigning = z.object({
  critical: z.object({
    type: z.literal(SIMPLE_SIGNING),
    image: z.object({ "docker-manifest-digest": z.custom<Digest>(isDigest) }),
    identity: z
      .object({ "docker-reference": z.string().max(500) })
      .partial()
      .optional(),
  }),
});

/** An in-toto statement; undefined for anything else. */
export function readStatement(payload: Buffer): Statement | undefined {
  const parsed = statement.safeParse(parseJson(payload));
  if (!parsed.success) return undefined;
  const { subject, predicateType, predicate } = parsed.data;
  const what = SIGNATURE_TYPES.has(predicateType)
    ? "signature"
    : PROVENANCE_TYPES.has(predicateType)
      ? "provenance"
      : "other";
  const subjects = subject.flatMap(({ digest }) => {
    const text = `sha256:${digest.sha256 ?? ""}`;
    return isDigest(text) ? [text] : [];
  });
  const build = what === "provenance" ? readBuild(predicate) : undefined;
  return { what, predicateType, subjects, ...(build !== undefined && { build }) };
}

/** The payload of a plain signature in cosign's older form; undefined for anything else. */
export function readSimpleSigning(payload: Buffer): Statement | undefined {
  const parsed = simpleSigning.safeParse(parseJson(payload));
  if (!parsed.success) return undefined;
  const { image, identity } = parsed.data.critical;
  const repository = identity?.["docker-reference"];
  return {
    what: "signature",
    predicateType: SIMPLE_SIGNING,
    subjects: [image["docker-manifest-digest"]],
    ...(repository !== undefined && repository !== "" && { repository }),
  };
}

const text = z.string().max(1000).optional().catch(undefined);
const textMap = z.object({
  uri: text,
  digest: z.record(z.string(), z.string()).optional().catch(undefined),
});
/** SLSA 1 and 0.2: https://slsa.dev/spec/v1.0/provenance, https://slsa.dev/spec/v0.2/provenance */
const predicate = z.object({
  runDetails: z
    .object({ builder: z.object({ id: text }) })
    .optional()
    .catch(undefined),
  builder: z.object({ id: text }).optional().catch(undefined),
  buildDefinition: z
    .object({
      externalParameters: z
        .object({
          configSource: textMap.optional().catch(undefined),
          workflow: z.object({ repository: text, ref: text }).optional().catch(undefined),
        })
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch(undefined),
  invocation: z
    .object({ configSource: textMap.optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

function readBuild(given: unknown): BuildClaims {
  const parsed = predicate.safeParse(given);
  if (!parsed.success) return {};
  const { runDetails, builder, buildDefinition, invocation } = parsed.data;
  const parameters = buildDefinition?.externalParameters;
  const source = parameters?.configSource ?? invocation?.configSource;
  const id = runDetails?.builder.id ?? builder?.id;
  const uri = source?.uri ?? parameters?.workflow?.repository;
  const revision = source?.digest?.sha1;
  return {
    ...(id !== undefined && { builder: id }),
    ...(uri !== undefined && { source: uri }),
    ...(revision !== undefined && { revision }),
  };
}
