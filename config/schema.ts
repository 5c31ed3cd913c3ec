/**
 * The shape of each configuration key, as zod schemas; what a service brings of its own comes from its definition. Pure.
 * What keys mean together is checked in rules.ts. Every message completes the sentence "<path>: …" and says what to write
 * instead.
 */
import { z } from "zod";

import { EXEMPTIBLE, Exemptible, Exemption } from "../components/hardened/policy";
import { DNS_PROVIDERS, DnsProvider } from "../components/ingress";
import { DEFINITIONS, SecretName, SERVICE_NAMES, ServiceName } from "../components/services";
import { SecretSpec, ServiceDefinition } from "../components/services/definition";
import {
  between,
  ENCRYPTED,
  expectation,
  expected,
  isMap,
  textLike,
  unshown,
  whole,
} from "../text/messages";
import { hostProblems } from "../host/address";
import { parseAge } from "../images/age";
import { RegistrySettings } from "../images/registry/origin";
import { ImageReference, parseReference } from "../images/reference";

/** The secrets of all services, in their order. */
export const SECRETS = Object.fromEntries(
  DEFINITIONS.flatMap(({ secrets = {} }) => Object.entries(secrets)),
) as Readonly<Record<SecretName, SecretSpec>>;
export const SECRET_NAMES = Object.keys(SECRETS) as readonly SecretName[];

/** Whose last part is no number, which would make it an IP address (https://url.spec.whatwg.org, ends-in-a-number checker). */
const DNS_NAME =
  /^(?=.{1,253}$)(?!(?:.*\.)?(?:\d+|0x[0-9a-f]*)$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const dnsName = textLike("a host name in lower case such as example.com, no IP address", DNS_NAME);

const image = z
  .string(expected("name:tag@sha256:… as a text"))
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
 * Controls that a stack may leave for a service. The others follow from what the service is: its user owns its data, its
 * ports and mounts are in its file, and so are their reasons.
 */
export const EXEMPTIBLE_BY_STACK: readonly Exemptible[] = [
  "capabilities",
  "readOnlyRootfs",
  "noNewPrivileges",
];

const exemption = z
  .strictObject({
    // The others, too: whoever knows their names is told where they are changed (config/rules.ts).
    control: z.enum(EXEMPTIBLE, expected(`one of ${EXEMPTIBLE_BY_STACK.join(", ")}`)),
    value: z.union(
      [z.string(), z.boolean(), z.array(z.union([z.string(), z.number()]))],
      expected("the control's value: true, false, a text, or a list of texts or numbers"),
    ),
    reason: z.string(expected("a text that says why")),
  })
  // The value is checked against its control together with all exemptions of the service (components/hardened/policy.ts).
  .transform((value) => value as Exemption);

const common = {
  enabled: z.boolean().optional(),
  memoryMiB: whole(6, 65536).optional(),
  // As finely as Docker is told (components/hardened/container.ts).
  cpus: between(
    "a number with three decimals at most",
    0.01,
    64,
    (cpus) => Number(cpus.toFixed(3)) === cpus,
  ).optional(),
  pidsLimit: whole(1, 32768).optional(),
  exemptions: z.array(exemption).optional(),
  host: dnsName.optional(),
};

/** What a stack says of a service. Keys of one service alone are checked by its own schema. */
export type ServiceInput = Partial<z.output<z.ZodObject<typeof common>>> &
  Readonly<Record<string, unknown>>;
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
 * What can be read of services that have a problem somewhere, so that all else about them is checked as well. Left out are
 * those of which nobody can tell whether they are on.
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

const host = z
  .strictObject(
    {
      address: z.string(expected("ssh://user@host[:port] or unix:///path/to/docker.sock")),
      hostKey: z.string(expected('"ssh-ed25519 AAAA…" as a text')).optional(),
    },
    expected("a map with address and, for ssh, hostKey"),
  )
  .transform(({ address, hostKey }, context) => {
    const value = { address, ...(hostKey !== undefined && { hostKey }) };
    for (const { path, problem } of hostProblems(value))
      context.addIssue({ code: "custom", path: [path], message: problem });
    return value;
  });

const port = whole(1, 65535);
const address = z.union([z.ipv4(), z.ipv6()], expected("an IP address such as 127.0.0.1"));
const cidr = z.union([z.cidrv4(), z.cidrv6()], expected("a network such as 192.0.2.0/24"));

const CA_SERVER = "an address that begins with https://, without a login";
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
    // It gets the whole map where only the mode in it is wrong.
    error: ({ input }) =>
      isMap(input)
        ? expectation('"none", "selfSigned" or "acme"', input.mode)
        : expectation("a map such as { mode: none }", input),
  },
);

/** As it stands in image references, with a port where there is one. */
const REGISTRY_HOST = /^[a-z0-9.[\]:-]+$/;
/** Hosts of Docker Hub that no image is looked for under. */
const HUB_HOSTS = /^(?:index|registry-1)\.docker\.io$/;
/** Some write user:password@host. */
const withoutLogin = (text: string): string => text.replace(/^.*@/s, "…@");
export const isRegistryHost = (host: string): boolean =>
  REGISTRY_HOST.test(host) && !HUB_HOSTS.test(host);
const registryHost = z.string().refine(isRegistryHost, {
  error: ({ input }) =>
    expectation(
      HUB_HOSTS.test(String(input))
        ? "docker.io, as Docker Hub is called here"
        : "a registry host in lower case such as ghcr.io or 127.0.0.1:5000",
      withoutLogin(String(input)),
    ),
});

/** Pulumi decrypts it, but what reads the file alone is left with nothing. */
const AS_A_WHOLE =
  'is encrypted as a whole, so nobody knows which registries speak plain http; encrypt only the passwords, with "npx pulumi config set --secret --path \'registries["HOST"].password\'"';

const login = z.string(unshown("a text, quote it")).min(1, unshown("a text that is not empty"));
const registry = z
  .strictObject(
    { insecure: z.boolean().optional(), username: login.optional(), password: login.optional() },
    unshown("a map such as { insecure: true } or { username: …, password: … }"),
  )
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    message: "expected username and password together",
  })
  .transform(({ insecure, username, password }): RegistrySettings => ({
    ...(insecure !== undefined && { insecure }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  }));

/** A number of minutes, hours or days: `0`, `90m`, `12h`, `3d`. In milliseconds once parsed. */
const AGE = "an age such as 3d, 12h or 0";
const age = z.string(expected(AGE)).transform((text, context) => {
  const milliseconds = parseAge(text);
  if (milliseconds !== undefined) return milliseconds;
  context.addIssue({ code: "custom", message: expectation(AGE, text) });
  return z.NEVER;
});

/** Those that images are made for: architectures of Go with their variants, as the image index names them. */
const PLATFORM =
  /^linux\/(?:386|amd64|arm(?:\/v[5-7])?|arm64(?:\/v8)?|loong64|mips64le|ppc64le|riscv64|s390x)$/;

/** Every key of the configuration. `fallback` is what applies where a stack says nothing; without one it must. */
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
      expected("a map, one line a service: name:tag@sha256:…"),
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
        issue.input === ENCRYPTED ? AS_A_WHOLE : unshown("a map by registry host").error(issue),
    }),
    fallback: {},
  },
  backups: {
    schema: z.strictObject({
      directory: textLike("an absolute path on the host", /^\/[\w./-]{1,200}$/).optional(),
      keep: whole(1, 1000).default(7),
    }),
    fallback: {},
  },
} as const satisfies Record<string, { schema: z.ZodType; fallback?: unknown }>;

export type ConfigKey = keyof typeof KEYS;
export type ParsedKeys = { readonly [K in ConfigKey]: z.output<(typeof KEYS)[K]["schema"]> };
