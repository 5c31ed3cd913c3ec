/** What a timer looks for beside the doctor's own checks: drift and moved tags; and whom it tells of which finding. */
import { NotifyEvent } from "../../../config/notify";
import { describeMoved } from "../../../images/resolve/moved-tags";
import { ResolveError, resolveImages } from "../../../images/resolve/resolve";
import { hostAccess } from "../../../host/address";
import { HostError, hostShell } from "../../../host/shell";
import { CommandError } from "../../cli/command";
import { counted, oneLine } from "../../../text/one-line";
import { Check, ok, problem, problemLine, unknownCheck } from "./check";
import { compare, Drift } from "../host/drift";
import { takeInventory } from "../host/inventory";
import { Notice } from "../../notify/notice";
import { LoadedStack } from "../../model/load";

/** @param decrypted with the passwords of registries */
export async function watch(
  loaded: LoadedStack,
  decrypted: LoadedStack["config"] | undefined,
  signal: AbortSignal,
): Promise<Check[]> {
  const [drift, pins] = await Promise.all([
    driftChecks(loaded, signal),
    pinChecks(decrypted ?? loaded.config, signal),
  ]);
  return [...drift, ...pins];
}

async function driftChecks(
  { config, model: { stack, containers, networks } }: LoadedStack,
  signal: AbortSignal,
): Promise<Check[]> {
  try {
    const live = await takeInventory(hostShell(hostAccess(config.host)), stack, signal);
    return driftLines(stack, compare(stack, containers, networks, live));
  } catch (error) {
    // The check of the host says so, too.
    if (!signal.aborted && (error instanceof HostError || error instanceof CommandError))
      return [unknownCheck("drift", "not checked, because the host does not answer")];
    throw error;
  }
}

export function driftLines(stack: string, drift: readonly Drift[]): Check[] {
  return drift.length === 0
    ? [ok("drift", "the containers are as the stack file declares them")]
    : drift.map(({ where, kind, expected, found }) =>
        problem(
          "drift",
          oneLine(`${where}: ${kind}: found ${found} instead of ${expected}`),
          `npm run drift -- --stack ${stack}`,
        ),
      );
}

/** Only of tags beside a digest. */
async function pinChecks(
  { stack, images, registries, platform }: LoadedStack["config"],
  signal: AbortSignal,
): Promise<Check[]> {
  try {
    const { moved, unchecked } = await resolveImages(images, {
      ...{ registries, platform, signal, checkTags: true },
      tagsWithinMs: 15_000,
    });
    const now = new Date();
    const lines = moved.map((tag) => problemLine("pins", describeMoved(tag, { stack, now })));
    const missed = unchecked.map(({ service, reason }) =>
      unknownCheck("pins", `images.${service}: not checked: ${reason}`),
    );
    return lines.length + missed.length === 0
      ? [ok("pins", "no tag has moved")]
      : [...lines, ...missed];
  } catch (error) {
    if (!(error instanceof ResolveError)) throw error;
    return [unknownCheck("pins", error.problems.join("; "))];
  }
}

/** A timer is there to find these: for it, a proof that is too old is a problem. */
export const asWatched = (checks: readonly Check[]): Check[] =>
  checks.map((check) =>
    check.name === "restore" && check.status === "unknown"
      ? { ...check, status: "problem" }
      : check,
  );

const EVENTS: Readonly<Partial<Record<string, NotifyEvent>>> = {
  backup: "backup",
  restore: "backup",
  drift: "drift",
  pins: "drift",
};

const TITLES: Readonly<Record<"failure" | "drift" | "backup", (count: string) => string>> = {
  failure: (count) => `the check found ${count}`,
  drift: (count) => `drift: ${count} from the stack file`,
  backup: (count) => `backups: ${count}`,
};

/** The problems, one notice for each event. Empty if nothing is wrong. */
export const watchNotices = (stack: string, checks: readonly Check[]): Notice[] =>
  (["failure", "drift", "backup"] as const).flatMap((event) => {
    const mine = checks.filter(
      ({ name, status }) => status === "problem" && (EVENTS[name] ?? "failure") === event,
    );
    if (mine.length === 0) return [];
    const count = counted(mine.length, event === "drift" ? "difference" : "problem");
    return [
      {
        event,
        title: `${stack}: ${TITLES[event](count)}`,
        lines: mine.map(
          ({ name, text, fix }) => `${name}: ${text}${fix === undefined ? "" : `; ${fix}`}`,
        ),
      },
    ];
  });
