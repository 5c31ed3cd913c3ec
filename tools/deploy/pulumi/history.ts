/** The deployments of a stack, from Pulumi's history of updates. Pure. */
import { z } from "zod";

import { parseReference } from "../../../images/reference";
import { ConfigMap, IMAGES, isReadable, plainConfig, PlainConfig } from "../../../config/file/edit";

export interface PastUpdate {
  /** Counts from 1. */
  readonly number: number;
  readonly kind: string;
  readonly start: Date;
  readonly succeeded: boolean;
  readonly message: string;
  readonly config: PlainConfig;
  /** Whether the current passphrase decrypts all secrets of its configuration. */
  readonly readable: boolean;
  /** A deployment of `npm run deploy` whose health check did not succeed, or did not run. */
  readonly unverified: boolean;
}

const update = z.object({
  kind: z.string(),
  startTime: z.string(),
  result: z.string().default(""),
  message: z.string().default(""),
  config: z
    .record(
      z.string(),
      z.object({ value: z.string().optional(), secret: z.boolean().default(false) }),
    )
    .default({}),
});

/**
 * Parses `pulumi stack history --json`, which has the newest update first; returns the oldest first.
 *
 * @param verified start of the newest verified deployment (ISO 8601), or {@link NONE_VERIFIED}. Undefined: not recorded, so
 *   Pulumi's own result counts
 */
export function parseHistory(answer: unknown, verified?: string): PastUpdate[] {
  return z
    .array(update)
    .parse(answer ?? [])
    .reverse()
    .map(({ kind, startTime, result, message, config: map }, index) => {
      const start = new Date(startTime);
      const config = plainConfig(map as ConfigMap);
      return {
        number: index + 1,
        kind,
        start,
        succeeded: result === "succeeded",
        message,
        config,
        readable: isReadable(config),
        unverified:
          message.startsWith(DEPLOY) &&
          verified !== undefined &&
          (verified === NONE_VERIFIED || start > new Date(verified)),
      };
    });
}

/** The value of `verified` before the first healthy deployment. */
export const NONE_VERIFIED = "none";

/** Reads pages until one is empty: a backend may return fewer items than requested. */
export async function allPages(
  page: (number: number) => Promise<readonly unknown[]>,
): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let number = 1; ; number++) {
    const items = await page(number);
    if (items.length === 0) return all;
    all.push(...items);
  }
}

/** Messages of Pulumi updates. {@link deployments} recognises them in the history. */
export const DEPLOY = "npm run deploy";
export const autoRollbackMessage = (to: PastUpdate): string => `${AUTO_ROLLBACK} ${to.number}`;
export const rollbackMessage = (to: PastUpdate): string => `${DEPLOY}: rollback to ${to.number}`;
export const filesBackMessage = (to: PastUpdate): string => `${FILES_BACK} ${to.number}`;
const FILES_BACK = `${DEPLOY}: files back to`;
const AUTO_ROLLBACK = `${DEPLOY}: auto-rollback to`;

export type Outcome = "succeeded" | "failed" | "rolled back" | "unverified";

export interface PastDeployment extends PastUpdate {
  readonly outcome: Outcome;
}

/** The updates since the stack was last destroyed. Those that only put files back belong to the one before them. */
export function deployments(history: readonly PastUpdate[]): PastDeployment[] {
  const destroyed = history.map(({ kind }) => kind).lastIndexOf("destroy");
  const updates = history
    .slice(destroyed + 1)
    .filter(({ kind, message }) => kind === "update" && !message.startsWith(FILES_BACK));
  return updates.map((made, index) => ({
    ...made,
    outcome: !made.succeeded
      ? "failed"
      : updates[index + 1]?.message.startsWith(AUTO_ROLLBACK) === true
        ? "rolled back"
        : made.unverified
          ? "unverified"
          : "succeeded",
  }));
}

/** The newest complete and healthy deployment. Its secrets may be unreadable. */
export const lastGood = (history: readonly PastUpdate[]): PastDeployment | undefined =>
  deployments(history).findLast(({ outcome }) => outcome === "succeeded");

export const unreadable = ({ number }: PastUpdate): string =>
  `the secrets of deployment ${number} are encrypted with another passphrase than the current one`;

/** The newest deployment, if it did not finish. */
export function unfinished(history: readonly PastUpdate[]): PastDeployment | undefined {
  const newest = deployments(history).at(-1);
  return newest?.outcome === "failed" ? newest : undefined;
}

/** Images of a configuration by service. */
export const imagesOf = (config: PlainConfig): Readonly<Record<string, string>> =>
  JSON.parse(config.values[IMAGES] ?? "{}") as Record<string, string>;

/** `traefik:v3.6.4@f98a71f9c880` */
export function shortImage(image: string): string {
  const { name, tag, digest } = parseReference(image);
  const short = name.split("/").at(-1) ?? name;
  const pin = digest?.slice("sha256:".length, "sha256:".length + 12);
  return `${short}${tag === undefined ? "" : `:${tag}`}${pin === undefined ? "" : `@${pin}`}`;
}

/** ISO 8601, to the second. */
export const timestamp = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, "Z");

/** Table rows with a head row, the newest deployment first. Shows the pins that changed. */
export function historyRows(history: readonly PastUpdate[]): string[][] {
  const all = deployments(history);
  return [
    ["NUMBER", "WHEN", "OUTCOME", "WHAT", "PINS"],
    ...all
      .map((deployment, index) => {
        const before = index === 0 ? {} : imagesOf(all[index - 1]?.config ?? deployment.config);
        const pins = Object.entries(imagesOf(deployment.config))
          .filter(([service, image]) => before[service] !== image)
          .map(([service, image]) => `${service} ${shortImage(image)}`);
        return [
          String(deployment.number),
          timestamp(deployment.start),
          deployment.outcome,
          deployment.message.split("\n", 1)[0] ?? "",
          pins.length === 0 ? "unchanged" : pins.join(", "),
        ];
      })
      .reverse(),
  ];
}
