/** Removes secrets and terminal control characters from messages and logs. Pure. */

const HIDDEN = "[hidden]";
/** Maximum length of a text from a server in a message, in UTF-16 code units. */
const LENGTH_LIMIT = 120;

/** White space, control characters, and characters that can reorder or hide text on a terminal. */
const NOT_PLAIN = /[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]+/gu;

/** Compiling the Unicode classes takes longer than all other work, and most texts do not need them. */
const ASCII = /^[ -~]*$/;

const plainLine = (text: string): string =>
  text.replace(ASCII.test(text) ? / +/g : NOT_PLAIN, " ").trim();

/** Replaces all spellings of secrets in a text. Longest first, because one secret may be part of another. */
const replacer = (spellings: Iterable<string>, replacement: string, flags: string) => {
  const longestFirst = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  const escaped = longestFirst.map((one) => one.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const pattern = new RegExp(escaped.join("|"), flags);
  return (text: string): string =>
    longestFirst.length === 0 ? text : text.replace(pattern, replacement);
};

/**
 * Prepares text from a server for messages: one printable line of at most 120 characters, without the secrets that were
 * sent to the server. A faulty or hostile server may echo the credentials of a request.
 */
export class Redactor {
  readonly #secrets = new Set<string>();

  /** Hides `secret` from now on, in any letter case and also URL-encoded. */
  hide(secret: string): void {
    // Encoded to UTF-8 first, because encodeURIComponent throws for a lone surrogate.
    for (const form of [secret, encodeURIComponent(Buffer.from(secret).toString())])
      if (plainLine(form) !== "") this.#secrets.add(plainLine(form));
  }

  /** Whether the text contains a secret. A host name with a secret must not be contacted: errors would show it. */
  containsSecret(text: string): boolean {
    return this.#redact(text) !== plainLine(text);
  }

  /** One printable line of at most 120 characters. */
  clean(text: string): string {
    // Shortened last, so that no part of a secret remains at the end.
    const line = this.#redact(text);
    return line.length > LENGTH_LIMIT ? `${line.slice(0, LENGTH_LIMIT - 3)}...` : line;
  }

  /** {@link clean}, in double quotes. */
  quote(text: string): string {
    return `"${this.clean(text)}"`;
  }

  #redact(text: string): string {
    // Case-insensitive, because URLs convert the host to lower case.
    return replacer(this.#secrets, HIDDEN, "gi")(plainLine(text));
  }
}

/**
 * Replaces credentials before a host, `user:password@host` or `https://token@host`, by `...`. A password may contain `@`,
 * so everything up to the last `@` is replaced. A user name alone stays: `ssh://deploy@host`.
 */
export function redactCredentials(text: string): string {
  // The @ before an image digest is not the end of credentials.
  const named = text.replace(/@sha256:[0-9a-f]*$/i, "");
  const end = named.lastIndexOf("@");
  const [scheme = ""] = /^\s*[a-z][a-z0-9+.-]{0,20}:\/\//i.exec(named) ?? [];
  const login = named.slice(scheme.length, Math.max(end, scheme.length));
  const isSecret = login.includes(":") || (login !== "" && /^\s*https?:/i.test(scheme));
  return isSecret ? `${scheme}...${text.slice(end)}` : text;
}

/** Shorter secrets are not masked: they protect nothing, and masking them would garble ordinary text. */
const MIN_MASKED_LENGTH = 6;

export type Mask = (text: string) => string;

/** Replaces each secret of at least 6 characters by `[secret]`, also if it is encoded for JSON, a URL or in base64. */
export const maskOf = (secrets: readonly string[]): Mask =>
  replacer(
    secrets
      .filter((secret) => secret.length >= MIN_MASKED_LENGTH)
      .flatMap((secret) => [
        secret,
        JSON.stringify(secret).slice(1, -1),
        encodeURIComponent(secret),
        Buffer.from(secret).toString("base64"),
      ]),
    "[secret]",
    "g",
  );
