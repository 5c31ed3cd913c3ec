/** Small reports in the shapes of grype 0.121 and trivy 0.75, as their documentation has the fields. */

export interface Hole {
  readonly id: string;
  readonly severity: string;
  readonly package?: string;
  readonly installed?: string;
  readonly fixed?: readonly string[];
  readonly related?: readonly string[];
}

interface Options {
  /** The repository. */
  readonly name?: string;
  /** The date of the database; null: the report does not say it. */
  readonly built?: string | null;
}

const NAME = "docker.io/library/nginx";

export const grypeReport = (
  digest: string,
  holes: readonly Hole[],
  { name = NAME, built = "2026-11-25T06:12:00Z" }: Options = {},
) => ({
  matches: holes.map(
    ({ id, severity, package: of = "openssl", installed = "3.5.1-r0", ...more }) => ({
      vulnerability: {
        id,
        dataSource: `https://nvd.nist.gov/vuln/detail/${id}`,
        namespace: "alpine:distro:alpine:3.23",
        severity,
        urls: [],
        cvss: [],
        fix: { versions: more.fixed ?? [], state: more.fixed === undefined ? "unknown" : "fixed" },
        advisories: [],
        risk: 1.2,
      },
      relatedVulnerabilities: (more.related ?? []).map((related) => ({
        id: related,
        namespace: "nvd:cpe",
      })),
      matchDetails: [{ type: "exact-indirect-match", matcher: "apk-matcher" }],
      artifact: {
        id: "1",
        name: of,
        version: installed,
        type: "apk",
        locations: [{ path: "/lib/apk/db/installed" }],
      },
    }),
  ),
  source: {
    type: "image",
    target: {
      userInput: `registry:${name}@${digest}`,
      imageID: `sha256:${"9".repeat(64)}`,
      manifestDigest: `sha256:${"8".repeat(64)}`,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      tags: [],
      repoDigests: [`${name}@${digest}`],
      architecture: "amd64",
      os: "linux",
    },
  },
  distro: { name: "alpine", version: "3.23.1", idLike: [] },
  descriptor: {
    name: "grype",
    version: "0.121.3",
    ...(built !== null && {
      db: {
        status: {
          schemaVersion: "v6.1.9",
          from: "https://grype.example.test/db",
          built,
          valid: true,
        },
      },
    }),
    timestamp: "2026-11-27T10:00:00Z",
  },
});

export const trivyReport = (
  digest: string,
  holes: readonly Hole[],
  { name = NAME, version = "0.75.0" } = {},
) => ({
  SchemaVersion: 2,
  Trivy: { Version: version },
  ReportID: "019ac1d2-0000-7000-8000-000000000000",
  CreatedAt: "2026-11-26T10:00:00.123456789Z",
  ArtifactName: `${name}@${digest}`,
  ArtifactType: "container_image",
  Metadata: { OS: { Family: "alpine", Name: "3.23.1" }, RepoDigests: [`nginx@${digest}`] },
  Results: [
    { Target: "nginx (alpine 3.23.1)", Class: "os-pkgs", Type: "alpine" },
    {
      Target: "usr/bin/tool",
      Class: "lang-pkgs",
      Type: "gobinary",
      Vulnerabilities: holes.map(
        ({
          id,
          severity,
          package: of = "openssl",
          installed = "3.5.1-r0",
          fixed = [],
          related = [],
        }) => ({
          VulnerabilityID: id,
          VendorIDs: related,
          PkgName: of,
          InstalledVersion: installed,
          FixedVersion: fixed.join(", "),
          Severity: severity.toUpperCase(),
        }),
      ),
    },
  ],
});
