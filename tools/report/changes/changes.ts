/**
 * Two states of a stack compared: what became weaker, stricter, newer. The one place that decides what is weaker; what counts
 * is documented in docs/reports.md. Pure.
 */
import { Exemptible, isRoot } from "../../../components/hardened/policy";
import { tagOrder } from "../../../images/tag-version";
import { shortDigest } from "../sections";
import { ContainerView, ImageView, StackView } from "../view/stack";
import { Change, changed, KINDS, stricter, weaker } from "./change";
import { ingressChanges, portChanges, tokenForTls } from "./ingress";
import { controlPrivileges, findings, privilegeChanges, sharedPrivileges } from "./privileges";
import { SavedContainer, SavedView } from "./saved-report";

export interface ChangesOptions {
  /**
   * Compare a new container with the policy, control by control. Default false: it is new, and each of its exemptions is
   * weaker.
   */
  readonly newAgainstPolicy?: boolean;
}

/** Weaker changes come first. What an older saved report does not tell is not compared. */
export function changes(
  saved: SavedView,
  after: StackView,
  { newAgainstPolicy = false }: ChangesOptions = {},
): Change[] {
  const before = completed(saved, after);
  const [old, now] = [namesOf(before), namesOf(after)];
  const isKnown = (name: string): boolean => old.has(name) && now.has(name);
  const reasonOf = (container: string, control?: Exemptible): string | undefined =>
    after.containers
      .find(({ name }) => name === container)
      ?.exemptions.find((exemption) => exemption.control === control)?.reason;
  const own = [
    ...privilegeChanges(controlPrivileges(before), controlPrivileges(after), reasonOf),
    ...portChanges(before, after, (container) => reasonOf(container, "publishedPorts")),
  ];
  const shared = privilegeChanges(
    sharedPrivileges(before, isKnown),
    sharedPrivileges(after, isKnown),
  );
  return [
    ...imageChanges(before, after),
    ...after.containers.flatMap(({ name, exemptions }) => [
      ...(old.has(name) ? [] : [changed(name, "is new")]),
      ...exemptions.flatMap(({ control, reason }) =>
        old.has(name) || newAgainstPolicy
          ? []
          : weaker(name, `is new and exempt from ${control}`, reason),
      ),
    ]),
    ...before.containers.flatMap(({ name }) => (now.has(name) ? [] : changed(name, "is gone"))),
    // The policy gives no privilege, so all of a new container's are more than that.
    ...own.filter(
      ({ kind, subject }) => isKnown(subject) || (newAgainstPolicy && kind === "weaker"),
    ),
    ...ingressChanges(before.entrance, after.entrance, isKnown),
    ...shared.map((change) => tokenForTls(before.entrance, after.entrance, change)),
    ...privilegeChanges(findings(before), findings(after)).filter(({ subject }) =>
      now.has(subject),
    ),
    ...volumeChanges(before, after, isKnown),
    ...before.containers.flatMap((container) => {
      const current = after.containers.find(({ name }) => name === container.name);
      return current === undefined ? [] : settingChanges(container, current);
    }),
    ...(before.platform === after.platform
      ? []
      : [changed("stack", `is for ${after.platform} instead of ${before.platform}`)]),
  ].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
}

export const isWeaker = (all: readonly Change[]): boolean =>
  all.some(({ kind }) => kind === "weaker");

/** Containers, services and data volumes. */
const namesOf = ({ containers, volumes }: SavedView): ReadonlySet<string> =>
  new Set([
    ...containers.flatMap(({ name, service }) => [name, service]),
    ...volumes.map(({ name }) => name),
  ]);

/** With what it does not tell as it is now, so that it makes no difference. */
function completed(saved: SavedView, after: StackView): Required<SavedView> {
  const { entrance, insecureRegistries, requirePins, socketReads } = after;
  return {
    ...{ entrance, insecureRegistries, requirePins, socketReads },
    ...saved,
    containers: saved.containers.map((container) => {
      const now = after.containers.find(({ name }) => name === container.name);
      return {
        ...(now && { capDrop: now.capDrop, writableHostPaths: now.writableHostPaths }),
        ...container,
      };
    }),
  };
}

function imageChanges(before: Required<SavedView>, after: StackView): Change[] {
  // Words that begin with a verb, as those of every privilege.
  const rules = ({ insecureRegistries, requirePins }: Required<SavedView>) => [
    ...insecureRegistries.map((host) => ({
      subject: "registries",
      what: `include ${host} over plain HTTP`,
    })),
    ...(requirePins ? [] : [{ subject: "images", what: "may come without a digest" }]),
  ];
  return [
    ...privilegeChanges(rules(before), rules(after)),
    ...after.images.flatMap((image) => {
      const old = before.images.find(({ service }) => service === image.service);
      return (old && imageChange(old, image)) ?? [];
    }),
  ];
}

function imageChange(old: SavedView["images"][number], now: ImageView): Change | undefined {
  const { service, digest } = now;
  const tags = `${old.tag ?? "no tag"} → ${now.tag ?? "no tag"}`;
  const [was, is] = [old, now].map(({ registry, repository }) => `${registry}/${repository}`);
  // Somebody else decides what is in it.
  if (was !== is) return weaker(service, `takes its image from ${is} instead of ${was}, ${tags}`);
  if (old.pinned && !now.pinned) return weaker(service, "no longer pins its image by digest");
  if (!old.pinned && now.pinned) return stricter(service, "pins its image by digest");
  const newer = (what: string): Change => ({ kind: "newer", subject: service, what });
  if (old.tag === now.tag)
    return old.digest === digest
      ? undefined
      : newer(`${now.tag ?? "no tag"}, another build: ${shortDigest(digest ?? "")}`);
  if (old.digest !== undefined && old.digest === digest)
    return changed(service, `tag ${tags}, same image`);
  switch (tagOrder(old.tag ?? "", now.tag ?? "")) {
    case "newer":
      return newer(tags);
    case "older":
      return changed(service, `back to an older image: ${tags}`);
    case "unclear":
      return changed(service, `another image, the tags do not say which is newer: ${tags}`);
  }
}

/** Data volumes that come or go: a new one has nobody's data yet, such as that of PostgreSQL's next version. */
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

/** What is another, and neither more nor less: limits, users that are no root, reasons. */
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
