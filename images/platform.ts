/**
 * Platform names such as `linux/amd64` and `linux/arm/v7`. Pure.
 * Rules for normalization and compatible variants: https://github.com/containerd/platforms
 */

/** A platform in an image index or an image configuration. */
export interface PlatformParts {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/**
 * Whether a text from a registry is valid as part of a platform name. Accepts all names of the OCI specification
 * (image-index.md: GOOS and GOARCH). Other characters could be markup in terminals and pull requests.
 */
export const isPlatformPart = (text: string): boolean => /^[a-z0-9][a-z0-9._-]{0,31}$/.test(text);

/** The default variant of an architecture, and the lowest variant that it can run. */
const VARIANTS: Readonly<Record<string, { readonly standard: number; readonly lowest: number }>> = {
  amd64: { standard: 1, lowest: 1 },
  arm: { standard: 7, lowest: 5 },
  arm64: { standard: 8, lowest: 8 },
};

/** The normalized name, without the default variant: `linux/arm64`, not `linux/arm64/v8`. */
export function formatPlatform({ os, architecture, variant = "" }: PlatformParts): string {
  const standard = `v${VARIANTS[architecture]?.standard ?? ""}`;
  return `${os}/${architecture}${variant === "" || variant === standard ? "" : `/${variant}`}`;
}

const MAX_NAMES = 20;

/** Joins names on one line, at most 20, because an index may list thousands of platforms. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).join(", ");
  return names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown;
}

/** The platforms that a host can run, best match first: `linux/arm` runs v7, v6 and v5. */
export function runnablePlatforms(platform: string): readonly string[] {
  const [os = "", architecture = "", variant = ""] = platform.split("/");
  const known = VARIANTS[architecture];
  if (known === undefined) return [formatPlatform({ os, architecture, variant })];
  const best = variant === "" ? known.standard : Number(variant.slice(1));
  return Array.from({ length: Math.max(1, best - known.lowest + 1) }, (_, down) =>
    formatPlatform({ os, architecture, variant: `v${best - down}` }),
  );
}
