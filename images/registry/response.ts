/** Reading a registry's answers: never pass on what was not checked. Pure. */

import { createHash } from "node:crypto";
import type { Answer } from "./http";
import { manifestType, type ManifestType } from "./media-types";
import { parseDigest, type Digest } from "../reference";
import { ExchangeError } from "./errors";
import type { Redactor } from "../../text/redact";

/** Which image is meant is in the error that wraps these; they say who answered what. */
export interface Said {
  readonly answer: Answer;
  readonly text: Redactor;
}

/** The digest of these bytes: what the engine will check at pull time. */
export const digestOf = (bytes: Buffer): Digest =>
  parseDigest(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);

/** The type of a manifest answer. Throws for everything that is none, schema 1 and web pages included. */
export function readManifestType({ answer, text }: Said): ManifestType {
  const header = answer.headers["content-type"];
  const type = manifestType(header);
  if (type !== undefined) return type;
  const host = answer.url.host;
  if (header?.startsWith("application/vnd.docker.distribution.manifest.v1+") === true)
    throw new ExchangeError(
      "invalid-answer",
      `${host} has it in image format 1 only, which Docker no longer runs`,
    );
  throw new ExchangeError(
    "invalid-answer",
    header === undefined
      ? `${host} answered without a content type, expected an image manifest`
      : `${host} answered with content type ${text.quote(header)}, expected an image manifest`,
  );
}

/** The digest header, `undefined` where there is none: the specification makes it optional. Throws for any other text. */
export function readDigestHeader({ answer, text }: Said): Digest | undefined {
  const header = answer.headers["docker-content-digest"];
  if (header === undefined) return undefined;
  try {
    return parseDigest(header);
  } catch (cause) {
    throw new ExchangeError(
      "invalid-answer",
      `${answer.url.host} answered with the digest ${text.quote(header)}, expected sha256: and 64 lower-case hexadecimal digits`,
      { cause: cause instanceof Error ? new Error(text.clean(cause.message)) : undefined },
    );
  }
}

/** The body, if its digest is the expected one. */
export function readVerified({ answer }: Said, expected: Digest): Buffer {
  const actual = digestOf(answer.body);
  if (actual === expected) return answer.body;
  throw new ExchangeError(
    "invalid-answer",
    `${answer.url.host} answered with other bytes than promised: they have the digest ${actual}, not ${expected}`,
  );
}

/** The error for an answer whose status is not the hoped-for one, with the registry's own words. */
export function statusError(said: Said): ExchangeError {
  const { status, url } = said.answer;
  const words = registryWords(said);
  const what = `${url.host} answered ${status}${words === undefined ? "" : ` (${words})`}`;
  if (status === 404) return new ExchangeError("not-found", what);
  if (status === 401 || status === 403) return new ExchangeError("denied", what);
  return new ExchangeError("invalid-answer", what);
}

/** The first error of the body that registries send: `{"errors":[{"code":"…","message":"…"}]}`. */
function registryWords({ answer, text }: Said): string | undefined {
  try {
    const body = JSON.parse(answer.body.toString("utf8")) as {
      errors?: readonly { code?: unknown; message?: unknown }[];
    } | null;
    const error = body?.errors?.[0];
    const words = [error?.code, error?.message].filter(
      (part): part is string => typeof part === "string" && part !== "",
    );
    // A secret may begin in one and end in the other, which shows in neither.
    const isSplit =
      text.containsSecret(words.join("")) && !words.some((part) => text.containsSecret(part));
    if (isSplit) return undefined;
    return words.length === 0 ? undefined : words.map((part) => text.clean(part)).join(": ");
  } catch {
    return undefined; // a web page, or nothing: the status says enough
  }
}
