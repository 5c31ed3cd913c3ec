/** Compares two reports of a stack: what became weaker, stricter, newer. The rules are documented in docs/reports.md. Pure. */
import { Exemptible, isRoot } from "../../../components/hardened/policy";
import { tagOrder } from "../../../images/tag-version";
import { shortDigest } from "../sections";
import { ContainerView, ImageView, StackView } from "../view/stack";
import { Change, changed, KINDS, newer, stricter, weaker } from "./change";
import { ingressChanges, portChanges, tokenForTls } from "./ingress";
import {
  controlPrivileges,
  otherPrivileges,
  privilegeChanges,
  sharedPrivileges,
} from "./privileges";
import { SavedContainer, SavedRoute, SavedView } from "./saved-report";

/**
 * Weaker changes come first. Fields that an older saved report lacks are not compared.
 *
 * @param options.newContainers what counts as weaker for a new container: `exemptions` (default): each exemption; `policy`:
 *   each privilege beyond the policy
 */
export function changes(
  saved: SavedView,
  after: StackView,
  { newContainers = "exemptions" }: { readonly newContainers?: "exemptions" | "policy" } = {},
): Change[] {
  const before = completed(saved, after);
  const againstPolicy = newContainers === "policy";
  const old = new Map(before.containers.map((container) => [container.name, container]));
  const now = new Map(after.containers.map((container) => [container.name, container]));
  const [oldNames, nowNames] = [namesOf(before), namesOf(after)];
  const isKnown = (name: string): boolean => oldNames.has(name) && nowNames.has(name);
  const reasonOf = (container: string, control?: Exemptible): string | undefined =>
    now.get(container)?.exemptions.find((exemption) => exemption.control === control)?.reason;
  const own = [
    ...privilegeChanges(controlPrivileges(before), controlPrivileges(after), reasonOf),
    ...portChanges(before, after, (container) => reasonOf(container, "publishedPorts")),
  ];
  return [
    ...after.images.flatMap((image) => {
      const same = before.images.find(({ service }) => service === image.service);
      return (same && imageChange(same, image)) ?? [];
    }),
    ...after.containers.flatMap((container) => {
      const same = old.get(container.name);
      return same ? settingChanges(same, container) : newChanges(container, againstPolicy);
    }),
    ...before.containers.flatMap(({ name }) => (now.has(name) ? [] : changed(name, "was removed"))),
    // The policy grants no privileges, so each privilege of a new container is weaker.
    ...own.filter(({ kind, subject }) =>
      old.has(subject) ? now.has(subject) : againstPolicy && kind === "weaker",
    ),
    ...ingressChanges(before.ingress, after.ingress),
    ...privilegeChanges(sharedPrivileges(before, isKnown), sharedPrivileges(after, isKnown)).map(
      (change) => tokenForTls(before.ingress, after.ingress, change),
    ),
    // Lost privileges of a removed container are not listed.
    ...privilegeChanges(otherPrivileges(before), otherPrivileges(after)).filter(
      ({ subject }) => now.has(subject) || !old.has(subject),
    ),
    ...volumeChanges(before, after, isKnown),
    ...(before.platform === after.platform
      ? []
      : [changed("stack", `is for ${after.platform} instead of ${before.platform}`)]),
  ].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
}

const newChanges = ({ name, exemptions }: ContainerView, againstPolicy: boolean): Change[] => [
  changed(name, "is new"),
  ...(againstPolicy ? [] : exemptions).map(({ control, reason }) =>
    weaker(name, `is new and exempt from ${control}`, reason),
  ),
];

export const isWeaker = (all: readonly Change[]): boolean =>
  all.some(({ kind }) => kind === "weaker");

/** Containers, services and data volumes. */
const namesOf = ({ containers, volumes }: SavedView): ReadonlySet<string> =>
  new Set([
    ...containers.flatMap(({ name, service }) => [name, service]),
    ...volumes.map(({ name }) => name),
  ]);

/** Fills missing fields from the current report, so that they compare as equal. */
function completed(saved: SavedView, after: StackView): Required<SavedView> {
  const { ingress, insecureRegistries, requirePins, socketReads } = after;
  return {
    ...{ ingress, insecureRegistries, requirePins, socketReads },
    ...saved,
    ...(saved.ingress && {
      ingress: { ...saved.ingress, routes: saved.ingress.routes.map(withPaths(after)) },
    }),
    containers: saved.containers.map((container) => {
      const now = after.containers.find(({ name }) => name === container.name);
      return {
        ...(now && { capDrop: now.capDrop, writableHostPaths: now.writableHostPaths }),
        ...container,
      };
    }),
  };
}

/** A route that is open as a whole is open at its public paths, too. Older reports do not list those. */
const withPaths =
  (after: StackView) =>
  (route: SavedRoute): SavedRoute => {
    const { publicPaths } =
      after.ingress.routes.find(({ service }) => service === route.service) ?? {};
    return { ...(!route.admin && publicPaths && { publicPaths }), ...route };
  };

function imageChange(old: SavedView["images"][number], now: ImageView): Change | undefined {
  const { service, digest } = now;
  const tags = `${old.tag ?? "no tag"} → ${now.tag ?? "no tag"}`;
  const [was, is] = [old, now].map(({ registry, repository }) => `${registry}/${repository}`);
  // Another publisher controls the image.
  if (was !== is) return weaker(service, `takes its image from ${is} instead of ${was}, ${tags}`);
  if (old.pinned && !now.pinned) return weaker(service, "no longer pins its image by digest");
  if (!old.pinned && now.pinned) return stricter(service, "pins its image by digest");
  if (old.tag === now.tag)
    return old.digest === digest
      ? undefined
      : newer(service, `${now.tag ?? "no tag"}, another build: ${shortDigest(digest ?? "")}`);
  if (old.digest !== undefined && old.digest === digest)
    return changed(service, `tag ${tags}, same image`);
  switch (tagOrder(old.tag ?? "", now.tag ?? "")) {
    case "newer":
      return newer(service, tags);
    case "older":
      return changed(service, `back to an older image: ${tags}`);
    case "unclear":
      return changed(service, `another image, unclear which tag is newer: ${tags}`);
  }
}

/** Added and removed data volumes. Not weaker: a new one has no data yet, such as that of a new PostgreSQL version. */
function volumeChanges(
  before: SavedView,
  after: SavedView,
  isKnown: (name: string) => boolean,
): Change[] {
  const writes = ({ volumes }: SavedView, what: (volume: string) => string): Change[] =>
    volumes.flatMap(({ name, mounts }) =>
      isKnown(name)
        ? []
        : mounts
            .filter(({ container, readOnly }) => !readOnly && isKnown(container))
            .map(({ container }) => changed(container, what(name))),
    );
  return [
    ...writes(after, (volume) => `writes to ${volume}, a new volume`),
    ...writes(before, (volume) => `no longer writes to ${volume}`),
  ];
}

const LIMITS = {
  memoryMiB: ["memory limit", " MiB"],
  cpus: ["CPU limit", ""],
  pidsLimit: ["process limit", ""],
  openFiles: ["limit of open files", ""],
} as const;

/** Changes that are neither weaker nor stricter: limits, users other than root, reasons. */
const settingChanges = (old: SavedContainer, now: ContainerView): Change[] => [
  ...(isRoot(old.user) === isRoot(now.user) && old.user !== now.user
    ? [changed(now.name, `runs as ${now.user} instead of ${old.user}`)]
    : []),
  ...(Object.keys(LIMITS) as (keyof typeof LIMITS)[]).flatMap((limit) => {
    const [what, unit] = LIMITS[limit];
    return old[limit] === now[limit]
      ? []
      : changed(now.name, `${what} ${old[limit]} → ${now[limit]}${unit}`);
  }),
  ...now.exemptions.flatMap(({ control, reason }) => {
    const given = old.exemptions.find((exemption) => exemption.control === control);
    return given === undefined || given.reason === reason
      ? []
      : changed(now.name, `another reason for ${control}: ${reason}`);
  }),
];
