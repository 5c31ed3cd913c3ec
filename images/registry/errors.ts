/** Errors of registries. Callers branch on `code`; the message is for users. */

import { formatReference, type ImageReference } from "../reference";

export type RegistryErrorCode =
  | "not-found" // The registry answered 404.
  | "denied" // The image does not exist or is private; registries do not distinguish the two.
  | "credentials" // The registry requires a user name and a password, or refused the configured ones.
  | "rate-limited" // 429 after all retries, or the requested wait exceeds the deadline.
  | "unavailable" // No connection, a reset or a 5xx, after all retries.
  | "tls" // No trusted TLS connection.
  | "timeout" // A time limit was exceeded.
  | "too-large" // The response exceeds a size limit.
  | "refused" // The registry named a URL that this client refuses to contact, or redirected too often.
  | "invalid-answer" // The response violates the protocol: wrong type, wrong digest, no token.
  | "aborted"; // The caller aborted the request.

/** A failed exchange with one server. The message names the server and its answer, but not the image. */
export class ExchangeError extends Error {
  override readonly name = "ExchangeError";
  constructor(
    readonly code: RegistryErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An {@link ExchangeError} with its image. Contains no token, no password and only short texts from the server. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: RegistryErrorCode;
  /** The image reference as configured. */
  readonly image: string;
  /** The registry host of the image. */
  readonly registry: string;
  /** The message without the image. */
  readonly answer: string;

  constructor(image: ImageReference, cause: ExchangeError) {
    super(`${formatReference(image)}: ${cause.message}`, { cause });
    this.code = cause.code;
    this.image = formatReference(image);
    this.registry = image.registry;
    this.answer = cause.message;
  }
}

/** The code of a {@link NetworkError} if a host name from a server resolves to an internal address. */
export const INTERNAL_ADDRESS = "EINTERNAL";

/** A network failure. Keeps only Node's error code, because Node's message may quote the server. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  constructor(readonly code: string) {
    super(code);
  }

  /** The error with a message about the request to `url`. */
  describe(url: URL): ExchangeError {
    const { code } = this;
    const error = (kind: RegistryErrorCode, what: string): ExchangeError =>
      new ExchangeError(kind, `${url.host} ${what}`, { cause: this });
    switch (code) {
      case INTERNAL_ADDRESS:
        return error("refused", "is an internal address that is not listed under registries");
      case "ECONNREFUSED":
        return error("unavailable", "refused the connection");
      case "ECONNRESET":
      case "EPIPE":
        return error("unavailable", "closed the connection early");
      case "ENOTFOUND":
      case "EAI_AGAIN":
        return error("unavailable", `could not be resolved to an address (${code})`);
      case "HPE_HEADER_OVERFLOW":
        return error("too-large", "sent response headers above the size limit");
      case "EPROTO":
      case "ERR_SSL_WRONG_VERSION_NUMBER":
        return error("tls", "does not speak TLS");
    }
    if (code.startsWith("HPE_")) return error("invalid-answer", "does not speak HTTP");
    if (/CERT|SIGNED|SSL|TLS|ISSUER|UNABLE_TO/.test(code))
      return error("tls", `has a certificate that is not trusted (${code})`);
    return error("unavailable", `could not be reached (${code})`);
  }
}
