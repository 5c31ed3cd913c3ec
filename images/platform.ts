/**
 * Platforms as the configuration and registries name them: `linux/amd64`, `linux/arm/v7`. Pure.
 * Rules: https://github.com/containerd/platforms (normalisation, and what else a processor runs).
 */

/** As an index and an image's configuration name it. */
export interface PlatformParts {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/**
 * Whether a registry's word can be part of a platform's name. All that the OCI specification lists fit (image-index.md,
 * Go's GOOS and GOARCH); names go to terminals and into pull requests, where other characters would do something.
 */
export const isPlatformPart = (text: string): boolean => /^[a-z0-9][a-z0-9._-]{0,31}$/.test(text);

// What a processor is where nothing is said about its variant, and the least there is.
const VARIANTS: Readonly<Record<string, { readonly usual: number; readonly least: number }>> = {
  amd64: { usual: 1, least: 1 },
  arm: { usual: 7, least: 5 },
  arm64: { usual: 8, least: 8 },
};

/** The usual variant goes without saying: `linux/arm64`, not `linux/arm64/v8`. */
export function formatPlatform({ os, architecture, variant = "" }: PlatformParts): string {
  const usual = VARIANTS[architecture]?.usual;
  const tail = variant === "" || variant === `v${usual ?? ""}` ? "" : `/${variant}`;
  return `${os}/${architecture}${tail}`;
}

const MOST_NAMES = 20;

/** Names in one line, at most 20: an index may hold thousands. */
export function some(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).join(", ");
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown;
}

/** What a host of this platform runs, the best first: on `linux/arm` that is v7, v6 and v5. */
export function runnable(platform: string): readonly string[] {
  const [os = "", architecture = "", variant = ""] = platform.split("/");
  const known = VARIANTS[architecture];
  if (known === undefined) return [formatPlatform({ os, architecture, variant })];
  const best = variant === "" ? known.usual : Number(variant.slice(1));
  return Array.from({ length: Math.max(1, best - known.least + 1) }, (_, down) =>
    formatPlatform({ os, architecture, variant: `v${best - down}` }),
  );
}
