/** Asks the host which containers the next update has to start. */
import * as pulumi from "@pulumi/pulumi";

import { DockerHost } from "../host/docker-host";
import { HostShell, hostShell } from "../host/shell";
import { quote } from "../host/shell-quote";
import { ROLE_LABEL } from "./hardened/labels";

/**
 * Containers that the next update has to start, each with the present time: those that have stopped, and those of which a
 * failed deployment has left several. Pulumi's state says nothing of either, so a plain `pulumi up` would find nothing to do.
 * Empty in a preview, which needs no host, and before the first deployment.
 */
export async function stoppedContainers(
  { stack, access }: Pick<DockerHost, "stack" | "access">,
  isDeployed: boolean,
  shell: HostShell = hostShell(access),
): Promise<Readonly<Record<string, string>>> {
  if (pulumi.runtime.isDryRun() || !isDeployed) return {};
  const { code, stdout, stderr } = await shell(STATES(stack));
  if (code !== 0) throw new Error(`the containers of ${access.label}: ${stderr.trim()}`);
  const states = new Map<string, string[]>();
  for (const line of stdout.split("\n")) {
    const [, name, state] = /^(\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined && state !== undefined)
      states.set(name, [...(states.get(name) ?? []), state]);
  }
  const now = new Date().toISOString();
  return Object.fromEntries(
    [...states]
      // A failed deployment leaves several, of which another one than Pulumi's may run.
      .filter(([, [state = "", ...others]]) => others.length > 0 || !isUp(state))
      .map(([name]) => [name, now]),
  );
}

/** Whether Docker keeps a container of this status running. */
export const isUp = (status: string): boolean =>
  ["running", "restarting", "paused"].includes(status);

/** `n8n running` for each container. Its name is that of the resource without the stack's. */
const STATES = (stack: string): string =>
  `docker ps -a --filter ${quote(`label=pinned-stack.stack=${stack}`)} --filter label=${ROLE_LABEL}=container --format '{{.Label "pinned-stack.container"}} {{.State}}'
`;
