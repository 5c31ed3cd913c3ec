import * as pulumi from "@pulumi/pulumi";

import { DEFAULT_SOCKET } from "../../../host/address";
import { FileVolume } from "../../hardened/file-volume";
import { HardenedContainer } from "../../hardened/container";
import { Service, ServiceArgs } from "../service";
import { proxyConfig, PROXY_PORT, SocketRead } from "./config";

export interface SocketProxyArgs extends ServiceArgs {
  /** The one service that talks to it. */
  readonly consumer: string;
  /** What that service reads of Docker's API. Nothing else passes, and nothing can be changed. */
  readonly reads: readonly SocketRead[];
  readonly socket: { readonly path: string; readonly group: pulumi.Input<string> };
}

/** HAProxy's own user. */
const USER = "99:99";
const CONFIG_FOLDER = "/etc/socket-proxy";

/**
 * The Docker socket, read-only and in parts, for one service. Each consumer has a proxy of its own on a network of its
 * own, because a proxy has one set of permissions for all who reach it.
 */
export class SocketProxy extends pulumi.ComponentResource implements Service {
  readonly containers: readonly HardenedContainer[];
  /** `tcp://…`, for the consumer. */
  readonly endpoint: string;

  constructor(args: SocketProxyArgs, opts: pulumi.ComponentResourceOptions) {
    const container = `socket-proxy-${args.consumer}`;
    super("pinned-stack:index:SocketProxy", `${args.stack}-${container}`, {}, opts);
    this.endpoint = `tcp://${container}:${PROXY_PORT}`;
    const config = new FileVolume(
      `${args.stack}-${container}-config`,
      {
        stack: args.stack,
        service: "socket-proxy",
        path: CONFIG_FOLDER,
        files: { "haproxy.cfg": proxyConfig(args.reads, DEFAULT_SOCKET) },
        image: args.image,
        after: args.after,
      },
      { parent: this },
    );
    this.containers = [
      new HardenedContainer(
        args.stack,
        {
          name: container,
          service: "socket-proxy",
          image: args.image,
          measures: { user: USER, memoryMiB: 64, cpus: 0.25, ...args.measures },
          exemptions: [
            {
              control: "dockerSocket",
              value: true,
              reason:
                "it is what keeps the socket away from everything else; it only lets reads through",
            },
            ...args.exemptions,
          ],
          // HAProxy itself: the image's entry point would write a configuration of its own, which lets more through.
          entrypoint: ["haproxy", "-db", "-f", `${CONFIG_FOLDER}/haproxy.cfg`],
          files: [config],
          dockerSocket: args.socket,
          scratchMiB: { "/run": 1, "/tmp": 1 },
          // 503 when the socket cannot be reached, so it proves the whole way.
          health: {
            command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PROXY_PORT}/_ping`],
            startSeconds: 10,
          },
          networks: [args.networks.link(args.consumer, "socket-proxy")],
          after: args.after,
        },
        { parent: this },
      ),
    ];
    this.registerOutputs({});
  }
}
