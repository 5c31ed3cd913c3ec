/** The scripts that end an update of a stack: forget what it kept for a return, or return. Pure. */
import { quote } from "../../host/shell-quote";
import { START_LIBRARY } from "../hardened/start";
import { StackContainer } from "../model";
import { functionsOf, isServer, triedContainers } from "./hooks";

/**
 * Removes what the starts of {@link triedContainers} keep for a return, once all of the stack works.
 *
 * @param unlessLocked does nothing while the stack's lock is held: who holds it looks at the stack first
 */
export const cleanupScript = (
  stack: string,
  containers: readonly StackContainer[],
  unlessLocked = false,
): string =>
  `${START_LIBRARY}${unlessLocked ? `if docker volume inspect ${quote(lockVolume(stack))} >/dev/null 2>&1; then exit 0; fi\n` : ""}${triedContainers(
    containers,
  )
    .map(
      (container) =>
        `${functionsOf(stack, container, containers)}if marked before; then forget; fi\n`,
    )
    .join("")}`;

/** Name of the volume that is the lock of a deployment. */
export const lockVolume = (stack: string): string => `${stack}-deployment-lock`;

/**
 * Puts the containers back that an update has replaced, with their data, as long as Pulumi has not removed them. Exit code
 * 0: all that was replaced runs again. The next update then finishes what Pulumi has not.
 */
export function returnScript(stack: string, containers: readonly StackContainer[]): string {
  const tried = triedContainers(containers);
  const server = tried.find(isServer);
  const clients = tried.filter((container) => container !== server);
  const beside = containers.filter(({ order }) => order === "start-first");
  const of = (container: StackContainer): string => functionsOf(stack, container, containers);
  return `${START_LIBRARY}trap drop_lock EXIT
code=0
${clients.map((container) => `${of(container)}${locked("hold_new || code=1")}`).join("")}${
    server === undefined
      ? ""
      : `${of(server)}if replaced && MOVES "$old"; then docker volume create --label hardened.role=before "$(data_volume_of "$new")-incomplete" >/dev/null; fi
${locked("give_back || code=1")}`
  }${clients.map((container) => `${of(container)}${locked("give_back || code=1")}`).join("")}${beside
    .map((container) => `${of(container)}${locked("give_back_beside || code=1")}`)
    .join("")}exit $code
`;
}

const locked = (command: string): string => `take_lock "$name" || exit 1\n${command}\ndrop_lock\n`;

/** Has the next start of each replaced container put the data back that its last replacement has kept. */
export const markReturnScript = (stack: string, containers: readonly StackContainer[]): string =>
  `${START_LIBRARY}${triedContainers(containers)
    .map(
      (container) =>
        `${functionsOf(stack, container, containers)}if marked switched; then mark return; fi\n`,
    )
    .join("")}`;
