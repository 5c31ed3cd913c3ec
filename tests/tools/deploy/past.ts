/** An update in a stack's history. */
import { PlainConfig } from "../../../config/file/edit";
import { PastUpdate } from "../../../tools/deploy/pulumi/history";

/** A good deployment of our own, on the day of January that is its number. */
export const past = (
  number: number,
  change: Partial<PastUpdate> = {},
  config: PlainConfig = { values: {}, secretKeys: [] },
): PastUpdate => ({
  number,
  kind: "update",
  start: new Date(Date.UTC(2026, 0, number)),
  succeeded: true,
  message: "npm run deploy",
  config,
  readable: true,
  unverified: false,
  ...change,
});
