/**
 * The zod schema of each configuration key. Keys of a single service come from its definition. Rules that span several
 * keys are in rules.ts. Messages continue the line "<path>: …" and say what was expected. Pure.
 */
import { z } from "zod";

import { DNS_PROVIDERS, DnsProvider } from "../components/ingress";
import { Fact, REACH_FACTS } from "../components/reach";
import { DEFINITIONS, SecretName, SERVICE_NAMES, ServiceName } from "../components/services";
import { SecretSpec, ServiceDefinition } from "../components/services/definition";
import { commonKeys, dnsName, routeKeys, SECRET_NAME } from "../components/services/keys";
import { OWN_NAME, ownService, ownShape } from "../components/services/own/schema";
import {
  ENCRYPTED,
  expectation,
  expected,
  isMap,
  expectedUnshown,
  textLike,
  wholeNumber,
} from "../text/messages";
import { hostProblems } from "../host/address";
import { isPrivatePool } from "../host/ip-ranges";
import { parseAge } from "../images/age";
import { RegistrySettings } from "../images/registry/origin";
import { ImageReference, parseReference } from "../images/reference";
import { trustPolicy } from "../images/trust/schema";
import { NOTIFY_EVENTS, NOTIFY_URL, NotifyEvent, parseNotifyUrl } from "./notify";

/** The secrets of all services, by name. */
export const SECRETS = Object.fromEntries(
  DEFINITIONS.flatMap(({ secrets = {} }) => Object.entries(secrets)),
) as Readonly<Record<SecretName, SecretSpec>>;
export const SECRET_NAMES = Object.keys(SECRETS) as readonly SecretName[];

const image = z
  .string(expected("name:tag@sha256:… as a string"))
  .transform((text, context): ImageReference => {
    try {
      return parseReference(text);
    } catch (error) {
      context.addIssue({
        code: "custom",
        message: error instanceof Error ? error.message : String(error),
      });
      return z.NEVER;
    }
  });

/** The configuration of a service as given. The schema of the service validates its own keys. */
export type ServiceInput = Partial<z.output<z.ZodObject<typeof commonKeys & typeof routeKeys>>> &
  Readonly<Record<string, unknown>>;
/** Images by service. */
export type Images = Readonly<Partial<Record<string, ImageReference>>>;
export type ServicesInput = Readonly<Partial<Record<string, ServiceInput>>>;

const serviceShape = ({ route, options = {} }: ServiceDefinition): z.ZodRawShape => ({
  ...commonKeys,
  ...(route && routeKeys),
  ...options,
});

const services = z
  .object(
    Object.fromEntries(
      DEFINITIONS.map((definition) => [
        definition.name,
        z
          .strictObject(serviceShape(definition), expected("a map such as { enabled: true }"))
          .optional(),
      ]),
    ),
  )
  // config/rules.ts checks that the others have an image, and may have their name.
  .catchall(ownService)
  .transform((value) => value as unknown as ServicesInput);

/** The schema of each key of a service. */
export const shapeOf = (service: string): z.ZodRawShape => {
  const definition = DEFINITIONS.find(({ name }) => name === service);
  return definition === undefined ? ownShape : serviceShape(definition);
};

/**
 * The valid parts of an invalid `services` map, so that the remaining rules can still be checked. Services with an invalid
 * `enabled` are left out.
 */
export function readableServices(given: unknown): ServicesInput {
  if (!isMap(given)) return {};
  const names = new Set<string>([...SERVICE_NAMES, ...Object.keys(given)]);
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const input = given[name] ?? {};
      if (!isMap(input) || !commonKeys.enabled.safeParse(input.enabled).success) return [];
      const readable = Object.entries(shapeOf(name)).flatMap(([key, schema]) => {
        const { success, data } = z.safeParse(schema, input[key]);
        return success && data !== undefined ? [[key, data]] : [];
      });
      return [[name, Object.fromEntries(readable) as ServiceInput]];
    }),
  );
}

/** The valid lines of `images`, so that a malformed one does not hide problems of the others. */
export const readableImages = (given: unknown): Images =>
  !isMap(given)
    ? {}
    : Object.fromEntries(
        Object.entries(given).flatMap(([name, text]) => {
          const { success, data } = image.safeParse(text);
          return success ? [[name, data]] : [];
        }),
      );

const host = z
  .strictObject(
    {
      address: z.string(expected("ssh://user@host[:port] or unix:///path/to/docker.sock")),
      hostKey: z.string(expected('"ssh-ed25519 AAAA…" as a string')).optional(),
    },
    expected("a map with address and, for ssh, hostKey"),
  )
  .transform(({ address, hostKey }, context) => {
    const value = { address, ...(hostKey !== undefined && { hostKey }) };
    for (const { path, problem } of hostProblems(value))
      context.addIssue({ code: "custom", path: [path], message: problem });
    return value;
  });

const port = wholeNumber(1, 65535);
const address = z.union([z.ipv4(), z.ipv6()], expected("an IP address such as 127.0.0.1"));
const cidr = z.union([z.cidrv4(), z.cidrv6()], expected("a network such as 192.0.2.0/24"));

/** Of a stack's networks, which have 16 addresses each. */
const POOL = "a private IPv4 network of 16 to 24 bits, such as 10.201.0.0/16";
const networkPool = z.string(expected(POOL)).refine(isPrivatePool, expected(POOL));

const CA_SERVER = "an https:// URL without credentials";
const tls = z.discriminatedUnion(
  "mode",
  [
    z.strictObject({ mode: z.literal("none") }),
    z.strictObject({ mode: z.literal("selfSigned") }),
    z.strictObject({
      mode: z.literal("acme"),
      email: z.email(expected("an e-mail address")),
      dnsProvider: z.enum(Object.keys(DNS_PROVIDERS) as [DnsProvider, ...DnsProvider[]]),
      caServer: z
        .url({ protocol: /^https$/, ...expected(CA_SERVER) })
        .refine((url) => !/^[^/]*\/\/[^/]*@/.test(url), expected(CA_SERVER))
        .optional(),
    }),
  ],
  {
    // For an invalid mode, `input` is the whole map.
    error: ({ input }) =>
      isMap(input)
        ? expectation('"none", "selfSigned" or "acme"', input.mode)
        : expectation("a map such as { mode: none }", input),
  },
);

/** A registry host as in image references, with an optional port. */
const REGISTRY_HOST = /^[a-z0-9.[\]:-]+$/;
/** Other hosts of Docker Hub. Image references name it docker.io, so settings under these would have no effect. */
const HUB_HOSTS = /^(?:index|registry-1)\.docker\.io$/;
/** Hides credentials in case of user:password@host. */
const withoutLogin = (text: string): string => text.replace(/^.*@/s, "…@");
export const isRegistryHost = (host: string): boolean =>
  REGISTRY_HOST.test(host) && !HUB_HOSTS.test(host);
const registryHost = z.string().refine(isRegistryHost, {
  error: ({ input }) =>
    expectation(
      HUB_HOSTS.test(String(input))
        ? "docker.io for Docker Hub"
        : "a lower-case registry host such as ghcr.io or 127.0.0.1:5000",
      withoutLogin(String(input)),
    ),
});

/** Pulumi would decrypt the map, but commands that read only the stack file cannot. */
const ENCRYPTED_MAP =
  'the whole map is encrypted, so commands that read only the stack file cannot see which registries use plain http; encrypt only the passwords, with "npx pulumi config set --secret --path \'registries["HOST"].password\'"';

const login = z
  .string(expectedUnshown("a quoted string"))
  .min(1, expectedUnshown("a non-empty string"));
const registry = z
  .strictObject(
    { insecure: z.boolean().optional(), username: login.optional(), password: login.optional() },
    expectedUnshown("a map such as { insecure: true } or { username: …, password: … }"),
  )
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    message: "expected username and password together",
  })
  .transform(({ insecure, username, password }): RegistrySettings => ({
    ...(insecure !== undefined && { insecure }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  }));

/** Of an address, without user, path and query: Traefik sends everything that a visitor asks for. */
const BACKEND = "an address such as https://192.0.2.10:8443 without a path";
const backend = textLike(
  BACKEND,
  /^https?:\/\/(?:[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?\/?$/,
).refine((url) => URL.canParse(url), expected(BACKEND));

/** Pages that run elsewhere: on the host or on another machine. */
const elsewhere = z.strictObject(
  {
    ...routeKeys,
    host: dnsName,
    path: ownShape.path,
    url: backend,
    insecureSkipVerify: z
      .strictObject(
        { reason: z.string().min(10, "expected a reason of at least 10 characters").max(500) },
        expected("a map { reason: … }"),
      )
      .optional(),
  },
  expected("a map such as { host: mail.example.com, url: http://192.0.2.10:8080 }"),
);

/** Shorter ones are not masked in messages (text/redact.ts). */
const MIN_OWN_SECRET = 6;
/** The secrets of one's own services, by name. The messages never show a value. */
const ownSecrets = z.record(
  z
    .string()
    .regex(SECRET_NAME, "expected a name of letters, digits, - and _ that begins with a letter"),
  z
    .string(expectedUnshown("a text; quote a number"))
    .min(MIN_OWN_SECRET, expectedUnshown(`at least ${MIN_OWN_SECRET} characters`))
    .refine((text) => text.trim() === text && !text.includes("\0"), {
      message: "starts or ends with white space, or contains a NUL character",
    }),
  expectedUnshown("a map of secrets by name"),
);

/** Minutes, hours or days: `0`, `90m`, `12h`, `3d`. Parsed to milliseconds. */
const AGE = "an age such as 3d, 12h or 0";
const age = z.string(expected(AGE)).transform((text, context) => {
  const milliseconds = parseAge(text);
  if (milliseconds !== undefined) return milliseconds;
  context.addIssue({ code: "custom", message: expectation(AGE, text) });
  return z.NEVER;
});

/** Shorter ones explain nothing. */
const REASON = "a reason of at least 10 characters";
const ADVISORY_ID = "the id of an advisory, such as CVE-2026-12345 or GHSA-abcd-1234-efgh";

const LAST_DAY = "the last day, such as 2027-01-31";
/** Pulumi reads an unquoted day in a stack file as a time, and passes it on in the form of Go. */
const PULUMI_MIDNIGHT = / 00:00:00 \+0000 UTC$/;

/** A known hole in an image that a stack lives with. */
const acceptance = z
  .strictObject({
    id: textLike(ADVISORY_ID, /^(?:CVE-\d{4}-\d{4,7}|GHSA(?:-[a-z0-9]{4}){3})$/),
    reason: z.string(expected(REASON)).trim().min(10, expected(REASON)),
    until: z
      .string(expected(LAST_DAY))
      .meta({ format: "date" })
      .transform((text) => text.replace(PULUMI_MIDNIGHT, ""))
      .pipe(z.iso.date(expected(LAST_DAY))),
    while: z
      .enum(REACH_FACTS as [Fact, ...Fact[]], expected(`one of ${REACH_FACTS.join(", ")}`))
      .optional(),
  })
  .transform(({ while: fact, ...rest }) => ({
    ...rest,
    ...(fact !== undefined && { while: fact }),
  }));

const ENCRYPTED_LIST =
  "the whole list is encrypted, so commands that read only the stack file cannot see it; encrypt only the URLs, with \"npx pulumi config set --secret --path 'notify[0].url'\"";
const MAX_NOTIFIED = 20;

/** Where notifications go. The URLs are secrets, so that no message repeats one. */
const notify = z
  .array(
    z.strictObject(
      {
        url: z.string(expectedUnshown(NOTIFY_URL)).superRefine((text, context) => {
          // Of a stack file that is read without the passphrase.
          if (text === ENCRYPTED) return;
          const target = parseNotifyUrl(text);
          if ("problem" in target) context.addIssue({ code: "custom", message: target.problem });
        }),
        on: z
          .array(
            z.enum(NOTIFY_EVENTS, expected(`one of ${NOTIFY_EVENTS.join(", ")}`)),
            expected(`a list of ${NOTIFY_EVENTS.join(", ")}`),
          )
          .min(1, expected("at least one"))
          .default([...NOTIFY_EVENTS] as NotifyEvent[]),
      },
      expectedUnshown("a map such as { url: …, on: [failure, backup] }"),
    ),
    {
      error: (issue) =>
        issue.input === ENCRYPTED
          ? ENCRYPTED_LIST
          : expectedUnshown("a list of maps with url and on").error(issue),
    },
  )
  .max(MAX_NOTIFIED, `expected at most ${MAX_NOTIFIED} entries`);

/** Platforms as image indexes name them: Go's architectures with their variants. */
const PLATFORM =
  /^linux\/(?:386|amd64|arm(?:\/v[5-7])?|arm64(?:\/v8)?|loong64|mips64le|ppc64le|riscv64|s390x)$/;

/** All keys of the configuration. `fallback` is the default; keys without one are required. */
export const KEYS = {
  host: { schema: host },
  domain: { schema: dnsName },
  publish: {
    schema: z.strictObject({
      address: address.default("127.0.0.1"),
      http: port.default(80),
      https: port.default(443),
    }),
    fallback: {},
  },
  images: {
    schema: z
      .object(
        Object.fromEntries(SERVICE_NAMES.map((name) => [name, image.optional()])) as Record<
          ServiceName,
          z.ZodOptional<typeof image>
        >,
        expected("a map with one line per service: name:tag@sha256:…"),
      )
      .catchall(image),
  },
  trust: {
    schema: z.record(z.string(), trustPolicy, expected("a map keyed by service")),
    fallback: {},
  },
  accept: {
    schema: z.array(acceptance, expected("a list of maps with id, reason and until")),
    fallback: [],
  },
  requirePins: { schema: z.boolean(), fallback: false },
  checkTags: { schema: z.boolean(), fallback: true },
  minimumAge: { schema: age, fallback: "0" },
  platform: {
    schema: textLike("a platform such as linux/amd64 or linux/arm64", PLATFORM),
    fallback: "linux/amd64",
  },
  services: { schema: services, fallback: {} },
  secrets: { schema: ownSecrets, fallback: {} },
  routes: {
    schema: z.record(
      textLike("a name of lower-case letters, digits and hyphens", OWN_NAME),
      elsewhere,
      expected("a map of routes by name"),
    ),
    fallback: {},
  },
  redirects: {
    schema: z.record(dnsName, dnsName, expected("a map such as { www.example.com: example.com }")),
    fallback: {},
  },
  tls: { schema: tls, fallback: { mode: "none" } },
  adminAllow: { schema: z.array(cidr, expected("a list such as [192.0.2.0/24]")), fallback: [] },
  registries: {
    schema: z.record(registryHost, registry, {
      error: (issue) =>
        issue.input === ENCRYPTED
          ? ENCRYPTED_MAP
          : expectedUnshown("a map keyed by registry host").error(issue),
    }),
    fallback: {},
  },
  backups: {
    schema: z.strictObject({
      directory: textLike("an absolute path on the host", /^\/[\w./-]{1,200}$/).optional(),
      keep: wholeNumber(1, 1000).default(7),
    }),
    fallback: {},
  },
  notify: { schema: notify, fallback: [] },
  networkPool: { schema: networkPool, fallback: "10.201.0.0/16" },
  trial: {
    schema: z.strictObject({ atMost: wholeNumber(1, 1440).default(15) }),
    fallback: {},
  },
} as const satisfies Record<string, { schema: z.ZodType; fallback?: unknown }>;

export type ConfigKey = keyof typeof KEYS;
export type ParsedKeys = { readonly [K in ConfigKey]: z.output<(typeof KEYS)[K]["schema"]> };
