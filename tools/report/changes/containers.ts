/** Containers of two reports compared, control by control. Pure. */
import { isRoot } from "../../../components/hardened/root-user";
import { Change, heldChanges } from "./change";
import { SavedContainer } from "./saved-report";
import { ContainerView } from "../view/stack";

export function containerChanges(
  before: readonly SavedContainer[],
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

function controlChanges(old: SavedContainer, now: ContainerView): Change[] {
  const subject = now.name;
  const turned = (was: boolean, is: boolean, good: string, bad: string): Change[] =>
    was === is ? [] : [{ kind: is ? "stricter" : "weaker", subject, what: is ? good : bad }];
  const held = (things: readonly string[]) => things.map((thing) => [subject, thing] as const);
  const list = (was: readonly string[], is: readonly string[], more: string, less: string) =>
    heldChanges(held(was), held(is), more, less);
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
    ...turned(
      !isRoot(old.user),
      !isRoot(now.user),
      `runs as ${now.user}, no longer root`,
      "runs as root",
    ),
    ...(isRoot(old.user) === isRoot(now.user) && old.user !== now.user
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
    ...list(old.capabilities, now.capabilities, "may", "no longer"),
    ...turned(
      (old.capDrop ?? now.capDrop).includes("ALL"),
      now.capDrop.includes("ALL"),
      "drops all capabilities",
      "keeps Docker's own capabilities",
    ),
    ...list(old.hostPaths, now.hostPaths, "sees the host's", "no longer sees the host's"),
    ...list(
      old.writableHostPaths ?? now.writableHostPaths,
      now.writableHostPaths,
      "may write to the host's",
      "can no longer write to the host's",
    ),
    ...limits,
    ...reasons,
  ];
}
