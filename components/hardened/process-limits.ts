import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

import { DockerHost } from "../../host/docker-host";
import { HardenedContainer } from "./container";

/**
 * The limit of processes for each container. The provider has no field for it, so one command sets them all, again
 * whenever a container is a new one.
 */
export function limitProcesses(
  name: string,
  host: DockerHost,
  containers: readonly HardenedContainer[],
): command.local.Command {
  const ids = containers.map(({ container }) => container.id);
  const script = pulumi.all(ids).apply((known) =>
    containers
      .map(
        ({ controls }, index) =>
          // The daemon's answer is the id again, nothing for a log.
          `docker update --pids-limit ${controls.pidsLimit} ${known[index] ?? ""} >/dev/null\n`,
      )
      .join(""),
  );
  return host.command(name, { script, triggers: ids });
}
