import * as pulumi from "@pulumi/pulumi";

import { DEFAULT_SOCKET } from "../../host/address";
import { CommandRunner, HardenedContainer } from "./container";
import { FileVolume } from "./file-volume";
import { PROXY_PORT, PROXY_SPEC, proxyFiles, SocketRead } from "./haproxy";
import { Link } from "./networks";
import { ComponentOptions, componentOptions } from "./options";

export interface SocketProxyArgs {
  /** An image of HAProxy 2.4 or newer with `wget`, such as tecnativa/docker-socket-proxy. */
  readonly image: string;
  /** What clients may read of Docker's API. Nothing else passes, and nothing can be changed. */
  readonly reads: readonly SocketRead[];
  /** The network of its one client: a proxy has one set of permissions for all who reach it. */
  readonly network: Link;
  /** Docker's socket on the host and the group that may use it: DockerHost.socket(). */
  readonly socket: { readonly path: string; readonly group: pulumi.Input<string> };
  readonly host: CommandRunner;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Docker's socket, read-only and in parts, for one client. */
export class SocketProxy extends pulumi.ComponentResource {
  readonly proxy: HardenedContainer;
  /** `tcp://…`, for the client's DOCKER_HOST. */
  readonly endpoint: string;

  constructor(name: string, args: SocketProxyArgs, opts: ComponentOptions) {
    super("hardened:docker:SocketProxy", name, {}, componentOptions(opts));
    const { image, reads, network, socket, host, labels = {} } = args;
    const options = { parent: this, dependsOn: opts.dependsOn ?? [] };
    this.endpoint = `tcp://${name}:${PROXY_PORT}`;
    const config = new FileVolume(
      `${name}-config`,
      { ...proxyFiles(reads), image, labels },
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
