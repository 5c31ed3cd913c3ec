/** Texts that came from containers and tools, without the secrets of the stack in them. Pure. */

/** Shorter ones would mask half of every text and protect nothing. */
const SHORTEST = 6;

export type Mask = (text: string) => string;

/** Hides each secret, also as JSON, URL or base64 would spell it. */
export function maskOf(secrets: readonly string[]): Mask {
  const spellings = secrets
    .filter((secret) => secret.length >= SHORTEST)
    .flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      Buffer.from(secret).toString("base64"),
    ])
    // The longest first: a part of one secret may be another.
    .sort((a, b) => b.length - a.length);
  return (text) =>
    spellings.reduce((masked, secret) => masked.replaceAll(secret, "[secret]"), text);
}
