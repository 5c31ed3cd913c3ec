/** What the hardened components need of a Docker host: commands on it, and how it manages control groups. */
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

import { EngineCgroups } from "../../host/cgroups";
import { HostCommandArgs } from "../../host/docker-host";

/** Runs a shell script on the Docker host. {@link DockerHost} in host/docker-host.ts implements it. */
export interface CommandRunner {
  command(
    name: string,
    args: HostCommandArgs,
    opts?: pulumi.CustomResourceOptions,
  ): command.local.Command;
  /** How the engine manages control groups. */
  cgroups(): pulumi.Output<EngineCgroups>;
}
