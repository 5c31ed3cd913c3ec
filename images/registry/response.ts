/** Digests of responses, and errors for unexpected statuses. Pure. */

import { createHash } from "node:crypto";
import type { Redactor } from "../../text/redact";
import { parseDigest, type Digest } from "../reference";
import { ExchangeError } from "./errors";
import type { HttpResponse } from "./http";

export interface RegistryResponse extends HttpResponse {
  /** Hides the secrets that were sent to the registry. Apply it to all texts of the response in messages. */
  readonly redactor: Redactor;
}

export const digestOf = (bytes: Buffer): Digest =>
  parseDigest(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);

/** The body. Throws an {@link ExchangeError} if it does not have the expected digest. */
export function verifiedBody({ body, url }: RegistryResponse, expected: Digest): Buffer {
  const actual = digestOf(body);
  if (actual === expected) return body;
  throw new ExchangeError(
    "invalid-answer",
    `${url.host} sent content with the digest ${actual}, expected ${expected}`,
  );
}

/** The error for an unexpected status, with the registry's error message. */
export function statusError(response: RegistryResponse): ExchangeError {
  const { status, url } = response;
  const text = errorText(response);
  const message = `${url.host} answered ${status}${text === undefined ? "" : ` (${text})`}`;
  if (status === 404) return new ExchangeError("not-found", message);
  if (status === 401 || status === 403) return new ExchangeError("denied", message);
  return new ExchangeError("invalid-answer", message);
}

/**
 * The first error in the body: `{"errors":[{"code":"…","message":"…"}]}`
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
function errorText({ body, redactor }: RegistryResponse): string | undefined {
  try {
    const parsed = JSON.parse(body.toString("utf8")) as {
      errors?: readonly { code?: unknown; message?: unknown }[];
    } | null;
    const error = parsed?.errors?.[0];
    const parts = [error?.code, error?.message].filter(
      (part): part is string => typeof part === "string" && part !== "",
    );
    // A secret may be split across code and message, so that it is in neither of them.
    const isSplit =
      redactor.containsSecret(parts.join("")) && !parts.some((one) => redactor.containsSecret(one));
    if (isSplit || parts.length === 0) return undefined;
    return parts.map((part) => redactor.clean(part)).join(": ");
  } catch {
    return undefined; // Not JSON, such as a web page.
  }
}
