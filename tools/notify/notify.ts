/** Tells those who are named in `notify`. What cannot be delivered is one line each and never an error. */
import { parseNotifyUrl, NotifyEvent, NotifyTarget } from "../../config/notify";
import { ENCRYPTED } from "../../text/messages";
import { Mask } from "../../text/redact";
import { deliver, NotDelivered } from "./deliver";
import { Notice, noticeText } from "./notice";

/** An entry of `notify`. */
export interface Recipient {
  readonly url: string;
  readonly on: readonly NotifyEvent[];
}

/** A notice as those get it who want to hear of it. */
export interface Sending {
  readonly stack: string;
  readonly notices: readonly (Notice | TestNotice)[];
  /** With decrypted URLs. */
  readonly recipients: readonly Recipient[];
  readonly mask: Mask;
  /** Of one delivery, ms. Default 10 000. */
  readonly limitMs?: number;
}

/** Goes to everybody. */
export type TestNotice = Omit<Notice, "event"> & { readonly event: "test" };

export interface Sent {
  /** Number of deliveries. */
  readonly delivered: number;
  /** What was not delivered, without any part of a URL. */
  readonly problems: readonly string[];
}

/** Never rejects. All recipients at the same time, the notices of each in their order. */
export async function send(sending: Sending): Promise<Sent> {
  const { stack, notices, recipients, mask, limitMs } = sending;
  const results = await Promise.all(
    recipients.map(async ({ url, on }, index): Promise<Sent> => {
      const mine = notices.filter(({ event }) => event === "test" || on.includes(event));
      const problem = (why: string): Sent => ({
        delivered: 0,
        problems: [`notify.${index}: not delivered: ${why}`],
      });
      if (mine.length === 0) return { delivered: 0, problems: [] };
      if (url === ENCRYPTED) return problem("its URL cannot be decrypted");
      const target = parseNotifyUrl(url);
      if ("problem" in target) return problem(`its URL ${target.problem}`);
      try {
        for (const notice of mine) {
          const words = noticeText(notice as Notice, mask);
          await deliver(target, { stack, event: notice.event, ...words }, limitMs);
        }
        return { delivered: mine.length, problems: [] };
      } catch (error) {
        const why = error instanceof NotDelivered ? error.message : "the connection failed";
        return problem(`${nameOf(target)}: ${why}`);
      }
    }),
  );
  return {
    delivered: results.reduce((sum, { delivered }) => sum + delivered, 0),
    problems: results.flatMap(({ problems }) => problems),
  };
}

/** What kind of target, without its address: the host of a webhook may be a secret, too. */
const nameOf = (target: NotifyTarget): string =>
  target.kind === "webhook" ? `webhook (${target.format})` : target.kind;
