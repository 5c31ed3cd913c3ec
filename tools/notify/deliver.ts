/** Sends a notification to one target. Plain HTTP by Node's fetch; SMTP, which has a protocol of its own, by nodemailer. */
import { createTransport } from "nodemailer";

import { NotifyTarget } from "../../config/notify";

export interface Message {
  readonly stack: string;
  /** `failure`, `returned`, `drift`, `backup`, or `test`. */
  readonly event: string;
  readonly title: string;
  readonly text: string;
}

/** Time limit of one delivery, ms. */
const LIMIT_MS = 10_000;

/** Why a message was not delivered. The text has no part of the URL and nothing that a server said. */
export class NotDelivered extends Error {}

/** Rejects with {@link NotDelivered}. Follows no redirect and reads no body of an answer. */
export async function deliver(
  target: NotifyTarget,
  message: Message,
  limitMs = LIMIT_MS,
): Promise<void> {
  if (target.kind === "smtp") return mail(target, message, limitMs);
  return target.kind === "ntfy"
    ? post(target.server, ntfyBody(target.topic, message), target.authorization, limitMs)
    : post(target.url, webhookBody(target.format, message), undefined, limitMs);
}

/** https://docs.ntfy.sh/publish/#publish-as-json */
const ntfyBody = (topic: string, { event, title, text }: Message): object => ({
  topic,
  title,
  message: text === "" ? title : text,
  ...(event === "failure" && { priority: 4 }),
});

/** `text` is what Slack's and Mattermost's webhooks show, `content` is Discord's. */
function webhookBody(format: "json" | "slack" | "discord", message: Message): object {
  const { stack, event, title, text } = message;
  const all = text === "" ? title : `${title}\n${text}`;
  switch (format) {
    case "slack":
      // https://docs.slack.dev/messaging/formatting-message-text#escaping
      return {
        text: all.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"),
      };
    case "discord":
      // A name in a text calls nobody.
      return { content: all, allowed_mentions: { parse: [] } };
    case "json":
      return { version: 1, stack, event, title, message: text, text: all };
  }
}

async function post(
  url: string,
  body: object,
  authorization: string | undefined,
  limitMs: number,
): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "pinned-stack",
        ...(authorization !== undefined && { authorization }),
      },
      body: JSON.stringify(body),
      redirect: "manual",
      signal: AbortSignal.timeout(limitMs),
    });
  } catch (error) {
    throw new NotDelivered(reasonOf(error, limitMs));
  }
  await response.body?.cancel().catch(() => undefined);
  const { status } = response;
  if (status >= 300 && status < 400)
    throw new NotDelivered(`it redirects (status ${status}), which is not followed`);
  if (!response.ok) throw new NotDelivered(`it answered with status ${status}`);
}

async function mail(
  target: Extract<NotifyTarget, { kind: "smtp" }>,
  { title, text }: Message,
  limitMs: number,
): Promise<void> {
  const { host, port, tls, login, from, to } = target;
  const transport = createTransport({
    host,
    port,
    secure: tls,
    requireTLS: login !== undefined,
    ...(login && { auth: { user: login.user, pass: login.password } }),
    connectionTimeout: limitMs,
    greetingTimeout: limitMs,
    socketTimeout: limitMs,
    // Nothing of a message is read from a file or from another server.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DOMException("", "TimeoutError"));
    }, limitMs);
  });
  try {
    const sent = transport.sendMail({ from, to: [...to], subject: title, text: text || title });
    await Promise.race([sent, late]);
  } catch (error) {
    throw new NotDelivered(reasonOf(error, limitMs));
  } finally {
    clearTimeout(timer);
    transport.close();
  }
}

/** In words of this program alone: a server may repeat the password in what it says. */
function reasonOf(error: unknown, limitMs: number): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code, responseCode, name } = cause as {
    readonly code?: unknown;
    readonly responseCode?: unknown;
    readonly name?: unknown;
  };
  if (name === "TimeoutError") return `no answer within ${limitMs / 1000} s`;
  const known = typeof code === "string" ? REASONS[code] : undefined;
  const status = typeof responseCode === "number" ? ` (status ${responseCode})` : "";
  if (known !== undefined) return `${known}${status}`;
  return typeof code === "string" && /^[A-Z0-9_]{3,50}$/.test(code)
    ? `${code}${status}`
    : "the connection failed";
}

const REASONS: Readonly<Partial<Record<string, string>>> = {
  ENOTFOUND: "its name has no address",
  EAI_AGAIN: "its name could not be looked up",
  EDNS: "its name has no address",
  ECONNREFUSED: "the connection was refused",
  ESOCKET: "the connection failed; check host, port and certificate",
  ECONNECTION: "the connection failed",
  ETIMEDOUT: "no answer in time",
  EAUTH: "it refuses user and password",
  EENVELOPE: "it refuses the sender or a recipient",
  ETLS: "it offers no valid TLS, without which no login is sent",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed; trust it with NODE_EXTRA_CA_CERTS",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is not trusted; trust it with NODE_EXTRA_CA_CERTS",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate is not trusted; trust it with NODE_EXTRA_CA_CERTS",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
};
