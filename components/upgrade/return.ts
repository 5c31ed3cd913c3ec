/** The scripts that end an update of a stack: forget what it kept for a return, or return. Pure. */
import { quote } from "../../host/shell-quote";
import { START_LIBRARY } from "../hardened/start";
import { StackContainer } from "../model";
import { functionsOf, isServer, nameOf, triedContainers } from "./hooks";

/**
 * Removes what starts keep for a return, once all of the stack works, and what they have kept of containers that are gone.
 *
 * @param unlessLocked does nothing while the stack's lock is held: who holds it looks at the stack first
 */
export function cleanupScript(
  stack: string,
  containers: readonly StackContainer[],
  unlessLocked = false,
): string {
  const server = containers.find(isServer);
  const running = server === undefined ? "" : `$(running_of ${quote(nameOf(stack, server))})`;
  return `${START_LIBRARY}trap drop_lock EXIT
${unlessLocked ? `if docker volume inspect ${quote(lockVolume(stack))} >/dev/null 2>&1; then exit 0; fi\n` : ""}${containers
    .map(
      (container) =>
        `${functionsOf(stack, container, containers)}if marked before; then forget; fi\n`,
    )
    .join(
      "",
    )}forget_gone "${running}" || log 'what interrupted deployments have kept could not all be removed'
`;
}

/** Name of the volume that is the lock of a deployment. */
export const lockVolume = (stack: string): string => `${stack}-deployment-lock`;

/**
 * Puts the containers back that an update has replaced, with their data, as long as Pulumi has not removed them, and stops
 * those that it has added. Exit code 0: all that was replaced runs again. The next update then finishes what Pulumi has not.
 *
 * @param before names of the containers before the update
 */
export function returnScript(
  stack: string,
  containers: readonly StackContainer[],
  before: readonly string[],
): string {
  const added = containers.filter(({ name }) => !before.includes(name));
  const kept = containers.filter(({ name }) => before.includes(name));
  const server = kept.find(isServer);
  const others = kept.filter((container) => container !== server);
  const stopped = others.filter(({ order }) => order === "stop-first");
  const run = (container: StackContainer, command: string): string =>
    `${functionsOf(stack, container, containers)}${locked(`${command} || code=1`)}`;
  return `${START_LIBRARY}trap drop_lock EXIT
code=0
${added.map((container) => run(container, "stop_added")).join("")}${stopped
    .map((container) => run(container, "hold_new"))
    .join("")}${
    server === undefined
      ? ""
      : // The next one has to be filled again.
        run(
          server,
          `if replaced && marked switched && MOVES "$old"; then keep "$(data_volume_of "$new")-incomplete"; fi\ngive_back`,
        )
  }${others.map((container) => run(container, "give_back")).join("")}exit $code
`;
}

/** Without a lock, as on a full disk, rather than not at all. */
const locked = (command: string): string =>
  `take_lock "$name" || [ $? = 2 ] || exit 1\n${command}\ndrop_lock\n`;

/** Has the next start of each replaced container put the data back that its last replacement has kept. */
export const markReturnScript = (stack: string, containers: readonly StackContainer[]): string =>
  `${START_LIBRARY}${triedContainers(containers)
    .map(
      (container) =>
        `${functionsOf(stack, container, containers)}if marked switched; then mark return; fi\n`,
    )
    .join("")}`;
