/** Parses a saved JSON report of this or an older version of the program. Pure. */
import { z } from "zod";

import { oneLine } from "../../../text/one-line";
import { expected, pathPart, zodMessage } from "../../../text/messages";
import { CommandError } from "../../cli/command";
import { VERDICTS } from "../cis/cis";

/** Readonly, so that a StackView is assignable to {@link SavedView}. */
const list = <T extends z.ZodType>(item: T) => z.array(item).readonly();

const text = z.string();
const texts = list(text);
const flag = z.boolean();
const number = z.number(expected("a number"));

const container = z.object({
  name: text,
  service: text,
  user: text,
  privileged: flag.exactOptional(),
  capDrop: texts.exactOptional(),
  capabilities: texts,
  readOnlyRootfs: flag,
  noNewPrivileges: flag,
  dockerSocket: flag,
  hostPaths: texts,
  hostCgroups: flag.exactOptional(),
  writableHostPaths: texts.exactOptional(),
  devices: texts.exactOptional(),
  healthCheck: flag,
  memoryMiB: number,
  cpus: number,
  pidsLimit: number,
  openFiles: number,
  exemptions: list(z.object({ control: text, reason: text })),
});

const ingressSchema = z.object({
  tls: z.enum(["none", "selfSigned", "acme"]),
  caServer: z
    .url({ protocol: /^https$/, ...expected("an address that begins with https://") })
    .exactOptional(),
  dnsProvider: text.exactOptional(),
  adminAllow: list(z.union([z.cidrv4(), z.cidrv6()], expected("a network such as 192.0.2.0/24"))),
  routes: list(
    z.object({
      ...{ host: text, service: text, admin: flag },
      ...{ publicPaths: texts.exactOptional(), adminPaths: texts.exactOptional() },
      ...{ aliases: texts.exactOptional(), path: text.exactOptional() },
      ...{ login: text.exactOptional(), url: text.exactOptional() },
      insecureSkipVerify: text.exactOptional(),
    }),
  ),
  contentSecurityPolicy: text.exactOptional(),
});

/**
 * The fields that are compared. Names of controls and secrets may be from another version. Optional fields are not in reports
 * of the first versions.
 */
const VIEW = z.object({
  version: z.literal(1),
  stack: text,
  platform: text,
  images: list(
    z.object({
      service: text,
      registry: text,
      repository: text,
      tag: text.exactOptional(),
      digest: text.exactOptional(),
      pinned: flag,
    }),
  ),
  insecureRegistries: texts.exactOptional(),
  requirePins: flag.exactOptional(),
  containers: list(container),
  ingress: ingressSchema.exactOptional(),
  networks: list(z.object({ name: text, internal: flag, members: texts })),
  ports: list(
    z.object({
      address: z.union([z.ipv4(), z.ipv6()], expected("an IP address such as 127.0.0.1")),
      published: number,
      protocol: text,
      container: text,
      internal: number,
    }),
  ),
  volumes: list(
    z.object({ name: text, mounts: list(z.object({ container: text, readOnly: flag })) }),
  ),
  secrets: list(
    z.object({
      name: text,
      readers: list(z.object({ container: text, by: z.enum(["file", "environment"]), at: text })),
    }),
  ),
  socketReads: list(z.object({ container: text, reads: texts })).exactOptional(),
  cis: z.object({
    results: list(z.object({ id: text, container: text, verdict: z.enum(VERDICTS), detail: text })),
  }),
});

export type SavedView = z.output<typeof VIEW>;
export type SavedRoute = z.output<typeof ingressSchema>["routes"][number];
export type SavedContainer = SavedView["containers"][number];

/** Fields that an older report lacks. */
export function notCompared(saved: SavedView): string[] {
  const { ingress, socketReads, insecureRegistries, requirePins } = saved;
  const values = {
    ...{ ingress, socketReads, insecureRegistries, requirePins },
    ...(ingress?.tls === "acme" && {
      "ingress.caServer": ingress.caServer,
      "ingress.dnsProvider": ingress.dnsProvider,
    }),
    ...(ingress?.routes.some(({ service }) => service === "homepage") && {
      "ingress.contentSecurityPolicy": ingress.contentSecurityPolicy,
    }),
  };
  return Object.entries(values).flatMap(([field, value]) => (value === undefined ? [field] : []));
}

/** The remedy if there is no valid report. */
export const saveCommand = (stack: string, file: string): string =>
  `save one with "npm run -s report -- --stack ${stack} --format json > ${file}"`;

/** Problems to list: a file of another kind has hundreds. */
const MAX_PROBLEMS = 5;

/**
 * Throws a {@link CommandError} with the problems of the file.
 *
 * @param stack for the remedy
 */
export function parseSavedView(content: string, file: string, stack: string): SavedView {
  const save = saveCommand(stack, file);
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new CommandError(`${file}: is not JSON; ${save}`);
  }
  const parsed = VIEW.safeParse(value, { error: zodMessage });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    oneLine(`${path.map((part) => pathPart(String(part))).join(".") || "top level"}: ${message}`),
  );
  const more = problems.length - MAX_PROBLEMS;
  const lines = [...problems.slice(0, MAX_PROBLEMS), ...(more > 0 ? [`and ${more} more`] : [])];
  throw new CommandError(
    `${file}: is not a report of version 1:\n${lines.map((line) => `  ${line}\n`).join("")}${save}`,
  );
}
