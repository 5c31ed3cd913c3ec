/**
 * A text as a message repeats it: without the login that somebody wrote in front of a host, `user:password@host` or
 * `https://token@host`. A password may hold every character, an `@` too, so all up to the last `@` is hidden. A user name
 * alone is shown: `ssh://deploy@host`.
 */
export function withoutLogin(text: string): string {
  // That of an image's digest does not end a login.
  const named = text.replace(/@sha256:[0-9a-f]*$/i, "");
  const end = named.lastIndexOf("@");
  const [scheme = ""] = /^\s*[a-z][a-z0-9+.-]{0,20}:\/\//i.exec(named) ?? [];
  const login = named.slice(scheme.length, Math.max(end, scheme.length));
  const isSecret = login.includes(":") || (login !== "" && /^\s*https?:/i.test(scheme));
  return isSecret ? `${scheme}...${text.slice(end)}` : text;
}
