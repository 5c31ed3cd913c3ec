/** What can go wrong with a registry. Callers branch on `code`, people read the message. */

import { formatReference, type ImageReference } from "../reference";

export type RegistryErrorCode =
  | "not-found" // The registry answered 404.
  | "denied" // The image does not exist or is private; registries do not say which.
  | "credentials" // The registry requires a user name and a password, or refused the configured ones.
  | "rate-limited" // 429, and the requested wait exceeds the deadline.
  | "unavailable" // No connection, a reset or a 5xx, after the retries.
  | "tls" // No trusted TLS connection.
  | "timeout" // A time limit was reached.
  | "too-large" // A response above a size limit.
  | "refused" // The registry pointed to a place this client does not go to, or redirected too often.
  | "invalid-answer" // A response that violates the protocol: wrong type, wrong digest, no token.
  | "aborted"; // The caller's signal.

/** A failed exchange with one server: says who answered what, but not for which image. */
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

/** An {@link ExchangeError} with its image. Contains no token, no password and no unbounded server text. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: RegistryErrorCode;
  /** The image as the configuration writes it. */
  readonly image: string;
  /** The registry of the image, as the configuration names it. */
  readonly registry: string;
  /** Who answered what: the message without the image. */
  readonly answer: string;

  constructor(image: ImageReference, cause: ExchangeError) {
    super(`${formatReference(image)}: ${cause.message}`, { cause });
    this.code = cause.code;
    this.image = formatReference(image);
    this.registry = image.registry;
    this.answer = cause.message;
  }
}

/** The code of a {@link NetworkError} where a name that only a server gave resolves to an internal address. */
export const INTERNAL_ADDRESS = "EINTERNAL";

/** A network failure as Node's error code only: Node's messages may quote the server. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  constructor(readonly code: string) {
    super(code);
  }

  /** The error for people, about the request to `url`. */
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
        return error("too-large", "sent more headers than this client reads");
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
