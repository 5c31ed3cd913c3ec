/** The zod schema of `trust` in the configuration. Messages continue the line "trust.<service>…: ". Pure. */
import { z } from "zod";

import { expectation, expected, isMap } from "../../text/messages";
import { ReferenceError, parseReference } from "../reference";
import { identityProblem } from "./identity";
import {
  publicKeyOf,
  type SignaturePolicy,
  type ProvenancePolicy,
  type TrustPolicy,
} from "./policy";

const ISSUER =
  "the https:// URL of the issuer, such as https://token.actions.githubusercontent.com";
const issuer = z.string(expected(ISSUER)).regex(/^https:\/\/[^\s]{1,500}$/, expected(ISSUER));
const identity = z
  .string(expected("the identity in the certificate, such as the URL of a workflow"))
  .superRefine((text, context) => {
    const problem = identityProblem(text);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });
const SOURCE = "the URL of the source repository, such as https://github.com/owner/name";
const source = z.string(expected(SOURCE)).regex(/^https:\/\/[^\s]{1,500}$/, expected(SOURCE));
const FROM = "a repository without tag and digest, such as ghcr.io/n8n-io/n8n";
const from = z.string(expected(FROM)).refine((text) => {
  try {
    // A name without a host would be one of Docker Hub; written out, it cannot be misread.
    return /[.:]/.test(text.split("/", 1)[0] ?? "") && parseReference(`${text}:1`).name === text;
  } catch (error) {
    if (error instanceof ReferenceError) return false;
    throw error;
  }
}, expected(FROM));
const KEY = "a public key: the text of a PEM file, or the base64 between its lines";
const key = z
  .string(expected(KEY))
  .refine((text) => publicKeyOf(text) !== undefined, expected(KEY));

const keyless = { issuer, identity, runner: z.string().max(100).optional(), from: from.optional() };
const byIdentity = z.strictObject({ ...keyless, source: source.optional() });
const byKey = z.strictObject({
  key,
  log: z.enum(["required", "ignored"], expected('"required" or "ignored"')),
  from: from.optional(),
});
const builder = z.strictObject({ ...keyless, source });

/** One map, or a list of alternatives. */
const oneOrMore = <S extends z.ZodType>(schema: (input: unknown) => S, what: string) =>
  z.unknown().transform((input, context): readonly z.output<S>[] => {
    const list: readonly unknown[] = Array.isArray(input) ? input : [input];
    if (list.length === 0 || list.length > 10 || !list.every(isMap)) {
      context.addIssue({ code: "custom", message: expectation(what, input) });
      return z.NEVER;
    }
    return list.flatMap((one, index) => {
      const result = schema(one).safeParse(one, {
        error: (issue) =>
          issue.code === "invalid_type" ? expectation("a string", issue.input) : undefined,
      });
      if (result.success) return [result.data];
      for (const issue of result.error.issues)
        context.addIssue({
          ...(issue as z.core.$ZodRawIssue & { code: "custom" }),
          path: [...(list.length > 1 ? [index] : []), ...issue.path],
        });
      return [];
    });
  });

const SIGNATURE = "a map with issuer and identity, or with key and log";
const PROVENANCE = "a map with issuer, identity and source";
const hasKey = (input: unknown): boolean => isMap(input) && "key" in input;
const signature = oneOrMore<z.ZodType>((input) => (hasKey(input) ? byKey : byIdentity), SIGNATURE);
const provenance = oneOrMore<z.ZodType>(() => builder, PROVENANCE);

/** Shorter ones explain nothing. */
const MIN_REASON = 10;
const REASON = `a reason of at least ${MIN_REASON} characters`;

const POLICY =
  "signature or provenance or both, or unsigned with a reason: { unsigned: the publisher signs no images }";

export const trustPolicy = z
  .strictObject(
    {
      signature: signature.optional(),
      provenance: provenance.optional(),
      unsigned: z.string(expected(REASON)).trim().min(MIN_REASON, expected(REASON)).optional(),
    },
    expected(`a map with ${POLICY}`),
  )
  .transform((given, context): TrustPolicy => {
    const { signature: signed, provenance: built, unsigned } = given;
    if ((unsigned !== undefined) === (signed !== undefined || built !== undefined)) {
      context.addIssue({ code: "custom", message: `expected ${POLICY}` });
      return z.NEVER;
    }
    if (unsigned !== undefined) return { unsigned };
    return {
      ...(signed !== undefined && { signature: signed as readonly SignaturePolicy[] }),
      ...(built !== undefined && { provenance: built as readonly ProvenancePolicy[] }),
    };
  });
