/** A proxy in front of the Docker socket that lets one client read parts of the API. haproxy.ts has its configuration. */
import * as pulumi from "@pulumi/pulumi";

import { DEFAULT_SOCKET } from "../../host/address";
import { CommandRunner } from "./command-runner";
import { HardenedContainer } from "./container";
import { FileVolume } from "./file-volume";
import { PROXY_PORT, PROXY_SPEC, proxyFiles, SocketRead } from "./haproxy";
import { Link } from "./networks";
import { ComponentOptions, componentOptions } from "./options";

export interface SocketProxyArgs {
  /** An image with HAProxy 2.4 or newer and `wget`, such as tecnativa/docker-socket-proxy. */
  readonly image: string;
  /** The API paths that the client may read. All other requests are rejected. */
  readonly reads: readonly SocketRead[];
  /** A network with a single client, because a proxy has the same permissions for all its clients. */
  readonly network: Link;
  /** The Docker socket on the host and the group that may use it, from `DockerHost.socket()`. */
  readonly socket: { readonly path: string; readonly group: pulumi.Input<string> };
  readonly host: CommandRunner;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Read-only access to selected parts of the Docker API for one client. */
export class SocketProxy extends pulumi.ComponentResource {
  readonly proxy: HardenedContainer;
  /** `tcp://…` for the client's DOCKER_HOST. */
  readonly endpoint: string;

  constructor(name: string, args: SocketProxyArgs, opts: ComponentOptions = {}) {
    super("hardened:docker:SocketProxy", name, {}, componentOptions(opts));
    const { image, reads, network, socket, host, labels = {} } = args;
    const options = { parent: this, dependsOn: opts.dependsOn ?? [] };
    this.endpoint = `tcp://${name}:${PROXY_PORT}`;
    const config = new FileVolume(
      `${name}-config`,
      { ...proxyFiles(reads), image, host, labels },
      options,
    );
    this.proxy = new HardenedContainer(
      name,
      {
        ...PROXY_SPEC,
        image,
        host,
        labels,
        mounts: [
          config,
          { kind: "socket", source: socket.path, path: DEFAULT_SOCKET, group: socket.group },
        ],
        networks: [network],
      },
      options,
    );
    this.registerOutputs({ endpoint: this.endpoint });
  }
}
