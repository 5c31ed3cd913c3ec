/** `npm run scan`, from its arguments to its exit code. */
import { closeSync, openSync, readSync } from "node:fs";

import { readStackFile } from "../../../config/file/read";
import { isPinned, type Digest, type PinnedImage } from "../../../images/reference";
import { choice, CommandError, withProgress, type Surroundings } from "../../cli/command";
import { loadStack } from "../../model/load";
import { knownImages } from "../known";
import {
  isMaliciousTrivy,
  MAX_REPORT_BYTES,
  parseReport,
  SEVERITIES,
  type ScanReport,
  type Severity,
} from "./findings";
import { judgeFindings, openFrom, unusedIds, type JudgedImage } from "./judge";
import { scanJson, scanTable } from "./print";
import { findScanner, refusal, scanImage, type ScanOptions, type Scanned } from "./scanner";

export interface ScanCommand extends Surroundings {
  readonly stack: string;
  /** Services; empty for all. */
  readonly args: readonly string[];
  /** Report files, instead of a program. */
  readonly reports: readonly string[];
  /** The mildest severity that fails the command. Absent: none does. */
  readonly failOn?: string | undefined;
  readonly onlyFixed: boolean;
  readonly format: string;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
  /** Default: the current time. */
  readonly now?: Date;
}

/**
 * Resolves to the exit code: 1 if an open hole is as bad as `failOn`, else 2 if an image could not be scanned, else 0. Rejects
 * with a {@link CommandError} for invalid arguments, an unusable report, and without a scanner that may be started.
 */
export async function runScan(command: ScanCommand): Promise<number> {
  const { stack, folder, out, err, paint, now = new Date() } = command;
  const format = choice("format", command.format, ["table", "json"]);
  const failOn =
    command.failOn === undefined ? undefined : choice("fail-on", command.failOn, SEVERITIES);
  const loaded = loadStack(readStackFile(stack, folder), { placeholders: true });
  const { images } = loaded.model;
  const names = images.map(({ service }) => service);
  const unknown = command.args.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new CommandError(
      `${unknown.map((name) => JSON.stringify(name)).join(", ")}: stack ${stack} has no such service; expected ${names.join(", ")}`,
    );
  const chosen = images.filter(
    ({ service }) => command.args.length === 0 || command.args.includes(service),
  );
  const pinned = chosen.flatMap(({ reference }) => (isPinned(reference) ? [reference] : []));
  const results =
    command.reports.length > 0
      ? fromReports(command.reports, pinned)
      : await fromScanner(pinned, loaded.config.platform, command);
  const judged = chosen.flatMap(({ service, reference: image }): JudgedImage[] => {
    if (!isPinned(image))
      return [
        {
          ...{ service, image, findings: [] },
          problem: `it has no digest; pin it with "npm run pin -- --stack ${stack} ${service}"`,
        },
      ];
    const result = results.get(image.digest);
    if (result === undefined) {
      // Reports of some images are about these only, unless the service was asked for.
      if (command.args.length === 0) return [];
      return [{ service, image, findings: [], problem: "no report is about its digest" }];
    }
    return "problem" in result
      ? [{ service, image, findings: [], problem: result.problem }]
      : [
          {
            ...{ service, image, report: result.report },
            findings: judgeFindings(service, result.report.findings, loaded, now),
          },
        ];
  });

  out.write(
    format === "json"
      ? scanJson(stack, judged, now)
      : scanTable(judged, failOn === undefined ? "high" : milder(failOn), now, paint),
  );
  for (const { service, problem } of judged)
    if (problem !== undefined) err.write(`${service}: not scanned: ${problem}\n`);
  const left = chosen.filter(({ service }) => !judged.some((one) => one.service === service));
  if (left.length > 0)
    err.write(`no report is about ${left.map(({ service }) => service).join(", ")}\n`);
  if (judged.length === images.length && judged.every(({ problem }) => problem === undefined)) {
    const known = knownImages(loaded, now).flatMap(({ holes }) => holes.map(({ id }) => id));
    for (const id of unusedIds(loaded.config.accept, judged))
      if (!known.includes(id))
        err.write(`accept: ${id} was found in no image of the stack; remove it\n`);
  }
  if (failOn !== undefined) {
    const open = judged.flatMap((one) => openFrom(one, failOn, command.onlyFixed));
    if (open.length > 0) {
      err.write(
        `${open.length} open from "${failOn}" on${command.onlyFixed ? ", with a fix" : ""}: upgrade ("npm run pin -- --outdated"), or accept each in "accept" with a reason\n`,
      );
      return 1;
    }
  }
  return judged.some(({ problem }) => problem !== undefined) ? 2 : 0;
}

/** At least high ones are listed, whatever fails the command. */
const milder = (failOn: Severity): Severity => (failOn === "critical" ? "high" : failOn);

async function fromScanner(
  images: readonly PinnedImage[],
  platform: string,
  command: ScanCommand,
): Promise<ReadonlyMap<Digest, Scanned>> {
  const scanner = findScanner(command.env);
  if (scanner === undefined)
    throw new CommandError(
      'neither grype nor trivy is on PATH; install one (https://github.com/anchore/grype, https://trivy.dev), or scan elsewhere and give the report: "npm run scan -- --report FILE"',
    );
  const refused = refusal(scanner);
  if (refused !== undefined) throw new CommandError(refused);
  const options: ScanOptions = {
    ...{ platform, env: command.env, signal: command.signal },
    ...(command.timeoutMs !== undefined && { timeoutMs: command.timeoutMs }),
  };
  const results = new Map<Digest, Scanned>();
  // One after the other: the first may download the database, and each takes a whole core.
  for (const image of images)
    if (!results.has(image.digest))
      results.set(
        image.digest,
        await withProgress(
          `${scanner.name} scans ${image.repository}`,
          scanImage(scanner, image, options),
        ),
      );
  return results;
}

function fromReports(
  files: readonly string[],
  images: readonly PinnedImage[],
): ReadonlyMap<Digest, Scanned> {
  const results = new Map<Digest, Scanned>();
  const problems: string[] = [];
  for (const file of files) {
    const report = readReport(file);
    if ("problem" in report) {
      problems.push(report.problem);
      continue;
    }
    const about = images.filter(({ digest }) => report.digests.includes(digest));
    if (about.length === 0)
      problems.push(
        `${file}: is about ${report.target}, expected an image of the stack by its digest, such as ${images[0] === undefined ? "R@sha256:…" : `${images[0].registry}/${images[0].repository}@${images[0].digest}`}`,
      );
    for (const { digest } of about) {
      if (results.has(digest)) problems.push(`${file}: is about the same image as a report before`);
      results.set(digest, { report });
    }
  }
  if (problems.length > 0) throw new CommandError(`--report: ${problems.join("\n--report: ")}`);
  return results;
}

function readReport(file: string): ScanReport | { readonly problem: string } {
  const content = readBounded(file);
  if (typeof content === "string") return { problem: `${file}: ${content}` };
  const report = parseReport(content);
  if (report === undefined)
    return {
      problem: `${file}: expected a JSON report about an image: "grype registry:R@sha256:… -o json", or "trivy image --format json R@sha256:…"`,
    };
  if (
    report.scanner === "trivy" &&
    report.version !== undefined &&
    isMaliciousTrivy(report.version)
  )
    return {
      problem: `${file}: was made by trivy ${report.version}, which was published with malware in 2026-03; treat the credentials of that machine as stolen`,
    };
  return report;
}

/** The content, or what is wrong. Reads no more than the limit, also from a pipe. */
function readBounded(file: string): Buffer | string {
  let handle: number | undefined;
  try {
    handle = openSync(file, "r");
    const chunks: Buffer[] = [];
    let total = 0;
    for (;;) {
      const chunk = Buffer.alloc(1024 * 1024);
      const count = readSync(handle, chunk);
      if (count === 0) return Buffer.concat(chunks);
      total += count;
      if (total > MAX_REPORT_BYTES)
        return `is larger than ${MAX_REPORT_BYTES / 1024 / 1024} MiB, which no report is`;
      chunks.push(chunk.subarray(0, count));
    }
  } catch (error) {
    if (error instanceof Error && "code" in error) return `cannot be read (${String(error.code)})`;
    throw error;
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}
