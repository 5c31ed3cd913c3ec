/** Two reports of a stack compared: what got stricter, what weaker, which images are other ones. Pure. */
import { Change, ChangeKind, Held, heldChanges } from "./change";
import { CisResult } from "../cis/cis";
import { containerChanges } from "./containers";
import { entranceChanges } from "./entrance";
import { imageChanges, imageRuleChanges } from "./images";
import { portChanges } from "./ports";
import { SavedView } from "./saved-report";
import { StackView } from "../view/stack";
import { forTls } from "./tls";

const KINDS: readonly ChangeKind[] = ["weaker", "stricter", "newer", "changed"];

/** Sorted by kind, the weaker ones first. */
export function changes(before: SavedView, after: StackView): Change[] {
  const stays = ({ subject }: Change): boolean =>
    [before, after].every(({ containers }) => containers.some(({ name }) => name === subject));
  const tls = forTls(before, after.entrance);
  return [
    ...imageChanges(before.images, after.images),
    ...imageRuleChanges(before, after),
    ...containerChanges(before.containers, after.containers),
    ...entranceChanges(before, after),
    ...platformChanges(before, after),
    ...conversations(before, after),
    // A container that comes or goes is told of above; what it has comes and goes with it.
    ...[
      ...portChanges(before.ports, after.ports, tls.port),
      ...writerChanges(before, after),
      ...secretChanges(before, after, tls.reader),
    ].filter(stays),
    ...findingChanges(before.cis.results, after.cis.results),
  ].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
}

export const isWeaker = (all: readonly Change[]): boolean =>
  all.some(({ kind }) => kind === "weaker");

const platformChanges = ({ platform: old }: SavedView, { platform: now }: StackView): Change[] =>
  old === now
    ? []
    : [{ kind: "changed", subject: "stack", what: `is for ${now} instead of ${old}` }];

/** Who can talk to whom. Between containers that were both there, a new conversation is a new way in. */
function conversations(before: SavedView, after: StackView): Change[] {
  const between = (view: SavedView, there: SavedView): Held[] => {
    const names = new Set([OUTSIDE, ...there.containers.map(({ name }) => name)]);
    return pairs(view).filter((pair) => pair.every((name) => names.has(name)));
  };
  return heldChanges(
    between(before, after),
    between(after, before),
    "can talk to",
    "can no longer talk to",
  );
}

const OUTSIDE = "the outside";

const pairs = ({ networks }: SavedView): Held[] =>
  networks.flatMap(({ members, internal }) => {
    const sorted = [...members].sort();
    return [
      ...sorted.flatMap((one, index) => sorted.slice(index + 1).map((two): Held => [one, two])),
      ...(internal ? [] : sorted.map((one): Held => [one, OUTSIDE])),
    ];
  });

/** A volume that was not there before holds nobody's data yet, as that of PostgreSQL's next version. */
function writerChanges(before: SavedView, after: SavedView): Change[] {
  const names = ({ volumes }: SavedView) => new Set(volumes.map(({ name }) => name));
  const [old, now] = [names(before), names(after)];
  const stays = ([, name]: Held): boolean => old.has(name) && now.has(name);
  const only = (view: SavedView, others: ReadonlySet<string>, words: (name: string) => string) =>
    writers(view)
      .filter(([, name]) => !others.has(name))
      .map(([subject, name]): Change => ({ kind: "changed", subject, what: words(name) }));
  return [
    ...heldChanges(
      writers(before).filter(stays),
      writers(after).filter(stays),
      "writes to",
      "no longer writes to",
    ),
    ...only(after, old, (name) => `writes to ${name}, a new volume`),
    ...only(before, now, (name) => `no longer writes to ${name}`),
  ];
}

/** Volumes of files are replaced as a whole, so only data can be written to. */
const writers = ({ volumes }: SavedView): Held[] =>
  volumes.flatMap(({ name, mounts }) =>
    mounts.filter(({ readOnly }) => !readOnly).map(({ container }): Held => [container, name]),
  );

const FROM = { file: "a file", environment: "its environment" } as const;

/** A new reader is weaker; so is a variable, which `docker inspect` shows, instead of a file. */
function secretChanges(
  before: SavedView,
  after: StackView,
  isForTls: (held: Held) => boolean,
): Change[] {
  const readings = ({ secrets }: SavedView) =>
    secrets.flatMap(({ name, readers }) => readers.map((reader) => ({ name, ...reader })));
  const held = (view: SavedView): Held[] =>
    readings(view).map(({ name, container }) => [container, name]);
  const old = readings(before);
  const moved = readings(after).flatMap(({ name, container, by }): Change[] => {
    const from = old.find((one) => one.name === name && one.container === container)?.by ?? by;
    if (from === by) return [];
    const what = `reads ${name} from ${FROM[by]}, no longer from ${FROM[from]}`;
    return [{ kind: by === "file" ? "stricter" : "weaker", subject: container, what }];
  });
  const needed = readings(after)
    .filter(({ by }) => by === "file")
    .map(({ name, container }): Held => [container, name])
    .filter(
      (one) =>
        isForTls(one) && !held(before).some(([who, name]) => who === one[0] && name === one[1]),
    );
  return [
    ...moved,
    ...needed.map(([subject, name]): Change => ({
      kind: "changed",
      subject,
      what: `reads ${name}, for TLS`,
    })),
    ...heldChanges([...held(before), ...needed], held(after), "reads", "no longer reads"),
  ];
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
