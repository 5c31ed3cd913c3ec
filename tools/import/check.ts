/** Checks entries with the stack's own rules, before anything is written. */
import { HardeningError } from "../../components/hardened/policy";
import { ConfigError } from "../../config/config";
import { type StackFile } from "../../config/file/read";
import { fromJson, fullKey } from "../../config/file/yaml";
import { formatReference } from "../../images/reference";
import { isMap } from "../../text/messages";
import { UserError } from "../../text/user-error";
import { loadStack } from "../model/load";
import { type Imported, type ImportedService, withReach } from "./convert";
import { type Entry } from "./entry";

/** Stands for every reason that is still to be filled in. */
const REASON = "to be filled in by whoever imports it";

/**
 * Services whose entries the stack would not accept are refused, with its own words. Others lose their links to them, which
 * may make them unacceptable too, and so on.
 */
export function checked(imported: Imported, given: StackFile): Imported {
  // "npm run pin" adds digests afterwards.
  const file = { ...given, config: { ...given.config, [fullKey("requirePins")]: "false" } };
  const before = new Set(problemsOf(file));
  let current = imported;
  // Each round refuses at least one service.
  for (let round = 0; round <= imported.services.length; round++) {
    const entries = current.services.filter(({ entry }) => entry !== undefined);
    const problems = problemsOf(withEntries(file, current)).filter((line) => !before.has(line));
    if (problems.length === 0) return current;
    const refused = new Map(
      entries.map(({ name }) => [name, problems.filter((line) => isAbout(line, name))]),
    );
    const known = [...refused.values()].flat();
    const other = problems.filter((line) => !known.includes(line));
    // Nobody knows whose problem it is: then no entry can be written.
    if (known.length === 0) for (const { name } of entries) refused.set(name, other);
    current = without(current, refused);
  }
  return current;
}

/** Whether a problem is that of a service: `services.app.host: …`, `images.app: …`, `app: …`. */
const isAbout = (line: string, service: string): boolean =>
  ["services.", "images.", ""].some((prefix) =>
    [":", "."].some((end) => line.startsWith(`${prefix}${service}${end}`)),
  );

function problemsOf(file: StackFile): readonly string[] {
  try {
    loadStack(file, { placeholders: true });
    return [];
  } catch (error) {
    if (error instanceof ConfigError || error instanceof HardeningError) return error.problems;
    if (error instanceof UserError) return [error.message];
    throw error;
  }
}

function withEntries(file: StackFile, { services }: Imported): StackFile {
  const entries = services.flatMap(({ name, image, entry }) =>
    entry === undefined || image === undefined ? [] : [{ name, image, entry }],
  );
  const merged = (key: string, added: Readonly<Record<string, unknown>>): [string, string] => {
    const full = fullKey(key);
    const given = fromJson(file.config[full] ?? "{}");
    return [full, JSON.stringify({ ...(isMap(given) ? given : {}), ...added })];
  };
  return {
    ...file,
    config: {
      ...file.config,
      ...Object.fromEntries([
        merged(
          "images",
          Object.fromEntries(entries.map(({ name, image }) => [name, formatReference(image)])),
        ),
        merged(
          "services",
          Object.fromEntries(entries.map(({ name, entry }) => [name, withReasons(entry)])),
        ),
      ]),
    },
  };
}

const withReasons = (entry: Entry): Entry => ({
  ...entry,
  ...(entry.exemptions && {
    exemptions: entry.exemptions.map((exemption) => ({ ...exemption, reason: REASON })),
  }),
});

/** Without the entries of refused services, and without what names them. */
function without(imported: Imported, refused: ReadonlyMap<string, readonly string[]>): Imported {
  const gone = new Set([...refused].flatMap(([name, lines]) => (lines.length > 0 ? [name] : [])));
  const services = imported.services.map((service): ImportedService => {
    const { name, entry, findings } = service;
    if (entry === undefined) return service;
    if (gone.has(name)) {
      const { compose, image } = service;
      const said = (refused.get(name) ?? []).map((line) => ({
        kind: "refused" as const,
        what: "the stack would not accept its entry",
        instead: line,
      }));
      return {
        ...{ compose, name },
        ...(image !== undefined && { image }),
        findings: [...findings, ...said],
      };
    }
    return withoutNames(service, entry, gone);
  });
  return {
    ...imported,
    services,
    secrets: imported.secrets.filter(({ readers }) => [...readers].some((one) => !gone.has(one))),
    data: imported.data.filter(({ service }) => !gone.has(service)),
  };
}

function withoutNames(
  service: ImportedService,
  entry: Entry,
  gone: ReadonlySet<string>,
): ImportedService {
  const lost = new Set<string>();
  const keep = (name: string): boolean => {
    if (gone.has(name)) lost.add(name);
    return !gone.has(name);
  };
  const { depends_on, links, volumes, login, ...rest } = entry;
  const kept = {
    depends_on: depends_on?.filter(keep),
    links: links?.filter(keep),
    volumes: volumes?.filter((volume) => keep(/^([a-z][a-z0-9-]*)\./.exec(volume)?.[1] ?? "")),
  };
  const loginName = typeof login === "string" ? login : login?.service;
  const hasLogin = loginName !== undefined && keep(loginName);
  if (lost.size === 0) return service;
  const left: Entry = {
    ...rest,
    ...(kept.depends_on && kept.depends_on.length > 0 && { depends_on: kept.depends_on }),
    ...(kept.links && kept.links.length > 0 && { links: kept.links }),
    ...(kept.volumes && kept.volumes.length > 0 && { volumes: kept.volumes }),
    ...(login !== undefined && (hasLogin ? { login } : { admin: true as const })),
  };
  return {
    ...service,
    entry: left,
    findings: [
      ...withReach(service.findings, left),
      {
        kind: "question",
        what: `it uses ${[...lost].join(", ")}, which has no entry`,
        instead: "its links and volumes are left out; say where that is now",
      },
    ],
  };
}
