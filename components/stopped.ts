import * as pulumi from "@pulumi/pulumi";

import { DockerHost } from "../host/docker-host";
import { HostShell, hostShell } from "../host/shell";
import { quote } from "../host/shell-quote";
import { ROLE_LABEL } from "./hardened/labels";
import { LastDeployment } from "./outputs";

/**
 * Containers that have stopped since they were deployed, each with the present time: Pulumi's state says nothing of it, so a
 * plain `pulumi up` would find nothing to do. Empty in a preview, which needs no host, and before the first deployment.
 */
export async function stoppedContainers(
  { stack, access }: Pick<DockerHost, "stack" | "access">,
  last: Pick<LastDeployment, "images">,
  shell: HostShell = hostShell(access),
): Promise<Readonly<Record<string, string>>> {
  if (pulumi.runtime.isDryRun() || Object.keys(last.images).length === 0) return {};
  const { code, stdout, stderr } = await shell(STATES(stack));
  if (code !== 0) throw new Error(`the containers of ${access.label}: ${stderr.trim()}`);
  const states = new Map<string, boolean>();
  for (const line of stdout.split("\n")) {
    const [, name = "", state = ""] = /^(\S+) (\S+)$/.exec(line) ?? [];
    if (name !== "") states.set(name, states.get(name) === true || RUNNING.includes(state));
  }
  const now = new Date().toISOString();
  return Object.fromEntries(
    [...states].filter(([, running]) => !running).map(([name]) => [name, now]),
  );
}

const RUNNING = ["running", "restarting", "paused"];

/** `n8n running` for each container. Its name is that of the resource without the stack's. */
const STATES = (stack: string): string =>
  `docker ps -a --filter ${quote(`label=pinned-stack.stack=${stack}`)} --filter label=${ROLE_LABEL}=container --format '{{.Label "pinned-stack.container"}} {{.State}}'
`;
