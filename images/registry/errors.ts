/** What can go wrong with a registry. Callers branch on `code`, people read the message. */

import { formatReference, type ImageReference } from "../reference";

/**
 * - `not-found`: the registry answered 404.
 * - `denied`: it does not exist or is private; registries do not say which.
 * - `credentials`: the registry wants a user name and a password, or refused the ones it got.
 * - `rate-limited`: 429, and waiting as asked would not fit into the time there is.
 * - `unavailable`: no connection, a reset or a 5xx, after the retries.
 * - `tls`: the connection could not be made secure.
 * - `timeout`: one of the limits on time ran out.
 * - `too-large`: an answer above the limits on size.
 * - `refused`: the registry pointed to a place this client does not go to, or redirected without end.
 * - `invalid-answer`: an answer that is not what the protocol says: wrong type, bad digest, no token.
 * - `aborted`: the caller's signal.
 */
export type RegistryErrorCode =
  | "not-found"
  | "denied"
  | "credentials"
  | "rate-limited"
  | "unavailable"
  | "tls"
  | "timeout"
  | "too-large"
  | "refused"
  | "invalid-answer"
  | "aborted";

/** An exchange with one server that failed: says who answered what, not yet for which image. */
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

/** An {@link ExchangeError} with the image it happened to. Holds no token, no password and no unbounded server text. */
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
