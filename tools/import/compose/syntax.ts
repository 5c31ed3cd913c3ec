/** The short and the long forms of Compose's keys, read into one form each. Pure. */
import { isMap } from "../../../text/messages";

/** A scalar as text: numbers are texts already. `undefined` for maps, lists and nothing. */
export function scalar(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "boolean" ? String(value) : undefined;
}

/** A list, or a single value as a list of one. */
export const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

export const textsOf = (value: unknown): readonly string[] =>
  listOf(value).flatMap((item) => scalar(item) ?? []);

/** A map, or a list of `KEY=value`. A key without a value has `undefined`. */
export function pairsOf(value: unknown): readonly (readonly [string, string | undefined])[] {
  if (isMap(value)) return Object.entries(value).map(([key, item]) => [key, scalar(item)]);
  return textsOf(value).map((line) => {
    const equals = line.indexOf("=");
    return equals === -1
      ? [line.trim(), undefined]
      : [line.slice(0, equals).trim(), line.slice(equals + 1)];
  });
}

/** Names in a list, or the keys of a map with details. */
export const namesOf = (value: unknown): readonly string[] =>
  isMap(value) ? Object.keys(value) : textsOf(value);

/** Splits a command as a POSIX shell splits words, without expanding anything. `undefined` for an open quote. */
export function shellWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  const part = /'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\]+)|(\s+)/gy;
  let end = 0;
  for (let found = part.exec(text); found !== null; found = part.exec(text)) {
    const [, single, double, escaped, plain, space] = found;
    end = part.lastIndex;
    if (space === undefined)
      word =
        (word ?? "") +
        (single ??
          double?.replace(/\\([$`"\\\n])/g, (_, one: string) => (one === "\n" ? "" : one)) ??
          (escaped === "\n" ? "" : escaped) ??
          plain ??
          "");
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (end !== text.length) return undefined;
  return word === undefined ? words : [...words, word];
}

/** A word for a POSIX shell. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

const UNITS: Readonly<Record<string, number>> = { b: 0, k: 1, m: 2, g: 3, t: 4 };

/** A size such as `512m`, `1.5G` or `1048576`, in MiB, rounded up. */
export function mebibytes(text: string): number | undefined {
  const [, number = "", unit = "b"] =
    /^(\d{1,15}(?:\.\d{1,6})?) ?([bkmgt])?i?b?$/i.exec(text.trim()) ?? [];
  if (number === "") return undefined;
  return Math.ceil((Number(number) * 1024 ** (UNITS[unit.toLowerCase()] ?? 0)) / 1024 ** 2);
}

const SECONDS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** A duration such as `1m30s` in seconds, rounded up. */
export function seconds(text: string): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{1,6})?(?:us|ms|s|m|h))+$/.test(text)) return undefined;
  const parts = text.matchAll(/([\d.]+)(us|ms|s|m|h)/g);
  return Math.ceil(
    [...parts].reduce(
      (sum, [, number, unit = ""]) => sum + Number(number) * (SECONDS[unit] ?? 0),
      0,
    ),
  );
}

export interface Port {
  /** Address on the host; absent for all addresses. */
  readonly address?: string;
  /** Port of the host; absent if Docker chooses it. */
  readonly published?: number;
  readonly target: number;
  readonly protocol: "tcp" | "udp";
}

/** `undefined` if it is none: a malformed one, or a range of more than 100 ports. @param item without variables */
export function portsOf(item: unknown): readonly Port[] | undefined {
  if (isMap(item)) {
    const protocol = scalar(item.protocol) ?? "tcp";
    const address = scalar(item.host_ip);
    const published = scalar(item.published);
    const short = `${published === undefined ? "" : `${published}:`}${scalar(item.target) ?? ""}/${protocol}`;
    return portsOf(short)?.map((port) => ({ ...port, ...(address !== undefined && { address }) }));
  }
  const [, address, from, to, protocol = "tcp"] =
    /^(?:(?:(\[[0-9a-f:.]+\]|[\d.]*):)?([\d-]*):)?([\d-]+)(?:\/(tcp|udp))?$/i.exec(
      scalar(item) ?? "",
    ) ?? [];
  const targets = range(to ?? "");
  if (targets === undefined) return undefined;
  const published = from === undefined || from === "" ? undefined : range(from);
  if (from !== undefined && from !== "" && published?.length !== targets.length) return undefined;
  return targets.map((target, index) => ({
    ...(address !== undefined && address !== "" && { address: address.replace(/^\[|\]$/g, "") }),
    ...(published?.[index] !== undefined && { published: published[index] }),
    target,
    protocol: protocol.toLowerCase() as Port["protocol"],
  }));
}

const MAX_RANGE = 100;

function range(text: string): readonly number[] | undefined {
  const [, first = "", last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === "" || from < 1 || to > 65535 || to < from || to - from >= MAX_RANGE)
    return undefined;
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

export interface VolumeMount {
  /** `volume`: `source` is a name, absent for an anonymous one. `bind`: `source` is a path of the host. */
  readonly type: "volume" | "bind" | "tmpfs";
  readonly source?: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Size of a tmpfs in MiB. */
  readonly sizeMiB?: number;
  /** Options that change what is mounted: `subpath`, `propagation`. */
  readonly special?: string;
}

/** `undefined` if it is malformed or of another type. @param item without variables */
export function volumeOf(item: unknown): VolumeMount | undefined {
  if (isMap(item)) return longVolume(item);
  const parts = (scalar(item) ?? "").split(":");
  const [first = "", second, third = "", ...rest] = parts;
  if (first === "" || rest.length > 0) return undefined;
  if (second === undefined)
    return first.startsWith("/")
      ? { type: "volume", target: folder(first), readOnly: false }
      : undefined;
  if (!second.startsWith("/")) return undefined;
  const options = third.split(",");
  const special = options.find((option) => /^r?(?:shared|slave)$/.test(option));
  return {
    type: /^[./~]/.test(first) ? "bind" : "volume",
    source: first,
    target: folder(second),
    readOnly: options.includes("ro"),
    ...(special !== undefined && { special }),
  };
}

function longVolume(item: Readonly<Record<string, unknown>>): VolumeMount | undefined {
  const type = scalar(item.type) ?? "volume";
  const target = scalar(item.target);
  const source = scalar(item.source);
  if (target?.startsWith("/") !== true) return undefined;
  const readOnly = item.read_only === true || item.read_only === "true";
  const bind = isMap(item.bind) ? item.bind : {};
  const volume = isMap(item.volume) ? item.volume : {};
  const propagation = scalar(bind.propagation);
  const special =
    scalar(volume.subpath) ?? (propagation?.includes("private") === true ? undefined : propagation);
  const base = {
    ...(source !== undefined && source !== "" && { source }),
    target: folder(target),
    readOnly,
    ...(special !== undefined && { special }),
  };
  switch (type) {
    case "volume":
      return { type, ...base };
    case "bind":
      return source === undefined ? undefined : { type, ...base };
    case "tmpfs": {
      const size = isMap(item.tmpfs) ? mebibytes(scalar(item.tmpfs.size) ?? "") : undefined;
      return {
        type,
        target: folder(target),
        readOnly,
        ...(size !== undefined && { sizeMiB: size }),
      };
    }
    default:
      return undefined;
  }
}

/** Without slashes at the end. */
const folder = (path: string): string => path.replace(/(?<=.)\/+$/, "");

export interface HealthTest {
  /** `CMD` or `CMD-SHELL` and the words. */
  readonly test: readonly string[];
  /** Seconds. */
  readonly startPeriod?: number;
}

/** `"none"` if it is disabled, `undefined` without a test: the image's own. @param value without variables */
export function healthOf(value: unknown): HealthTest | "none" | undefined {
  if (!isMap(value)) return undefined;
  if (value.disable === true || value.disable === "true") return "none";
  const test = Array.isArray(value.test)
    ? textsOf(value.test)
    : textsOf(value.test)
        .map((line) => ["CMD-SHELL", line])
        .flat();
  if (test[0] === "NONE") return "none";
  if (test.length < 2) return undefined;
  const startPeriod = seconds(scalar(value.start_period) ?? "");
  return { test, ...(startPeriod !== undefined && { startPeriod }) };
}
