/** What `npm run pin -- --outdated` prints: newer versions, their ages, and how long the line of the pinned one lives. */
import { describeAge } from "../../images/age";
import { lineEnd, type LineEnd } from "../../images/known/known";
import { LEVELS, type Level } from "../../images/newer";
import { parseReference } from "../../images/reference";
import { oneLine } from "../../text/one-line";
import { jsonText, table, type Surroundings } from "../cli/command";
import type { NewerTags } from "./newer";

export interface OutdatedOutput extends Pick<Surroundings, "out" | "err" | "paint"> {
  readonly stack: string;
  readonly format: string;
}

/** Returns the exit code, as `--check`: 0 none, 1 some, 2 a list could not be read. */
export function listOutdated(
  newer: readonly NewerTags[],
  { stack, format, out, err, paint }: OutdatedOutput,
  now: Date,
): number {
  const shown = newer.map((one) => ({
    ...one,
    line: one.image === "" ? undefined : lineEnd(parseReference(one.image), now),
  }));
  if (format === "json")
    out.write(
      jsonText({
        version: 1,
        stack,
        services: shown.map(({ service, image, newest, built, line, note, problem }) => ({
          ...{ service, image, ...byLevel((level) => newest[level]) },
          built: byLevel((level) => built[level]?.toISOString()),
          line: line ?? null,
          ...{ note: note ?? null, problem: problem ?? null },
        })),
      }),
    );
  else
    out.write(
      table(
        [
          ["SERVICE", "IMAGE", "LINE", "PATCH", "MINOR", "MAJOR", ""],
          ...shown.map((one) => [
            ...[one.service, one.image, describeLine(one.line)],
            ...LEVELS.map((level) => describeNewest(one, level, now)),
            oneLine(one.problem ?? one.note ?? ""),
          ]),
        ],
        paint,
      ),
    );
  const some = shown.filter(({ newest }) => Object.keys(newest).length > 0);
  const option = stack === "dev" ? "" : ` --stack ${stack}`;
  if (some.length > 0)
    err.write(
      `to take the newest patch of each: "npm run pin -- --upgrade patch${option}"; to see one before: "npm run pin -- --check${option} ${some[0]?.service ?? ""}@minor"\n`,
    );
  if (shown.some(({ problem }) => problem !== undefined)) return 2;
  return some.length > 0 ? 1 : 0;
}

const byLevel = <T>(value: (level: Level) => T | undefined) =>
  Object.fromEntries(LEVELS.map((level) => [level, value(level) ?? null]));

/** `3.6 ended 2026-08-16`; `-` if nothing is known of the line. */
function describeLine(known: LineEnd | undefined): string {
  if (known === undefined) return "-";
  const { line, end, state } = known;
  if (end === undefined) return `${line}, no published end`;
  return `${line} ${state === "ended" ? "ended" : "ends"} ${end}`;
}

/** `v3.7.17, 25 days old` */
function describeNewest({ newest, built }: NewerTags, level: Level, now: Date): string {
  const tag = newest[level];
  const date = built[level];
  if (tag === undefined) return "-";
  return date === undefined || date > now
    ? tag
    : `${tag}, ${describeAge(now.getTime() - date.getTime())} old`;
}
