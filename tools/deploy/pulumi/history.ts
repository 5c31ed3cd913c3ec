/** The deployments of a stack, from Pulumi's own record of updates. Pure. */
import { z } from "zod";

import { parseReference } from "../../../images/reference";
import { ConfigMap, IMAGES, isReadable, plainConfig, PlainConfig } from "../../../config/file/edit";

/** One update of the stack. */
export interface PastUpdate {
  /** Counts the updates of this stack, from 1. */
  readonly number: number;
  readonly kind: string;
  readonly start: Date;
  readonly succeeded: boolean;
  readonly message: string;
  readonly config: PlainConfig;
  /** False when a secret in its configuration is encrypted with another passphrase than the present one. */
  readonly readable: boolean;
  /** A deployment of ours after which nobody found all healthy: it was stopped, or could not be looked at. */
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
 * `pulumi stack history --json` gives the newest first.
 *
 * @param verified start of the newest deployment that was found healthy (ISO 8601), {@link NOT_YET} before the first one;
 *   undefined: nobody kept a record, so what Pulumi says counts
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
          (verified === NOT_YET || start > new Date(verified)),
      };
    });
}

/** The record of a stack none of whose deployments was found healthy yet. */
export const NOT_YET = "none";

/** All pages of a list, one after the other until one is empty: a backend may give fewer than it is asked for. */
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

/** Messages of the updates, by which the next run knows what an earlier one thought of a deployment. */
export const DEPLOY = "npm run deploy";
export const returnMessage = (to: PastUpdate): string => `${RETURN} ${to.number}`;
export const rollbackMessage = (to: PastUpdate): string => `${DEPLOY}: rollback to ${to.number}`;
const RETURN = `${DEPLOY}: return to`;

export type Outcome = "succeeded" | "failed" | "returned from" | "unverified";

export interface PastDeployment extends PastUpdate {
  readonly outcome: Outcome;
}

/** The updates that deployed something since the stack was last destroyed. */
export function deployments(history: readonly PastUpdate[]): PastDeployment[] {
  const destroyed = history.map(({ kind }) => kind).lastIndexOf("destroy");
  const updates = history.slice(destroyed + 1).filter(({ kind }) => kind === "update");
  return updates.map((made, index) => ({
    ...made,
    outcome: !made.succeeded
      ? "failed"
      : updates[index + 1]?.message.startsWith(RETURN) === true
        ? "returned from"
        : made.unverified
          ? "unverified"
          : "succeeded",
  }));
}

/** The newest deployment that was complete and healthy; its secrets may be unreadable. */
export const lastGood = (history: readonly PastUpdate[]): PastDeployment | undefined =>
  deployments(history).findLast(({ outcome }) => outcome === "succeeded");

/** Why nothing can go back to a deployment, whatever wants to. */
export const unreadable = ({ number }: PastUpdate): string =>
  `the secrets of deployment ${number} are encrypted with another passphrase than the present one`;

/** The newest deployment, when it did not come to its end. */
export function unfinished(history: readonly PastUpdate[]): PastDeployment | undefined {
  const newest = deployments(history).at(-1);
  return newest?.outcome === "failed" ? newest : undefined;
}

/** Images of a configuration by service. */
export const imagesOf = (config: PlainConfig): Readonly<Record<string, string>> =>
  JSON.parse(config.values[IMAGES] ?? "{}") as Record<string, string>;

/** `3.6.4@f98a71f9c880`: enough for a person to tell two images apart. */
export function shortImage(image: string): string {
  const { name, tag, digest } = parseReference(image);
  const short = name.split("/").at(-1) ?? name;
  const pin = digest?.slice("sha256:".length, "sha256:".length + 12);
  return `${short}${tag === undefined ? "" : `:${tag}`}${pin === undefined ? "" : `@${pin}`}`;
}

/** To the second, as people tell deployments apart. */
export const moment = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, "Z");

/** Table rows, the newest deployment first; the first row is the head. Pins are shown where they changed. */
export function historyRows(history: readonly PastUpdate[]): string[][] {
  const made = deployments(history);
  return [
    ["NUMBER", "WHEN", "OUTCOME", "WHAT", "PINS"],
    ...made
      .map((deployment, index) => {
        const before = index === 0 ? {} : imagesOf(made[index - 1]?.config ?? deployment.config);
        const pins = Object.entries(imagesOf(deployment.config))
          .filter(([service, image]) => before[service] !== image)
          .map(([service, image]) => `${service} ${shortImage(image)}`);
        return [
          String(deployment.number),
          moment(deployment.start),
          deployment.outcome,
          deployment.message.split("\n", 1)[0] ?? "",
          pins.length === 0 ? "unchanged" : pins.join(", "),
        ];
      })
      .reverse(),
  ];
}
