/**
 * Platform names of the configuration and of registries: `linux/amd64`, `linux/arm/v7`. Pure.
 * Rules: https://github.com/containerd/platforms (normalization, and what else a CPU runs).
 */

/** As an index and an image's configuration name it. */
export interface PlatformParts {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/**
 * Whether a registry's text can be part of a platform name. All names of the OCI specification match (image-index.md: Go's
 * GOOS and GOARCH); names are shown in terminals and pull requests, where other characters could be markup.
 */
export const isPlatformPart = (text: string): boolean => /^[a-z0-9][a-z0-9._-]{0,31}$/.test(text);

/** The variant of a CPU that names none, and the lowest variant that it runs. */
const VARIANTS: Readonly<Record<string, { readonly usual: number; readonly least: number }>> = {
  amd64: { usual: 1, least: 1 },
  arm: { usual: 7, least: 5 },
  arm64: { usual: 8, least: 8 },
};

/** Without the usual variant: `linux/arm64`, not `linux/arm64/v8`. */
export function formatPlatform({ os, architecture, variant = "" }: PlatformParts): string {
  const usual = `v${VARIANTS[architecture]?.usual ?? ""}`;
  return `${os}/${architecture}${variant === "" || variant === usual ? "" : `/${variant}`}`;
}

const MAX_NAMES = 20;

/** A list in one line, at most 20 names: an index may have thousands. */
export function some(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).join(", ");
  return names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown;
}

/** The platforms that a host of this platform runs, the best first: `linux/arm` runs v7, v6 and v5. */
export function runnable(platform: string): readonly string[] {
  const [os = "", architecture = "", variant = ""] = platform.split("/");
  const known = VARIANTS[architecture];
  if (known === undefined) return [formatPlatform({ os, architecture, variant })];
  const best = variant === "" ? known.usual : Number(variant.slice(1));
  return Array.from({ length: Math.max(1, best - known.least + 1) }, (_, down) =>
    formatPlatform({ os, architecture, variant: `v${best - down}` }),
  );
}
