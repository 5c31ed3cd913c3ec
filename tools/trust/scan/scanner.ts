/**
 * Finds grype or trivy on PATH and lets it scan images at their registry, by digest. They are not told of Docker, and get of
 * the environment only what they need: no passphrase, no cloud credentials, no SSH agent. Still they run as the user.
 */
import { execFile } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

import type { PinnedImage } from "../../../images/reference";
import { oneLine } from "../../../text/one-line";
import { redactCredentials } from "../../../text/redact";
import {
  isMaliciousTrivy,
  MAX_REPORT_BYTES,
  maliciousBuild,
  parseReport,
  parseTrivyVersion,
  type ScanReport,
} from "./findings";

export interface Scanner {
  readonly name: "grype" | "trivy";
  /** Its absolute path. */
  readonly program: string;
}

export type Scanned = { readonly report: ScanReport } | { readonly problem: string };

export interface ScanOptions {
  /** `linux/amd64` */
  readonly platform: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** For one image, in ms. Default 10 minutes: the first scan may download the database. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 600_000;

const PASSED =
  /^(?:PATH|HOME|USER|TMPDIR|LANG|LC_\w+|XDG_\w+|SSL_CERT_FILE|SSL_CERT_DIR|(?:HTTPS?|ALL|NO)_PROXY|DOCKER_CONFIG|(?:GRYPE|SYFT|TRIVY)_\w+)$/i;

/** Grype first. Undefined without one of them. Folders of npm packages and relative ones do not count. */
export function findScanner(env: NodeJS.ProcessEnv): Scanner | undefined {
  const folders = (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => isAbsolute(folder) && !folder.includes("node_modules"));
  for (const name of ["grype", "trivy"] as const)
    for (const folder of folders)
      if (isExecutable(join(folder, name))) return { name, program: join(folder, name) };
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why the program must not be started at all; undefined if nothing speaks against it. */
export function refusal({ name, program }: Scanner): string | undefined {
  const version = name === "trivy" ? maliciousBuild(readFileSync(program)) : undefined;
  return version === undefined ? undefined : refusalOf(program, version);
}

const refusalOf = (program: string, version: string): string =>
  `${program}: refused, because trivy ${version} was published with malware in 2026-03; remove it, treat the credentials on this machine as stolen, and install another version`;

/**
 * Scans one image. Only a report with the date of a database, about this digest, is a result: both programs may fail in ways that
 * look like an image without holes. Rejects only with an abort.
 */
export async function scanImage(
  scanner: Scanner,
  image: PinnedImage,
  options: ScanOptions,
): Promise<Scanned> {
  const target = `${image.registry}/${image.repository}@${image.digest}`;
  // An own empty folder: configuration and ignore lists of the current one would hide findings.
  const folder = mkdtempSync(join(tmpdir(), "scan-"));
  try {
    const { stdout, failure } = await start(
      scanner.program,
      scanner.name === "grype"
        ? [`registry:${target}`, "--platform", options.platform, "-o", "json"]
        : [
            ...["image", "--image-src", "remote", "--scanners", "vuln", "--format", "json"],
            ...["--platform", options.platform, target],
          ],
      folder,
      options,
    );
    if (failure !== undefined) return { problem: withRemedy(scanner, failure) };
    const read = parseReport(stdout);
    if (read?.scanner !== scanner.name)
      return { problem: `${scanner.name} printed no report that can be read` };
    if (!read.digests.includes(image.digest))
      return { problem: `${scanner.name} reported about ${read.target}, expected ${target}` };
    const report = scanner.name === "grype" ? read : await dated(scanner, read, folder, options);
    if ("refused" in report) return { problem: report.refused };
    if (report.database === undefined)
      return {
        problem: withRemedy(scanner, `${scanner.name} did not say the date of its database`),
      };
    return { report };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The report with version and database, which trivy says only when it is asked for its version. */
async function dated(
  { program }: Scanner,
  report: ScanReport,
  folder: string,
  options: ScanOptions,
): Promise<ScanReport | { readonly refused: string }> {
  const { stdout } = await start(program, ["version", "--format", "json"], folder, options);
  const said = parseTrivyVersion(stdout);
  const version = said?.version ?? report.version;
  if (version !== undefined && isMaliciousTrivy(version))
    return { refused: refusalOf(program, version) };
  return {
    ...report,
    ...(version !== undefined && { version }),
    ...(said?.database !== undefined && { database: said.database }),
  };
}

/** Rejects only with an abort. */
function start(
  program: string,
  args: readonly string[],
  cwd: string,
  { env, signal, timeoutMs = TIMEOUT_MS }: ScanOptions,
): Promise<{ readonly stdout: string; readonly failure?: string }> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      {
        cwd,
        env: Object.fromEntries(Object.entries(env).filter(([name]) => PASSED.test(name))),
        maxBuffer: MAX_REPORT_BYTES,
        timeout: timeoutMs,
        killSignal: "SIGKILL",
        signal,
      },
      (error, stdout, stderr) => {
        if (signal.aborted)
          reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
        else if (error === null) resolve({ stdout });
        else if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER")
          resolve({
            stdout: "",
            failure: `it printed more than ${MAX_REPORT_BYTES / 1048576} MiB`,
          });
        else if (error.killed === true)
          resolve({ stdout: "", failure: `it did not end within ${timeoutMs / 1000} s` });
        else resolve({ stdout: "", failure: reason(stderr, error) });
      },
    );
  });
}

const MAX_REASON = 300;

/** The last line that says what failed, else the last line. */
function reason(
  stderr: string,
  error: { readonly code?: number | string | null | undefined },
): string {
  const lines = stderr
    .slice(-100_000)
    .split("\n")
    // Grype puts `[0006] ERROR` and `* ` before it.
    .map((line) =>
      oneLine(line)
        .trim()
        .replace(/^(?:\[\d+\]\s+[A-Z]+\s+)?(?:\* )?/, ""),
    )
    .filter((line) => line !== "");
  const found = lines.findLast((line) => /\b(?:fail(?:ed|ure)?|fatal|unable|denied)\b/i.test(line));
  const text = found ?? lines.at(-1) ?? `it ended with ${String(error.code)}`;
  return redactCredentials(text).slice(0, MAX_REASON);
}

const UPDATE = { grype: "grype db update", trivy: "trivy image --download-db-only" } as const;

const withRemedy = ({ name }: Scanner, problem: string): string =>
  /\bdb\b|database/i.test(problem)
    ? `${problem}; get its database where there is internet access: "${UPDATE[name]}"`
    : problem;
