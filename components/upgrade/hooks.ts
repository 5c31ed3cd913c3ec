/** How the containers of a stack start, are set up and are put back, in shell. Pure. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { quote } from "../../host/shell-quote";
import { DataMount } from "../hardened/model";
import { StartHooks, startFunctions } from "../hardened/start";
import { StackContainer, StackModel } from "../model";

export const library = (file: string): string => readFileSync(join(__dirname, file), "utf8");
export const POSTGRES = library("postgres.sh");

/** The label `hardened.name` of a container. */
export const nameOf = (stack: string, { name }: Pick<StackContainer, "name">): string =>
  `${stack}-${name}`;

/** Containers that are stopped before the new ones start, servers of databases first. */
export const triedContainers = (containers: readonly StackContainer[]): StackContainer[] =>
  containers
    .filter(({ order }) => order === "stop-first")
    .sort((a, b) => Number(isServer(b)) - Number(isServer(a)));

export const isServer = ({ upgrade }: StackContainer): boolean => upgrade?.serves !== undefined;
/** Whether it is a server of databases or has one there, so that these are dumped before it is replaced. */
export const needsDump = (container: StackContainer): boolean =>
  isServer(container) || container.upgrade?.database !== undefined;
export const dataOf = ({ mounts }: Pick<StackContainer, "mounts">): DataMount[] =>
  mounts.filter((mount): mount is DataMount => mount.kind === "data");

/** Docker's names of the data volumes of a stack. */
export const dataVolumes = ({
  stack,
  containers,
}: Pick<StackModel, "stack" | "containers">): string[] =>
  containers.flatMap(dataOf).map(({ volume }) => `${stack}-${volume}`);

/** Stops client number `index` of a database server, and starts it again if it ran (postgres.sh). */
const clientFunctions = (stack: string, client: StackContainer, index: number): string => {
  const name = quote(nameOf(stack, client));
  return `client_stop_${index}() { hold_client ${name} ${client.stopGraceSeconds}; }
client_start_${index}() {
start_held ${name} || return 1
if [ -z "$client" ]; then return 0; fi
(
${functionsWith(stack, client)}
works "$client"
) && release_client ${name}
}
`;
};

export const serverHooks = ({ afterStart }: StackContainer): StartHooks => ({
  ...(afterStart !== undefined && { after: afterStart }),
});

/** How container `container` of the stack starts: its own hooks, its database's copy, its server's move. */
export function startHooks(
  stack: string,
  container: StackContainer,
  containers: readonly StackContainer[],
): StartHooks {
  const server = containers.find(isServer);
  const { database } = container.upgrade ?? {};
  if (isServer(container)) {
    const clients = containers.filter(({ dependsOn }) => dependsOn.includes(container.name));
    return {
      ...serverHooks(container),
      library: `${POSTGRES}${clients.map((client, index) => clientFunctions(stack, client, index)).join("")}
CLIENTS() { ${[...clients.map((_, index) => `"$1_${index}" || return 1`), ":"].join("; ")}; }
`,
      moves: `is_elsewhere "$1"`,
      move: `move_data "$1"`,
      unfinished: `is_incomplete "$1"`,
      resume: "CLIENTS client_start",
    };
  }
  if (database === undefined || server === undefined) return serverHooks(container);
  return {
    ...serverHooks(container),
    library: `${POSTGRES}server() { running_of ${quote(nameOf(stack, server))}; }
`,
    snapshot: `copy_database "$(server)" ${quote(database)}`,
    restore: `return_database "$(server)" ${quote(database)}`,
    forget: `forget_database "$(server)" ${quote(database)}`,
    database,
  };
}

/** The settings and functions of a container, for the functions of start.sh. */
export const functionsWith = (
  stack: string,
  container: StackContainer,
  hooks: StartHooks = {},
): string =>
  startFunctions({
    model: container,
    name: nameOf(stack, container),
    toolImage: container.toolImage,
    ...hooks,
  });

/** {@link functionsWith} all its hooks. */
export const functionsOf = (
  stack: string,
  container: StackContainer,
  containers: readonly StackContainer[],
): string => functionsWith(stack, container, startHooks(stack, container, containers));
