/** The Docker host as Pulumi resources: its provider, and commands on it. */
import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { DOCKER_HUB } from "../images/reference";
import { RegistrySettings } from "../images/registry/client";
import { UserError } from "../text/user-error";
import { hostAccess, HostAccess, HostAddress, hostPrelude } from "./address";
import { hostNetworks, NETWORKS_SCRIPT, subnetsFor } from "./address-pools";
import { EngineCgroups, parseEngineCgroups } from "./cgroups";
import { PreflightArgs, preflightScript } from "./preflight";
import { makeSshFolder } from "./ssh-folder";
import { selfSignedScript, selfSignedTriggers } from "./self-signed";

export interface DockerHostArgs {
  readonly host: HostAddress;
  /** Registry credentials, which the engine uses for pulls. */
  readonly registries?: Readonly<Record<string, RegistrySettings>>;
}

export interface HostCommandArgs {
  /** A POSIX shell script. It is passed on stdin, so that error messages do not print it. */
  readonly script: pulumi.Input<string>;
  /** The command runs again if one of these values changes. */
  readonly triggers: pulumi.Input<pulumi.Input<string>[]>;
  /** Whether another script alone is no reason to run it again. Default false. */
  readonly once?: boolean;
}

/** The Docker host of a stack: its provider, and shell commands on it. */
export class DockerHost {
  readonly access: HostAccess;
  readonly provider: docker.Provider;

  #socketGroup: pulumi.Output<string> | undefined;
  #cgroups: pulumi.Output<EngineCgroups> | undefined;

  /** Throws a {@link UserError} if DOCKER_CONTEXT is set. */
  constructor(
    readonly stack: string,
    args: DockerHostArgs,
  ) {
    const context = process.env.DOCKER_CONTEXT ?? "";
    if (context !== "")
      throw new UserError(
        `DOCKER_CONTEXT=${context} is set and would override pinned-stack:host; unset it`,
      );
    this.access = hostAccess(args.host);
    if (this.access.remote) makeSshFolder();
    this.provider = new docker.Provider(`${stack}-host`, {
      host: this.access.providerHost,
      sshOpts: [...this.access.sshOptions],
      registryAuth: registryLogins(args.registries ?? {}),
    });
  }

  /** Checks the host's requirements. Fails the deployment before images are pulled or containers are touched. */
  preflight(args: PreflightArgs, opts: pulumi.CustomResourceOptions = {}): command.local.Command {
    const script = preflightScript(args);
    return this.command(`${this.stack}-preflight`, { script, triggers: [] }, opts);
  }

  /** The Docker socket and the numeric id of its group. The id differs between hosts, so a command reads it. */
  socket(): { readonly path: string; readonly group: pulumi.Output<string> } {
    const path = this.access.socketPath;
    this.#socketGroup ??= this.command(socketGroupName(this.stack), {
      script: `stat -c %g '${path}'`,
      triggers: [this.access.label, path],
    }).stdout.apply((text) => text.trim());
    return { path, group: this.#socketGroup };
  }

  /** How the engine manages control groups. A command reads it once, like the socket's group. */
  cgroups(): pulumi.Output<EngineCgroups> {
    this.#cgroups ??= this.command(cgroupsName(this.stack), {
      script: `docker info --format '{{.CgroupDriver}} {{.CgroupVersion}}'\n`,
      triggers: [this.access.label, this.access.socketPath],
    }).stdout.apply(parseEngineCgroups);
    return this.#cgroups;
  }

  /**
   * Subnets for the stack's networks by Docker's name, each a part of `pool` that nothing on the host uses. A command reads
   * what is used whenever the list of networks changes: a preview does not know the result.
   */
  subnets(
    pool: string,
    names: readonly string[],
    opts: pulumi.CustomResourceOptions = {},
  ): pulumi.Output<Readonly<Record<string, string>>> {
    const wanted = [...names].sort();
    const triggers = [this.access.label, pool, ...wanted];
    return this.command(
      `${this.stack}-networks`,
      { script: NETWORKS_SCRIPT, triggers },
      opts,
    ).stdout.apply((text) => {
      const found = subnetsFor(pool, wanted, hostNetworks(text));
      if ("problem" in found) throw new UserError(`${found.problem}; ${found.fix}`);
      return found.subnets;
    });
  }

  /**
   * A private key and its self-signed certificate for these names, as PEM. Made once and kept in Pulumi's state as a secret,
   * so that visitors can trust it.
   */
  selfSignedCertificate(hosts: readonly string[], today: Date): pulumi.Output<string> {
    const { stdout } = this.command(
      `${this.stack}-self-signed-certificate`,
      { script: selfSignedScript(hosts), triggers: selfSignedTriggers(hosts, today) },
      { additionalSecretOutputs: ["stdout"] },
    );
    return pulumi.secret(stdout.apply((pem) => `${pem.trim()}\n`));
  }

  /** Runs a script on the host on creation and when it or a trigger changes; never in a preview. */
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
        ...(args.once === true && { update: ":" }),
        stdin: pulumi.interpolate`${hostPrelude(this.access)}${args.script}`,
        // Errors are on stderr; stdout is data for the program.
        logging: command.types.enums.local.Logging.Stderr,
        triggers: args.triggers,
        // The provider inherits the passphrase from Pulumi and would pass it on. It can override a variable, not remove it.
        environment: { PULUMI_CONFIG_PASSPHRASE: "" },
        addPreviousOutputInEnv: false,
      },
      opts,
    );
  }
}

/** Name of the command that reads the socket's group. `npm run deploy` replaces it if the group has changed. */
export const socketGroupName = (stack: string): string => `${stack}-socket-group`;

/** Name of the command that reads the engine's cgroup driver and version. `npm run deploy` replaces it if they have changed. */
export const cgroupsName = (stack: string): string => `${stack}-cgroups`;

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
