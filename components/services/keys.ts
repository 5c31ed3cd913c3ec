/** The zod schemas of keys that several services have in the configuration. Pure. */
import { z } from "zod";

import { between, expected, textLike, wholeNumber } from "../../text/messages";
import { EXEMPTIBLE, Exemptible, Exemption, LIMIT_BOUNDS } from "../hardened/policy";

/** The last label must not be a number: URL parsers take such a host for an IPv4 address (https://url.spec.whatwg.org). */
const DNS_NAME =
  /^(?=.{1,253}$)(?!(?:.*\.)?(?:\d+|0x[0-9a-f]*)$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
export const dnsName = textLike(
  "a lower-case host name such as example.com, not an IP address",
  DNS_NAME,
);

/**
 * Controls that a stack's configuration can exempt for the services of this program. The others depend on the service itself
 * (its user owns the data, it defines the ports and mounts), so their exemptions belong in the service definition.
 */
export const EXEMPTIBLE_BY_STACK: readonly Exemptible[] = [
  "capabilities",
  "readOnlyRootfs",
  "noNewPrivileges",
];

/** For a service of one's own: everything but the Docker socket. */
const EXEMPTIBLE_FOR_OWN: readonly Exemptible[] = EXEMPTIBLE.filter(
  (control) => control !== "dockerSocket",
);

const exemptionOf = (exemptible: readonly Exemptible[]) =>
  z
    .strictObject({
      // Accepts all controls: config/rules.ts rejects the others with a more specific message.
      control: z.enum(EXEMPTIBLE, expected(`one of ${exemptible.join(", ")}`)),
      value: z.union(
        [z.string(), z.boolean(), z.array(z.union([z.string(), z.number()]))],
        expected("the control's value: true, false, a string, or a list of strings or numbers"),
      ),
      reason: z.string(expected("a string that explains the exemption")),
    })
    // components/hardened/policy.ts checks the value against its control.
    .transform((value) => value as Exemption);

/** A name in `secrets`, and of the file that holds it. */
export const SECRET_NAME = /^[A-Za-z][\w-]{0,62}$/;
const FILE_NAME = /^(?!\.{1,2}$)[\w.-]{1,100}$/;

const SECRET = "the name of a secret, or { source: name, target: file name }";
const secretFile = z
  .union(
    [
      z.string().regex(SECRET_NAME),
      z.strictObject({
        source: textLike("the name of a secret", SECRET_NAME),
        target: textLike("a file name such as api.key, without a folder", FILE_NAME),
      }),
    ],
    expected(SECRET),
  )
  .transform((given) => (typeof given === "string" ? { source: given, target: given } : given));

const service = textLike("the name of a service", /^[a-z][a-z0-9-]{0,40}$/);

const LOGIN_PATH = "a path such as /api/authz/forward-auth";
const login = z
  .union(
    [
      z.string().regex(/^[a-z][a-z0-9-]{0,40}$/),
      z.strictObject({
        service,
        path: textLike(LOGIN_PATH, /^\/[\w./~-]{0,200}$/),
      }),
    ],
    expected("the name of a service, or { service: name, path: /path }"),
  )
  .transform((given) => (typeof given === "string" ? { service: given, path: "/" } : given));

/** Of services with pages. */
export const routeKeys = {
  /** Default `<name>.<domain>`. */
  host: dnsName.optional(),
  /** Further host names with the same pages. */
  aliases: z.array(dnsName, expected("a list of host names")).optional(),
  /** Whether only the networks in `adminAllow` have access. */
  admin: z.boolean().optional(),
  /** The service that Traefik asks before each request, and the path there. */
  login: login.optional(),
};

/** A scalar that YAML may have read as a number or a boolean, although a variable is always a text. */
const VALUE = "a quoted string";
const environment = z.record(
  z.string().regex(/^[A-Za-z_]\w{0,200}$/, "expected a name of letters, digits and _"),
  z.string(expected(VALUE)).refine((text) => !text.includes("\0"), "expected no NUL character"),
  expected("a map of variables and quoted strings"),
);

/** Of services that run a container, the program's own and others. */
export const commonKeys = {
  enabled: z.boolean().optional(),
  memoryMiB: wholeNumber(...LIMIT_BOUNDS.memoryMiB).optional(),
  // components/hardened/container.ts passes three decimals to Docker.
  cpus: between(
    "a number with at most three decimals",
    ...LIMIT_BOUNDS.cpus,
    (cpus) => Number(cpus.toFixed(3)) === cpus,
  ).optional(),
  pidsLimit: wholeNumber(...LIMIT_BOUNDS.pidsLimit).optional(),
  exemptions: z.array(exemptionOf(EXEMPTIBLE_BY_STACK)).optional(),
  environment: environment.optional(),
  /** Secrets of the map `secrets`, as files. */
  secrets: z.array(secretFile, expected("a list of secrets")).optional(),
  /** Services that it connects to. */
  links: z.array(service, expected("a list of services")).optional(),
};

/** {@link commonKeys} of a service of one's own. */
export const ownCommonKeys = {
  ...commonKeys,
  exemptions: z.array(exemptionOf(EXEMPTIBLE_FOR_OWN)).optional(),
};

/** What a stack says of any service beyond its limits and exemptions, with defaults. */
export interface ServiceExtras {
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly { readonly source: string; readonly target: string }[];
  readonly links: readonly string[];
  readonly aliases: readonly string[];
  readonly admin?: boolean;
  readonly login?: Login;
}

/** Who is asked before each request: Traefik's forward authentication. */
export interface Login {
  readonly service: string;
  readonly path: string;
}
