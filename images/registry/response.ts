/** A registry's response: its digest, and the error it stands for. Pure. */

import { createHash } from "node:crypto";
import type { Redactor } from "../../text/redact";
import { parseDigest, type Digest } from "../reference";
import { ExchangeError } from "./errors";
import type { HttpResponse } from "./http";

export interface RegistryResponse extends HttpResponse {
  /** Knows the secrets that the server received: every text of the response goes through it into messages. */
  readonly redactor: Redactor;
}

export const digestOf = (bytes: Buffer): Digest =>
  parseDigest(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);

/** The body, if it has the expected digest. Throws an {@link ExchangeError} otherwise. */
export function verifiedBody({ body, url }: RegistryResponse, expected: Digest): Buffer {
  const actual = digestOf(body);
  if (actual === expected) return body;
  throw new ExchangeError(
    "invalid-answer",
    `${url.host} sent content with the digest ${actual}, expected ${expected}`,
  );
}

/** The error for an unexpected status, with the registry's own words. */
export function statusError(response: RegistryResponse): ExchangeError {
  const { status, url } = response;
  const words = errorWords(response);
  const message = `${url.host} answered ${status}${words === undefined ? "" : ` (${words})`}`;
  if (status === 404) return new ExchangeError("not-found", message);
  if (status === 401 || status === 403) return new ExchangeError("denied", message);
  return new ExchangeError("invalid-answer", message);
}

/**
 * The first error of the body: `{"errors":[{"code":"…","message":"…"}]}`
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
function errorWords({ body, redactor }: RegistryResponse): string | undefined {
  try {
    const parsed = JSON.parse(body.toString("utf8")) as {
      errors?: readonly { code?: unknown; message?: unknown }[];
    } | null;
    const error = parsed?.errors?.[0];
    const words = [error?.code, error?.message].filter(
      (part): part is string => typeof part === "string" && part !== "",
    );
    // A secret may start in one part and end in the other, where neither shows it.
    const isSplit =
      redactor.containsSecret(words.join("")) && !words.some((one) => redactor.containsSecret(one));
    if (isSplit || words.length === 0) return undefined;
    return words.map((part) => redactor.clean(part)).join(": ");
  } catch {
    return undefined; // A web page, or nothing: the status says enough.
  }
}
