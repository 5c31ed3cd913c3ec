/**
 * What a server wrote, made fit for a message: printable, short, and without any secret this client holds.
 * A registry's words go to terminals and logs, and a faulty or hostile one may echo the request's credentials.
 */

const LENGTH_LIMIT = 120;
const HIDDEN = "[hidden]";

// White space, controls, and the characters that reorder or hide text on a terminal.
const NOT_PLAIN = /[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]+/gu;

export class ServerText {
  readonly #secrets = new Set<string>();

  /** From now on `secret` never appears in a text, in upper or lower case; its URL-encoded form neither. */
  hide(secret: string): void {
    // By way of its bytes, as it is sent: encodeURIComponent throws at half of a surrogate pair.
    for (const form of [secret, encodeURIComponent(Buffer.from(secret).toString())])
      // As a text holds it once it is one line; an empty one would be everywhere.
      if (oneLine(form) !== "") this.#secrets.add(oneLine(form));
  }

  /** Whether a secret is in the text: such a host name would be shown by every message about it. */
  holdsSecret(text: string): boolean {
    return this.#withoutSecrets(text) !== oneLine(text);
  }

  /** One printable line of at most 120 characters. */
  clean(text: string): string {
    const line = this.#withoutSecrets(text);
    // Cut last, so that no part of a secret is left at the end.
    return line.length > LENGTH_LIMIT ? `${line.slice(0, LENGTH_LIMIT - 3)}...` : line;
  }

  /** The same between quotes. */
  quote(text: string): string {
    return `"${this.clean(text)}"`;
  }

  #withoutSecrets(text: string): string {
    const line = oneLine(text);
    if (this.#secrets.size === 0) return line;
    // The longest first: a secret may be part of another. Whatever the case: a URL has its host in lower case.
    const longestFirst = [...this.#secrets].sort((a, b) => b.length - a.length);
    return line.replace(new RegExp(longestFirst.map(escaped).join("|"), "gi"), HIDDEN);
  }
}

const oneLine = (text: string): string => text.replace(NOT_PLAIN, " ").trim();

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
