/**
 * Reads the JSON reports of grype and trivy. Both come from outside: they are bounded, everything that is not understood makes
 * the report unusable, and all text is cleaned for one line. Pure.
 *
 * https://github.com/anchore/grype and https://trivy.dev document the fields.
 */
import { z } from "zod";

import { parseJson } from "../../../images/json";
import { oneLine } from "../../../text/one-line";

/** From the worst. grype's "negligible" counts as low. */
export const SEVERITIES = ["critical", "high", "medium", "low", "unknown"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** A hole in a package of an image. */
export interface Finding {
  /** As the scanner names it: `CVE-2026-12345` or `GHSA-…`. */
  readonly id: string;
  /** Other names of the same hole. */
  readonly aliases: readonly string[];
  readonly severity: Severity;
  readonly package: string;
  readonly installed: string;
  /** The versions without it; empty while there is none. */
  readonly fixed: readonly string[];
}

export interface ScanReport {
  readonly scanner: "grype" | "trivy";
  /** Absent if the report does not say it. */
  readonly version?: string;
  /** When the scanner's database was built. Reports of trivy do not say it. */
  readonly database?: Date;
  /** When the report was made. */
  readonly made?: Date;
  /** Every digest in the name of the scanned image: `sha256:…`. */
  readonly digests: readonly string[];
  /** The scanned image in the report's words. */
  readonly target: string;
  readonly findings: readonly Finding[];
}

/** Real reports have less than 20 MiB. */
export const MAX_REPORT_BYTES = 64 * 1024 * 1024;
const MAX_FINDINGS = 50_000;

/** Versions of trivy that were published with malware, 2026-03-19 to 23. */
const MALICIOUS_TRIVY = ["0.69.4", "0.69.5", "0.69.6"] as const;

/** A build of one of them, `0.69.4+dirty`, counts as well. */
export const isMaliciousTrivy = (version: string): boolean =>
  (MALICIOUS_TRIVY as readonly string[]).includes(
    /^\s*v?(\d+\.\d+\.\d+)(?![.\d])/i.exec(version)?.[1] ?? "",
  );

/**
 * The version with malware that a trivy program says it is, from the build information that Go puts into it. The program is not
 * started for that. Undefined for other programs, and for those without build information.
 * @param program its bytes
 */
export const maliciousBuild = (program: Buffer): string | undefined =>
  MALICIOUS_TRIVY.find((version) =>
    [
      `\tgithub.com/aquasecurity/trivy\tv${version}`,
      `github.com/aquasecurity/trivy/pkg/version/app.ver=${version}`,
    ].some((mark) => {
      const at = program.indexOf(mark);
      // 0.69.40 is another version.
      return (
        at !== -1 &&
        !/[0-9.]/.test(program.toString("latin1", at + mark.length, at + mark.length + 1))
      );
    }),
  );

const MAX_TEXT = 200;
const text = z
  .string()
  .max(10_000)
  .transform((given) => oneLine(given).slice(0, MAX_TEXT));
const date = z
  .string()
  .max(100)
  .transform((given) => new Date(given))
  .refine((given) => !Number.isNaN(given.getTime()));
const strings = z.array(z.string().max(10_000)).nullish();

const severity = z.string().transform((given): Severity => {
  const lower = given.toLowerCase();
  if (lower === "negligible") return "low";
  return SEVERITIES.find((one) => one === lower) ?? "unknown";
});

const grype = z.object({
  matches: z
    .array(
      z.object({
        vulnerability: z.object({
          id: text,
          severity: severity.catch("unknown"),
          fix: z
            .object({ versions: z.array(text).nullish(), state: z.string().nullish() })
            .nullish(),
        }),
        relatedVulnerabilities: z.array(z.object({ id: text })).nullish(),
        artifact: z.object({ name: text, version: text }),
      }),
    )
    .max(MAX_FINDINGS),
  source: z.object({
    target: z.union([
      z.object({
        userInput: z.string().max(10_000).nullish(),
        manifestDigest: z.string().max(200).nullish(),
        repoDigests: strings,
      }),
      // Of a folder or a file: no image.
      z.string().max(10_000),
    ]),
  }),
  descriptor: z.object({
    name: z.literal("grype"),
    version: text.nullish(),
    timestamp: date.nullish().catch(undefined),
    // Until 0.87 and since then.
    db: z
      .object({
        built: date.nullish().catch(undefined),
        status: z.object({ built: date.nullish().catch(undefined) }).nullish(),
      })
      .nullish(),
  }),
});

const trivy = z.object({
  SchemaVersion: z.literal(2),
  Trivy: z.object({ Version: text }).nullish(),
  CreatedAt: date.nullish().catch(undefined),
  ArtifactName: z.string().max(10_000),
  ArtifactType: z.literal("container_image"),
  Metadata: z.object({ RepoDigests: strings }).nullish(),
  // Absent: it knows neither the distribution nor any package in the image.
  Results: z
    .array(
      z.object({
        Vulnerabilities: z
          .array(
            z.object({
              VulnerabilityID: text,
              VendorIDs: z.array(text).nullish(),
              Severity: severity.catch("unknown"),
              PkgName: text,
              InstalledVersion: text.nullish(),
              FixedVersion: text.nullish(),
            }),
          )
          .max(MAX_FINDINGS)
          .nullish(),
      }),
    )
    .max(10_000)
    .nullish(),
});

/** Undefined for anything but a report of grype or trivy about an image. */
export function parseReport(content: Buffer | string): ScanReport | undefined {
  const json = parseJson(content);
  const byGrype = grype.safeParse(json);
  if (byGrype.success) return fromGrype(byGrype.data);
  const byTrivy = trivy.safeParse(json);
  return byTrivy.success ? fromTrivy(byTrivy.data) : undefined;
}

function fromGrype({
  matches,
  source: { target },
  descriptor,
}: z.output<typeof grype>): ScanReport | undefined {
  if (typeof target === "string") return undefined;
  const { userInput, manifestDigest, repoDigests } = target;
  const database = descriptor.db?.built ?? descriptor.db?.status?.built ?? undefined;
  const named = [userInput ?? "", manifestDigest ?? "", ...(repoDigests ?? [])];
  return {
    scanner: "grype",
    ...(descriptor.version != null && { version: descriptor.version }),
    ...(database !== undefined && { database }),
    ...(descriptor.timestamp != null && { made: descriptor.timestamp }),
    digests: digestsIn(named),
    target: shown(named),
    findings: matches.map(({ vulnerability, relatedVulnerabilities, artifact }) => ({
      id: vulnerability.id,
      aliases: (relatedVulnerabilities ?? []).map(({ id }) => id).slice(0, 20),
      severity: vulnerability.severity,
      package: artifact.name,
      installed: artifact.version,
      fixed: (vulnerability.fix?.versions ?? []).slice(0, 20),
    })),
  };
}

function fromTrivy(report: z.output<typeof trivy>): ScanReport {
  const named = [report.ArtifactName, ...(report.Metadata?.RepoDigests ?? [])];
  return {
    scanner: "trivy",
    ...(report.Trivy != null && { version: report.Trivy.Version }),
    ...(report.CreatedAt != null && { made: report.CreatedAt }),
    digests: digestsIn(named),
    target: shown(named),
    findings: (report.Results ?? []).flatMap(({ Vulnerabilities }) =>
      (Vulnerabilities ?? []).map((one) => ({
        id: one.VulnerabilityID,
        aliases: (one.VendorIDs ?? []).slice(0, 20),
        severity: one.Severity,
        package: one.PkgName,
        installed: one.InstalledVersion ?? "",
        fixed: (one.FixedVersion ?? "")
          .split(",")
          .map((version) => version.trim())
          .filter((version) => version !== ""),
      })),
    ),
  };
}

const digestsIn = (names: readonly string[]): readonly string[] => [
  ...new Set(names.flatMap((name) => name.match(/\bsha256:[0-9a-f]{64}\b/g) ?? [])),
];

const shown = (names: readonly string[]): string =>
  oneLine(names.find((name) => name !== "") ?? "an unnamed image").slice(0, MAX_TEXT);

const versionText = z.object({
  Version: text,
  VulnerabilityDB: z.object({ UpdatedAt: date }).nullish().catch(undefined),
});

/** What `trivy version --format json` says; undefined for anything else. */
export function parseTrivyVersion(
  output: string,
): { readonly version: string; readonly database?: Date } | undefined {
  const parsed = versionText.safeParse(parseJson(output));
  if (!parsed.success) return undefined;
  const { Version: version, VulnerabilityDB: database } = parsed.data;
  return { version, ...(database != null && { database: database.UpdatedAt }) };
}
