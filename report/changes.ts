/** Two reports of a stack compared: what got stricter, what weaker, which images are other ones. Pure. */
import { isOlder, tagVersion } from "../components/tag-version";
import { CisResult } from "./cis";
import { onHost } from "./container-facts";
import { ContainerView, ImageView, StackView } from "./stack-view";

/**
 * `weaker` gives somebody more than they had, `stricter` less. `newer` is another image. `changed` is neither: a limit that
 * is another limit, a service that came or went.
 */
export type ChangeKind = "weaker" | "stricter" | "newer" | "changed";

export interface Change {
  readonly kind: ChangeKind;
  /** A service, a container, a network. */
  readonly subject: string;
  readonly what: string;
}

const KINDS: readonly ChangeKind[] = ["weaker", "stricter", "newer", "changed"];

/** Sorted by kind, the weaker ones first. */
export function changes(before: StackView, after: StackView): Change[] {
  return [
    ...imageChanges(before.images, after.images),
    ...containerChanges(before.containers, after.containers),
    ...conversations(before, after),
    ...setChanges("publishes", portTexts(before), portTexts(after)),
    ...setChanges("writes to", writers(before), writers(after)),
    ...secretChanges(before, after),
    ...findingChanges(before.cis.results, after.cis.results),
  ].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
}

export const isWeaker = (all: readonly Change[]): boolean =>
  all.some(({ kind }) => kind === "weaker");

function imageChanges(before: readonly ImageView[], after: readonly ImageView[]): Change[] {
  return after.flatMap((image): Change[] => {
    const old = before.find(({ service }) => service === image.service);
    const change = (kind: ChangeKind, what: string): Change[] => [
      { kind, subject: image.service, what },
    ];
    if (old === undefined) return [];
    const source = (view: ImageView): string => `${view.registry}/${view.repository}`;
    const tags = `${old.tag ?? "no tag"} → ${image.tag ?? "no tag"}`;
    if (source(old) !== source(image))
      return change("changed", `image from ${source(image)} instead of ${source(old)}, ${tags}`);
    if (old.pinned !== image.pinned)
      return change(
        image.pinned ? "stricter" : "weaker",
        image.pinned ? "its image is pinned by digest" : "its image is not pinned any more",
      );
    if (old.tag !== image.tag) {
      const version = tagVersion(old.tag);
      const back = version !== undefined && isOlder(image.tag, version);
      return change(back ? "changed" : "newer", back ? `back to an older image: ${tags}` : tags);
    }
    return old.digest === image.digest
      ? []
      : change("newer", `${image.tag ?? "no tag"}, another build: ${short(image.digest)}`);
  });
}

const short = (digest = ""): string => digest.slice("sha256:".length, "sha256:".length + 12);

function containerChanges(
  before: readonly ContainerView[],
  after: readonly ContainerView[],
): Change[] {
  const gone = before
    .filter(({ name }) => !after.some((container) => container.name === name))
    .map(({ name }): Change => ({ kind: "changed", subject: name, what: "is gone" }));
  return [
    ...gone,
    ...after.flatMap((container): Change[] => {
      const old = before.find(({ name }) => name === container.name);
      if (old !== undefined) return controlChanges(old, container);
      return [
        { kind: "changed", subject: container.name, what: "is new" },
        ...container.exemptions.map(({ control }): Change => ({
          kind: "weaker",
          subject: container.name,
          what: `is new and exempt from ${control}`,
        })),
      ];
    }),
  ];
}

function controlChanges(old: ContainerView, now: ContainerView): Change[] {
  const subject = now.name;
  const turned = (was: boolean, is: boolean, good: string, bad: string): Change[] =>
    was === is ? [] : [{ kind: is ? "stricter" : "weaker", subject, what: is ? good : bad }];
  const list = (was: readonly string[], is: readonly string[], more: string, less: string) => [
    ...without(is, was).map((item): Change => ({ kind: "weaker", subject, what: more + item })),
    ...without(was, is).map((item): Change => ({ kind: "stricter", subject, what: less + item })),
  ];
  const limits = (["memoryMiB", "cpus", "pidsLimit", "openFiles"] as const).flatMap(
    (limit): Change[] =>
      old[limit] === now[limit]
        ? []
        : [{ kind: "changed", subject, what: `${limit} ${old[limit]} → ${now[limit]}` }],
  );
  const reasons = now.exemptions.flatMap(({ control, reason }): Change[] => {
    const given = old.exemptions.find((exemption) => exemption.control === control);
    return given === undefined || given.reason === reason
      ? []
      : [{ kind: "changed", subject, what: `another reason for ${control}: ${reason}` }];
  });
  return [
    ...turned(!isRoot(old), !isRoot(now), `runs as ${now.user}, no longer root`, "runs as root"),
    ...(isRoot(old) === isRoot(now) && old.user !== now.user
      ? [{ kind: "changed", subject, what: `runs as ${now.user} instead of ${old.user}` } as const]
      : []),
    ...turned(old.readOnlyRootfs, now.readOnlyRootfs, "read-only root", "writable root"),
    ...turned(
      old.noNewPrivileges,
      now.noNewPrivileges,
      "no new privileges",
      "may gain new privileges",
    ),
    ...turned(old.healthCheck, now.healthCheck, "has a health check", "has no health check"),
    ...turned(!old.dockerSocket, !now.dockerSocket, "no Docker socket", "has the Docker socket"),
    ...list(old.capabilities, now.capabilities, "may ", "no longer "),
    ...list(old.hostPaths, now.hostPaths, "sees the host's ", "no longer sees the host's "),
    ...limits,
    ...reasons,
  ];
}

/** As user or as group. */
const isRoot = ({ user }: ContainerView): boolean => /^0?(?::|$)|:0$/.test(user);

const without = (items: readonly string[], others: readonly string[]): string[] =>
  items.filter((item) => !others.includes(item));

/** Who can talk to whom. Between containers that were both there, a new conversation is a new way in. */
function conversations(before: StackView, after: StackView): Change[] {
  const known = new Set(before.containers.map(({ name }) => name));
  const stays = new Set(after.containers.map(({ name }) => name));
  const old = pairs(before);
  const now = pairs(after);
  return [
    ...without(now, old)
      .filter((pair) => pair.split(" ⇄ ").every((name) => known.has(name) || name === OUTSIDE))
      .map((pair): Change => ({ kind: "weaker", subject: pair, what: "can talk" })),
    ...without(old, now)
      .filter((pair) => pair.split(" ⇄ ").every((name) => stays.has(name) || name === OUTSIDE))
      .map((pair): Change => ({ kind: "stricter", subject: pair, what: "can no longer talk" })),
  ];
}

const OUTSIDE = "outside";

function pairs({ networks }: StackView): string[] {
  const all = networks.flatMap(({ members, internal }) => {
    const sorted = [...members].sort();
    return [
      ...sorted.flatMap((one, index) => sorted.slice(index + 1).map((two) => `${one} ⇄ ${two}`)),
      ...(internal ? [] : sorted.map((one) => `${one} ⇄ ${OUTSIDE}`)),
    ];
  });
  return [...new Set(all)];
}

/** Things that a container has and others do not: `<container> <thing>`. */
function setChanges(verb: string, before: readonly string[], after: readonly string[]): Change[] {
  const change = (kind: ChangeKind, text: string, prefix: string): Change => {
    const [subject = "", ...rest] = text.split(" ");
    return { kind, subject, what: `${prefix}${verb} ${rest.join(" ")}` };
  };
  return [
    ...without(after, before).map((text) => change("weaker", text, "")),
    ...without(before, after).map((text) => change("stricter", text, "no longer ")),
  ];
}

const portTexts = ({ ports }: StackView): string[] =>
  ports.map((port) => `${port.container} ${onHost(port)}/${port.protocol}`);

/** Volumes of files are replaced as a whole, so only data can be written to. */
const writers = ({ volumes }: StackView): string[] =>
  volumes.flatMap(({ name, mounts }) =>
    mounts.filter(({ readOnly }) => !readOnly).map(({ container }) => `${container} ${name}`),
  );

const FROM = { file: "a file", environment: "its environment" } as const;

/** A new reader is weaker; so is a variable, which `docker inspect` shows, instead of a file. */
function secretChanges(before: StackView, after: StackView): Change[] {
  const readings = ({ secrets }: StackView) =>
    secrets.flatMap(({ name, readers }) =>
      readers.map(({ container, by }) => ({ key: `${container} ${name}`, by })),
    );
  const [old, now] = [readings(before), readings(after)];
  const keys = (list: readonly { readonly key: string }[]): string[] => list.map(({ key }) => key);
  const moved = now.flatMap(({ key, by }): Change[] => {
    const from = old.find((reading) => reading.key === key)?.by ?? by;
    const [subject = "", name = ""] = key.split(" ");
    if (from === by) return [];
    const what = `reads ${name} from ${FROM[by]}, no longer from ${FROM[from]}`;
    return [{ kind: by === "file" ? "stricter" : "weaker", subject, what }];
  });
  return [...moved, ...setChanges("reads", keys(old), keys(now))];
}

function findingChanges(before: readonly CisResult[], after: readonly CisResult[]): Change[] {
  const same = (one: CisResult) => (other: CisResult) =>
    one.id === other.id && one.container === other.container;
  const isFinding = ({ verdict }: CisResult): boolean => verdict === "finding";
  return after.flatMap((result): Change[] => {
    const old = before.find(same(result));
    if (old === undefined ? !isFinding(result) : isFinding(old) === isFinding(result)) return [];
    const { id, container, detail } = result;
    return isFinding(result)
      ? [{ kind: "weaker", subject: container, what: `CIS ${id}: ${detail}` }]
      : [{ kind: "stricter", subject: container, what: `CIS ${id}: no longer a finding` }];
  });
}
