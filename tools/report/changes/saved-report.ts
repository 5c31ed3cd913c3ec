/** Reads a report that was saved as JSON. Pure. */
import { z } from "zod";

import { expected, pathPart, zodMessage } from "../../../text/messages";
import { CisVerdict } from "../cis/cis";
import { oneLine } from "../../../text/one-line";
import { SecretView } from "../view/secrets";
import { ContainerView, StackView } from "../view/stack";

/**
 * A report that this program or an older one saved: controls and secrets may have had other names then, and fields that
 * are newer are not there.
 */
export type SavedView = SavedBefore<Omit<StackView, "containers" | "secrets">, Newer> & {
  readonly containers: readonly SavedContainer[];
  readonly secrets: readonly (Omit<SecretView, "name"> & { readonly name: string })[];
};

type Newer = (typeof NEWER)[number];
/** Fields that older reports do not have. */
const NEWER = ["entrance", "socketReads", "insecureRegistries", "requirePins"] as const;

export type SavedContainer = SavedBefore<
  Omit<ContainerView, "exemptions">,
  "capDrop" | "writableHostPaths"
> & {
  readonly exemptions: readonly SavedExemption[];
};

type SavedBefore<View, Key extends keyof View> = Omit<View, Key> & Partial<Pick<View, Key>>;

interface SavedExemption {
  readonly control: string;
  readonly value: string | boolean | readonly (string | number)[];
  readonly reason: string;
}

export class SavedViewError extends Error {
  override readonly name = "SavedViewError";
}

const number = z.number(expected("a number"));
const texts = z.array(z.string());
const exemption = z.object({
  control: z.string(),
  value: z.union(
    [z.string(), z.boolean(), z.array(z.union([z.string(), number]))],
    expected("true, false, a text, or a list of texts or numbers"),
  ),
  reason: z.string(),
});
const verdict = z.enum(["pass", "exempt", "finding", "not applicable", "host"]);
verdict satisfies z.ZodType<CisVerdict>;

const VIEW = z.object({
  version: z.literal(1),
  stack: z.string(),
  platform: z.string(),
  images: z.array(
    z.object({
      service: z.string(),
      registry: z.string(),
      repository: z.string(),
      tag: z.string().exactOptional(),
      digest: z.string().exactOptional(),
      pinned: z.boolean(),
    }),
  ),
  insecureRegistries: texts.exactOptional(),
  requirePins: z.boolean().exactOptional(),
  containers: z.array(
    z.object({
      name: z.string(),
      service: z.string(),
      image: z.string(),
      user: z.string(),
      capDrop: texts.exactOptional(),
      capabilities: texts,
      readOnlyRootfs: z.boolean(),
      noNewPrivileges: z.boolean(),
      dockerSocket: z.boolean(),
      hostPaths: texts,
      writableHostPaths: texts.exactOptional(),
      healthCheck: z.boolean(),
      memoryMiB: number,
      cpus: number,
      pidsLimit: number,
      openFiles: number,
      scratch: texts,
      networks: texts,
      order: z.enum(["start first", "stop first"]),
      exemptions: z.array(exemption),
    }),
  ),
  entrance: z
    .object({
      tls: z.enum(["none", "selfSigned", "acme"]),
      caServer: z
        .url({ protocol: /^https$/, ...expected("an address that begins with https://") })
        .exactOptional(),
      dnsProvider: z.string().exactOptional(),
      adminAllow: z.array(
        z.union([z.cidrv4(), z.cidrv6()], expected("a network such as 192.0.2.0/24")),
      ),
      routes: z.array(z.object({ host: z.string(), service: z.string(), admin: z.boolean() })),
      contentSecurityPolicy: z.string().exactOptional(),
    })
    .exactOptional(),
  networks: z.array(z.object({ name: z.string(), internal: z.boolean(), members: texts })),
  ports: z.array(
    z.object({
      address: z.union([z.ipv4(), z.ipv6()], expected("an IP address such as 127.0.0.1")),
      published: number,
      protocol: z.string(),
      container: z.string(),
      internal: number,
    }),
  ),
  volumes: z.array(
    z.object({
      name: z.string(),
      role: z.enum(["data", "files", "secrets"]),
      owner: z.string(),
      mounts: z.array(z.object({ container: z.string(), path: z.string(), readOnly: z.boolean() })),
      files: texts,
    }),
  ),
  secrets: z.array(
    z.object({
      name: z.string(),
      readers: z.array(
        z.object({
          container: z.string(),
          by: z.enum(["file", "environment"]),
          at: z.string(),
        }),
      ),
    }),
  ),
  socketReads: z.array(z.object({ container: z.string(), reads: texts })).exactOptional(),
  helpers: z.array(
    z.object({
      name: z.string(),
      user: z.string(),
      capabilities: texts,
      starts: z.boolean(),
    }),
  ),
  cis: z.object({
    edition: z.string(),
    findings: number,
    justified: number,
    results: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        container: z.string(),
        verdict,
        detail: z.string(),
        reason: z.string().exactOptional(),
      }),
    ),
  }),
}) satisfies z.ZodType<SavedView>;

/** What cannot be compared with an older report, by its fields. */
export function notCompared(saved: SavedView): string[] {
  const { entrance } = saved;
  const routed = entrance?.routes.some(({ service }) => service === "homepage") ?? false;
  const ofEntrance = [
    ...(entrance?.tls === "acme" ? (["caServer", "dnsProvider"] as const) : []),
    ...(routed ? (["contentSecurityPolicy"] as const) : []),
  ];
  return [
    ...NEWER.filter((field) => saved[field] === undefined),
    ...ofEntrance.filter((field) => entrance?.[field] === undefined).map((f) => `entrance.${f}`),
  ];
}

/** The way out where there is no report that can be compared. */
export const saveCommand = (stack: string, file: string): string =>
  `save one with "npm run -s report -- --stack ${stack} --format json > ${file}"`;

/** Problems that are told; a file that is something else has hundreds. */
const MOST_PROBLEMS = 5;

/**
 * Throws a {@link SavedViewError} that names the file and what is wrong with it.
 * @param stack that it is to be compared with, for the way out.
 */
export function parseSavedView(text: string, file: string, stack: string): SavedView {
  const save = saveCommand(stack, file);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new SavedViewError(`${file}: is no JSON; ${save}`);
  }
  const parsed = VIEW.safeParse(json, { error: zodMessage });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    oneLine(`${path.map((part) => pathPart(String(part))).join(".") || "at its top"}: ${message}`),
  );
  const more = problems.length - MOST_PROBLEMS;
  const lines = [...problems.slice(0, MOST_PROBLEMS), ...(more > 0 ? [`and ${more} more`] : [])];
  throw new SavedViewError(
    `${file}: is no report of version 1:\n${lines.map((line) => `  ${line}\n`).join("")}${save}`,
  );
}
