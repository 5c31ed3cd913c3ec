import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

import { EngineCgroups } from "../../host/cgroups";

/** Runs a shell script on the Docker host. {@link DockerHost} in host/docker-host.ts implements it. */
export interface CommandRunner {
  command(
    name: string,
    args: { readonly script: pulumi.Input<string>; readonly triggers: pulumi.Input<string>[] },
    opts?: pulumi.CustomResourceOptions,
  ): command.local.Command;
  /** How the engine manages control groups. */
  cgroups(): pulumi.Output<EngineCgroups>;
}
