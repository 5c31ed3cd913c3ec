/**
 * The zod schema of each configuration key. Keys of a single service come from its definition. Rules that span several
 * keys are in rules.ts. Messages continue the line "<path>: …" and say what was expected. Pure.
 */
import { z } from "zod";

import { EXEMPTIBLE, Exemptible, Exemption, LIMIT_BOUNDS } from "../components/hardened/policy";
import { DNS_PROVIDERS, DnsProvider } from "../components/ingress";
import { DEFINITIONS, SecretName, SERVICE_NAMES, ServiceName } from "../components/services";
import { SecretSpec, ServiceDefinition } from "../components/services/definition";
import {
  between,
  ENCRYPTED,
  expectation,
  expected,
  isMap,
  expectedUnshown,
  textLike,
  wholeNumber,
} from "../text/messages";
import { hostProblems } from "../host/address";
import { parseAge } from "../images/age";
import { RegistrySettings } from "../images/registry/origin";
import { ImageReference, parseReference } from "../images/reference";

/** The secrets of all services, by name. */
export const SECRETS = Object.fromEntries(
  DEFINITIONS.flatMap(({ secrets = {} }) => Object.entries(secrets)),
) as Readonly<Record<SecretName, SecretSpec>>;
export const SECRET_NAMES = Object.keys(SECRETS) as readonly SecretName[];

/** The last label must not be a number: URL parsers take such a host for an IPv4 address (https://url.spec.whatwg.org). */
const DNS_NAME =
  /^(?=.{1,253}$)(?!(?:.*\.)?(?:\d+|0x[0-9a-f]*)$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const dnsName = textLike("a lower-case host name such as example.com, not an IP address", DNS_NAME);

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

/**
 * Controls that a stack's configuration can exempt. The others depend on the service itself (its user owns the data, it
 * defines the ports and mounts), so their exemptions belong in the service definition.
 */
export const EXEMPTIBLE_BY_STACK: readonly Exemptible[] = [
  "capabilities",
  "readOnlyRootfs",
  "noNewPrivileges",
];

const exemption = z
  .strictObject({
    // Accepts all controls: config/rules.ts rejects the others with a more specific message.
    control: z.enum(EXEMPTIBLE, expected(`one of ${EXEMPTIBLE_BY_STACK.join(", ")}`)),
    value: z.union(
      [z.string(), z.boolean(), z.array(z.union([z.string(), z.number()]))],
      expected("the control's value: true, false, a string, or a list of strings or numbers"),
    ),
    reason: z.string(expected("a string that explains the exemption")),
  })
  // components/hardened/policy.ts checks the value against its control.
  .transform((value) => value as Exemption);

const common = {
  enabled: z.boolean().optional(),
  memoryMiB: wholeNumber(...LIMIT_BOUNDS.memoryMiB).optional(),
  // components/hardened/container.ts passes three decimals to Docker.
  cpus: between(
    "a number with at most three decimals",
    ...LIMIT_BOUNDS.cpus,
    (cpus) => Number(cpus.toFixed(3)) === cpus,
  ).optional(),
  pidsLimit: wholeNumber(...LIMIT_BOUNDS.pidsLimit).optional(),
  exemptions: z.array(exemption).optional(),
  host: dnsName.optional(),
};

/** The configuration of a service as given. The schema of the service validates its own keys. */
export type ServiceInput = Partial<z.output<z.ZodObject<typeof common>>> &
  Readonly<Record<string, unknown>>;
/** Images by service. */
export type Images = Readonly<Partial<Record<string, ImageReference>>>;
export type ServicesInput = Readonly<Partial<Record<ServiceName, ServiceInput>>>;

function serviceShape({ route, options = {} }: ServiceDefinition): z.ZodRawShape {
  const { host, ...others } = common;
  return { ...others, ...(route && { host }), ...options };
}

const services = z
  .strictObject(
    Object.fromEntries(
      DEFINITIONS.map((definition) => [
        definition.name,
        z
          .strictObject(serviceShape(definition), expected("a map such as { enabled: true }"))
          .optional(),
      ]),
    ),
  )
  .transform((value) => value as ServicesInput);

/**
 * The valid parts of an invalid `services` map, so that the remaining rules can still be checked. Services with an invalid
 * `enabled` are left out.
 */
export function readableServices(given: unknown): ServicesInput {
  if (!isMap(given)) return {};
  return Object.fromEntries(
    DEFINITIONS.flatMap((definition) => {
      const input = given[definition.name] ?? {};
      if (!isMap(input) || !common.enabled.safeParse(input.enabled).success) return [];
      const readable = Object.entries(serviceShape(definition)).flatMap(([key, schema]) => {
        const { success, data } = z.safeParse(schema, input[key]);
        return success && data !== undefined ? [[key, data]] : [];
      });
      return [[definition.name, Object.fromEntries(readable) as object]];
    }),
  );
}

/** The valid lines of `images`, so that a malformed one does not hide problems of the others. */
export const readableImages = (given: unknown): Images =>
  !isMap(given)
    ? {}
    : Object.fromEntries(
        SERVICE_NAMES.flatMap((name) => {
          const { success, data } = image.safeParse(given[name]);
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

/** Minutes, hours or days: `0`, `90m`, `12h`, `3d`. Parsed to milliseconds. */
const AGE = "an age such as 3d, 12h or 0";
const age = z.string(expected(AGE)).transform((text, context) => {
  const milliseconds = parseAge(text);
  if (milliseconds !== undefined) return milliseconds;
  context.addIssue({ code: "custom", message: expectation(AGE, text) });
  return z.NEVER;
});

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
    schema: z.strictObject(
      Object.fromEntries(SERVICE_NAMES.map((name) => [name, image.optional()])) as Record<
        ServiceName,
        z.ZodOptional<typeof image>
      >,
      expected("a map with one line per service: name:tag@sha256:…"),
    ),
  },
  requirePins: { schema: z.boolean(), fallback: false },
  checkTags: { schema: z.boolean(), fallback: true },
  minimumAge: { schema: age, fallback: "0" },
  platform: {
    schema: textLike("a platform such as linux/amd64 or linux/arm64", PLATFORM),
    fallback: "linux/amd64",
  },
  services: { schema: services, fallback: {} },
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
  trial: {
    schema: z.strictObject({ atMost: wholeNumber(1, 1440).default(15) }),
    fallback: {},
  },
} as const satisfies Record<string, { schema: z.ZodType; fallback?: unknown }>;

export type ConfigKey = keyof typeof KEYS;
export type ParsedKeys = { readonly [K in ConfigKey]: z.output<(typeof KEYS)[K]["schema"]> };
