import * as pulumi from "@pulumi/pulumi";

import { DataVolume } from "../../hardened/data-volume";
import { FileVolume } from "../../hardened/file-volume";
import { Exemption } from "../../hardened/policy";
import { HardenedContainer } from "../../hardened/container";
import { Service, ServiceArgs } from "../service";
import {
  Acme,
  ACME_FOLDER,
  CONFIG_FOLDER,
  DNS_PROVIDERS,
  dynamicConfig,
  openRoutes,
  staticConfig,
  Tls,
  TraefikSettings,
} from "./config";

export interface TraefikArgs extends ServiceArgs, TraefikSettings {
  /** Certificates from an ACME authority take the token of the DNS provider. */
  readonly tls: Exclude<Tls, Acme> | (Acme & { readonly dnsToken: pulumi.Input<string> });
}

const USER = "65532:65532";
const SECRETS = "/run/secrets/traefik";

/**
 * The way in: the only service with published ports. It knows its routes from a file, so it needs no Docker socket; it
 * runs as a user like any other, since Docker lets every user open ports 80 and 443 inside a container (Engine 20.10
 * and newer).
 */
export class Traefik extends pulumi.ComponentResource implements Service {
  readonly containers: readonly HardenedContainer[];

  constructor(args: TraefikArgs, opts: pulumi.ComponentResourceOptions) {
    const name = `${args.stack}-traefik`;
    super("pinned-stack:index:Traefik", name, {}, opts);
    const { stack, image, after, tls, publish } = args;
    const files = (suffix: string, path: string, content: FileVolumeContent, owner?: string) =>
      new FileVolume(
        `${name}-${suffix}`,
        {
          stack,
          service: "traefik",
          path,
          files: content,
          image,
          after,
          ...(owner !== undefined && { owner }),
        },
        { parent: this },
      );

    const config = files("config", CONFIG_FOLDER, {
      "traefik.yml": staticConfig(args, args.reference.tag),
      "dynamic/routes.yml": dynamicConfig(args),
    });
    const token =
      tls.mode === "acme"
        ? files("dns-token", SECRETS, { "dns-token": tls.dnsToken }, USER)
        : undefined;
    const certificates =
      tls.mode === "acme"
        ? new DataVolume(
            {
              stack,
              service: "traefik",
              name: "acme",
              ownedBy: { user: USER, path: ACME_FOLDER, image, after },
            },
            { parent: this },
          )
        : undefined;

    const ports = [
      { address: publish.address, published: publish.http, internal: 80 },
      ...(tls.mode === "none"
        ? []
        : [{ address: publish.address, published: publish.https, internal: 443 }]),
    ];
    const container = new HardenedContainer(
      stack,
      {
        name: "traefik",
        image,
        measures: { user: USER, memoryMiB: 256, cpus: 1, ...args.measures },
        exemptions: [...exemptions(ports.map(({ internal }) => internal)), ...args.exemptions],
        ...(tls.mode === "acme" && {
          environment: { [DNS_PROVIDERS[tls.dnsProvider]]: `${SECRETS}/dns-token` },
        }),
        files: token === undefined ? [config] : [config, token],
        ...(certificates !== undefined && {
          data: [{ volume: certificates.volumeName, path: ACME_FOLDER }],
        }),
        scratchMiB: { "/tmp": 16 },
        health: { command: ["traefik", "healthcheck"] },
        networks: [
          args.networks.edge(),
          ...openRoutes(args).map(({ service }) => args.networks.link("traefik", service)),
        ],
        ports,
        // It finishes the requests that are under way.
        stopGraceSeconds: 20,
        after: certificates === undefined ? after : [...after, certificates.ready],
      },
      { parent: this },
    );
    this.containers = [container];
    this.registerOutputs({});
  }
}

type FileVolumeContent = Readonly<Record<string, pulumi.Input<string>>>;

const exemptions = (ports: readonly number[]): readonly Exemption[] => [
  {
    control: "publishedPorts",
    value: ports,
    reason: "the one entrance of the stack; every other service is reached through it",
  },
  {
    control: "outsideNetworks",
    value: ["edge"],
    reason: "published ports need a network that leads out; ACME certificates are fetched over it",
  },
];
