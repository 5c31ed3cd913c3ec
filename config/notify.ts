/** Where notifications go: the URLs of `notify`. Formats that users know from Apprise and shoutrrr. A URL is a secret. Pure. */
import { isLoopback, overlapsPrivate } from "../host/ip-ranges";

/** What a notification is about. `backup`: one failed, or is missing. `drift`: the host or a tag differs from the stack file. */
export const NOTIFY_EVENTS = ["failure", "returned", "drift", "backup"] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

export type NotifyTarget =
  | {
      readonly kind: "ntfy";
      /** The server, `https://ntfy.example.com/`. */
      readonly server: string;
      readonly topic: string;
      /** The header. */
      readonly authorization?: string;
    }
  | {
      readonly kind: "webhook";
      readonly url: string;
      readonly format: "json" | "slack" | "discord";
    }
  | {
      readonly kind: "smtp";
      readonly host: string;
      readonly port: number;
      /** TLS from the start; otherwise STARTTLS, which a login requires. */
      readonly tls: boolean;
      readonly login?: { readonly user: string; readonly password: string };
      readonly from: string;
      readonly to: readonly string[];
    };

export const NOTIFY_URL =
  "ntfys://[user:password@]host/topic, https://host/path, or smtps://user:password@host/?from=ADDRESS&to=ADDRESS";

const MAX_LENGTH = 2000;
const TOPIC = /^[\w-]{1,64}$/;
const ADDRESS = /^[^\s@<>,;"()\\]{1,64}@[\w.-]{1,255}$/;
const MAX_RECIPIENTS = 10;
/** Names that only a local network resolves. */
const LOCAL_NAME = /^(?:localhost|[\w.-]+\.(?:local|lan|internal|home\.arpa))$/i;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** The target of a URL, or what is wrong with it, which never repeats a part of it. */
export function parseNotifyUrl(text: string): NotifyTarget | { readonly problem: string } {
  const url = text.length <= MAX_LENGTH && !/\s/.test(text) ? URL.parse(text) : null;
  const parts = url === null ? undefined : partsOf(url);
  if (url === null || parts === undefined || url.hash !== "")
    return { problem: `expected ${NOTIFY_URL}` };
  switch (url.protocol) {
    case "ntfy:":
    case "ntfys:":
      return ntfy(url, parts);
    case "http:":
    case "https:":
      return webhook(url, parts);
    case "smtp:":
    case "smtps:":
      return smtp(url, parts);
    default:
      return { problem: `expected ${NOTIFY_URL}` };
  }
}

interface Parts {
  readonly user: string;
  readonly password: string;
}

/** Undefined where the percent-encoding is wrong or hides a control character. */
function partsOf({ username, password, hostname }: URL): Parts | undefined {
  if (hostname === "") return undefined;
  try {
    const parts = { user: decodeURIComponent(username), password: decodeURIComponent(password) };
    return /\p{Cc}/u.test(parts.user + parts.password) ? undefined : parts;
  } catch {
    return undefined;
  }
}

const isPlainAllowed = (host: string): boolean =>
  LOCAL_NAME.test(host) ||
  (IPV4.test(host) && (isLoopback(host) || overlapsPrivate(host))) ||
  (host.startsWith("[") && isLoopback(host.slice(1, -1)));

const PLAIN =
  "is not encrypted on its way, which is accepted on this machine and in a private network only, without a login; use";

function ntfy(url: URL, { user, password }: Parts): ReturnType<typeof parseNotifyUrl> {
  const path = url.pathname.replace(/^\/|\/$/g, "");
  // `ntfy://topic`, as Apprise writes the public server.
  const [host, topic] = path === "" ? ["ntfy.sh", url.hostname] : [url.host, path];
  const tls = url.protocol === "ntfys:" || path === "";
  if (!TOPIC.test(topic) || url.search !== "" || (path === "" && url.port !== ""))
    return { problem: "expected ntfys://[user:password@]host/topic with one topic" };
  if (user === "" && password !== "")
    return {
      problem: "has a password without a user; a token comes first: ntfys://TOKEN@host/topic",
    };
  if (!tls && (user !== "" || !isPlainAllowed(url.hostname)))
    return { problem: `${PLAIN} ntfys://` };
  const server = `${tls ? "https" : "http"}://${host}/`;
  if (!URL.canParse(server)) return { problem: "expected ntfys://[user:password@]host/topic" };
  const authorization =
    user === ""
      ? undefined
      : password === ""
        ? `Bearer ${user}`
        : `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  if (authorization !== undefined && !/^[ -~]+$/.test(authorization))
    return { problem: "has a token with characters that no token has" };
  return { kind: "ntfy", server, topic, ...(authorization !== undefined && { authorization }) };
}

function webhook(url: URL, { user, password }: Parts): ReturnType<typeof parseNotifyUrl> {
  if (user !== "" || password !== "")
    return { problem: "has a login, which webhooks take in their path; remove it" };
  if (url.protocol === "http:" && !isPlainAllowed(url.hostname))
    return { problem: `${PLAIN} https://` };
  const format =
    url.hostname === "hooks.slack.com"
      ? "slack"
      : /^(?:[a-z]+\.)?discord(?:app)?\.com$/.test(url.hostname)
        ? "discord"
        : "json";
  return { kind: "webhook", url: url.href, format };
}

function smtp(url: URL, { user, password }: Parts): ReturnType<typeof parseNotifyUrl> {
  const tls = url.protocol === "smtps:";
  const names = [...url.searchParams.keys()].sort().join(" ");
  const from = url.searchParams.get("from") ?? "";
  const to = (url.searchParams.get("to") ?? "").split(",");
  if (
    names !== "from to" ||
    ![from, ...to].every((address) => ADDRESS.test(address)) ||
    to.length > MAX_RECIPIENTS ||
    !/^\/?$/.test(url.pathname)
  )
    return {
      problem: `expected ${tls ? "smtps" : "smtp"}://[user:password@]host[:port]/?from=ADDRESS&to=ADDRESS[,ADDRESS], at most ${MAX_RECIPIENTS} recipients`,
    };
  if ((user === "") !== (password === ""))
    return { problem: "expected user and password together, or neither" };
  return {
    kind: "smtp",
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (tls ? 465 : 587) : Number(url.port),
    tls,
    ...(user !== "" && { login: { user, password } }),
    from,
    to,
  };
}

/** What to hide of a URL wherever it may appear: itself, its login, and parts of its path that are tokens. */
export function notifySecrets(text: string): string[] {
  const url = URL.parse(text);
  if (url === null) return [text];
  const { user = "", password = "" } = partsOf(url) ?? {};
  const basic = Buffer.from(`${user}:${password}`).toString("base64");
  const tokens = url.pathname.split("/").filter((part) => part.length >= 16);
  return [text, url.href, password === "" ? user : password, basic, ...tokens].filter(
    (one) => one !== "",
  );
}
