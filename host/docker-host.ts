import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";

import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { DOCKER_HUB } from "../images/reference";
import { RegistrySettings } from "../images/registry/client";
import { UserError } from "../text/user-error";
import { hostAccess, HostAccess, HostAddress } from "./address";
import { PreflightArgs, preflightScript } from "./preflight";

export interface DockerHostArgs {
  readonly host: HostAddress;
  /** Registries that need a login; the daemon gets it for its pulls. */
  readonly registries?: Readonly<Record<string, RegistrySettings>>;
}

export interface HostCommandArgs {
  /** A POSIX shell script. It is sent over stdin, so a failure does not print it; keep secrets out all the same. */
  readonly script: pulumi.Input<string>;
  /** The command runs again when one of these changes. */
  readonly triggers: pulumi.Input<pulumi.Input<string>[]>;
}

/** The Docker engine everything runs on, and the only way to run a command beside it. */
export class DockerHost {
  readonly access: HostAccess;
  readonly provider: docker.Provider;

  #socketGroup: pulumi.Output<string> | undefined;

  constructor(
    readonly stack: string,
    args: DockerHostArgs,
  ) {
    const context = process.env.DOCKER_CONTEXT ?? "";
    if (context !== "")
      throw new UserError(
        `DOCKER_CONTEXT=${context} is set, and the provider would follow it instead of pinned-stack:host; unset it`,
      );
    this.access = hostAccess(args.host);
    if (this.access.remote) makeSshFolder();
    this.provider = new docker.Provider(`${stack}-host`, {
      host: this.access.providerHost,
      sshOpts: [...this.access.sshOptions],
      registryAuth: registryLogins(args.registries ?? {}),
    });
  }

  /** Stops a deployment, before anything is pulled or touched, when the host does not fit the images. */
  preflight(args: PreflightArgs, opts: pulumi.CustomResourceOptions = {}): command.local.Command {
    const script = preflightScript(args);
    return this.command(`${this.stack}-preflight`, { script, triggers: [] }, opts);
  }

  /** Docker's socket and the group that may use it. The group's number differs from host to host, so it is asked for. */
  socket(): { readonly path: string; readonly group: pulumi.Output<string> } {
    const path = this.access.socketPath;
    this.#socketGroup ??= this.command(socketGroupName(this.stack), {
      script: `stat -c %g '${path}'`,
      triggers: [this.access.label, path],
    }).stdout.apply((text) => text.trim());
    return { path, group: this.#socketGroup };
  }

  /** Runs a script on the host when it is new or a trigger changed; never during a preview. */
  command(
    name: string,
    args: HostCommandArgs,
    opts: pulumi.CustomResourceOptions = {},
  ): command.local.Command {
    return new command.local.Command(
      name,
      {
        interpreter: [...this.access.interpreter],
        create: "sh -s",
        stdin: pulumi.interpolate`${hostPrelude(this.access)}${args.script}`,
        // What went wrong is in stderr; what a script prints is for the program.
        logging: command.types.enums.local.Logging.Stderr,
        triggers: args.triggers,
        addPreviousOutputInEnv: false,
      },
      opts,
    );
  }
}

/** Name of the command that asks for the socket's group, once; a deployment makes it anew where the group has changed. */
export const socketGroupName = (stack: string): string => `${stack}-socket-group`;

/**
 * ssh keeps its control socket in ~/.ssh and fails where that folder does not exist yet. Where it cannot be made (a
 * container's user without a name, a home that nobody may write to) ssh says so when it is used; a plan never uses it.
 */
function makeSshFolder(): void {
  try {
    mkdirSync(join(userInfo().homedir, ".ssh"), { recursive: true, mode: 0o700 });
  } catch {
    // As said above.
  }
}

/** The beginning of every script: stop at the first error, and talk to this engine, not to that of some context. */
export const hostPrelude = ({ dockerHost }: HostAccess): string =>
  `set -eu\nunset DOCKER_CONTEXT\nexport DOCKER_HOST='${dockerHost}'\n`;

/** docker.Provider wants Docker Hub under the name of its registry server. */
function registryLogins(
  registries: Readonly<Record<string, RegistrySettings>>,
): docker.ProviderArgs["registryAuth"] {
  return Object.entries(registries).flatMap(([host, { username, password }]) =>
    username === undefined || password === undefined
      ? []
      : [
          {
            address: host === DOCKER_HUB ? "registry-1.docker.io" : host,
            username,
            password: pulumi.secret(password),
          },
        ],
  );
}
