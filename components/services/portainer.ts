import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { ImageNeeds } from "../../host/preflight";
import { DataVolume } from "../hardened/data-volume";
import { FileVolume } from "../hardened/file-volume";
import { HardenedContainer } from "../hardened/container";
import { Service, ServiceArgs } from "./service";
import { SocketProxy } from "./socket-proxy/socket-proxy";
import { SocketRead } from "./socket-proxy/config";
import { isOlder } from "../../images/tag-version";
import { Route } from "./traefik/config";

export interface PortainerArgs extends ServiceArgs {
  /** Password of the first administrator; it counts only until there is one. */
  readonly adminPassword: pulumi.Input<string>;
  readonly proxy: SocketProxy;
  /** An image with `/bin/chown`; Portainer's own has no program but itself. */
  readonly toolImage: docker.RemoteImage;
}

/** Any user that owns /data will do. */
const USER = "1000:1000";
const PORT = 9000;
const DATA = "/data";
const SECRETS = "/run/secrets/portainer";

/** Portainer, looking at Docker through its proxy: it shows everything and changes nothing. */
export class Portainer extends pulumi.ComponentResource implements Service {
  readonly containers: readonly HardenedContainer[];

  /** What its pages read. */
  static readonly reads: readonly SocketRead[] = [
    "version",
    "info",
    "events",
    "containers",
    "container",
    "containerStats",
    "images",
    "image",
    "imageHistory",
    "networks",
    "network",
    "volumes",
    "volume",
  ];

  static route(host: string): Route {
    return {
      service: "portainer",
      host,
      url: `http://portainer:${PORT}`,
      admin: true,
      // It cannot be asked from inside, so Traefik asks before it sends anybody there.
      healthPath: "/api/system/status",
    };
  }

  static needs(image: string, tag: string | undefined): ImageNeeds {
    return {
      service: "portainer",
      image,
      diskMiB: 300,
      // Its Go client is 23.0 until 2.33.5 and, of the short-term releases, 2.36.0 (portainer/portainer#12925).
      ...((isOlder(tag, [2, 33, 5]) || (!isOlder(tag, [2, 34]) && isOlder(tag, [2, 36]))) && {
        newestApi: 42,
        wayOut: "use portainer-ce 2.33.5, 2.36 or newer, or Docker Engine 29.3 or newer",
      }),
    };
  }

  constructor(args: PortainerArgs, opts: pulumi.ComponentResourceOptions) {
    const name = `${args.stack}-portainer`;
    super("pinned-stack:index:Portainer", name, {}, opts);
    const { stack, after, toolImage } = args;
    const password = new FileVolume(
      `${name}-password`,
      {
        stack,
        service: "portainer",
        path: SECRETS,
        files: { "admin-password": args.adminPassword },
        image: toolImage,
        owner: USER,
        after,
      },
      { parent: this },
    );
    const data = new DataVolume(
      {
        stack,
        service: "portainer",
        name: "data",
        ownedBy: { user: USER, path: DATA, image: toolImage, after },
      },
      { parent: this },
    );
    this.containers = [
      new HardenedContainer(
        stack,
        {
          name: "portainer",
          image: args.image,
          measures: { user: USER, memoryMiB: 256, cpus: 0.5, ...args.measures },
          exemptions: [
            {
              control: "healthCheck",
              value: false,
              reason:
                "the image holds no program that could ask it; Traefik asks its status page where it has a route",
            },
            ...args.exemptions,
          ],
          command: [
            "--host",
            args.proxy.endpoint,
            "--admin-password-file",
            `${SECRETS}/admin-password`,
          ],
          files: [password],
          data: [{ volume: data.volumeName, path: DATA }],
          scratchMiB: { "/tmp": 16 },
          networks: [
            args.networks.link("traefik", "portainer"),
            args.networks.link("portainer", "socket-proxy"),
          ],
          stopGraceSeconds: 20,
          after: [...after, data.ready, ...args.proxy.containers.map(({ container }) => container)],
        },
        { parent: this },
      ),
    ];
    this.registerOutputs({});
  }
}
