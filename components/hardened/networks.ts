/** The networks of a stack: an internal one for each connection, and those that reach beyond the host. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { labelList } from "./labels";
import { networkOptions, NetworkModel } from "./model";

/**
 * A network that containers can join, with its resource. A class with a private field, so that no other object passes for
 * one: what it says of `internal` is how {@link Networks} made the network.
 */
class Link implements NetworkModel {
  readonly #network: docker.Network;

  constructor(
    readonly name: string,
    readonly internal: boolean,
    network: docker.Network,
  ) {
    this.#network = network;
  }

  get network(): docker.Network {
    return this.#network;
  }
}
export type { Link };

export interface NetworksArgs {
  readonly labels?: Readonly<Record<string, string>>;
  /** Docker's ids by name of networks that exist already and are imported into Pulumi's state. Default: none. */
  readonly existing?: Readonly<Partial<Record<string, string>>>;
  /** By Docker's name, the IPv4 subnet of a network that is made now: `10.201.0.0/28`. Default: Docker chooses. */
  readonly subnets?: pulumi.Input<Readonly<Partial<Record<string, string>>>>;
}

/**
 * The networks of a group of containers: one internal network for each pair of containers that communicate, so that the
 * list of networks shows all allowed connections. Only two networks are not internal: `edge` for published ports and
 * `egress` for requests to the internet. In Docker a network is named `<name>-<network>`.
 */
export class Networks extends pulumi.ComponentResource {
  readonly #name: string;
  readonly #labels: NonNullable<NetworksArgs["labels"]>;
  readonly #existing: NonNullable<NetworksArgs["existing"]>;
  readonly #subnets: NetworksArgs["subnets"];
  readonly #links = new Map<string, Link>();

  constructor(name: string, args: NetworksArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("hardened:docker:Networks", name, {}, opts);
    this.#name = name;
    this.#labels = args.labels ?? {};
    this.#existing = args.existing ?? {};
    this.#subnets = args.subnets;
    this.registerOutputs({});
  }

  /** The network between two containers. The order of the arguments does not matter. */
  between(one: string, other: string): Link {
    if (one === other)
      throw new Error(`network: expected two different containers, got ${one} twice`);
    return (
      this.#links.get(`${other}-${one}`) ?? this.get({ name: `${one}-${other}`, internal: true })
    );
  }

  /** The network for containers that publish ports. */
  edge(): Link {
    return this.get({ name: "edge", internal: false });
  }

  /** The network for requests to the internet. */
  egress(): Link {
    return this.get({ name: "egress", internal: false });
  }

  /** The network of that name, created on first use. */
  get({ name, internal }: NetworkModel): Link {
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const fullName = `${this.#name}-${name}`;
    const id = this.#existing[fullName];
    // Docker creates one network at a time. If all were requested at once, they would occupy Pulumi's parallel operations.
    const earlier = [...this.#links.values()].at(-2)?.network;
    const network = new docker.Network(
      fullName,
      {
        name: fullName,
        internal,
        options: networkOptions(this.#name, name, internal),
        labels: labelList(this.#labels),
        ...(this.#subnets !== undefined &&
          id === undefined && { ipamConfigs: ipam(this.#subnets, fullName) }),
      },
      {
        parent: this,
        // Two networks cannot have the same name or bridge.
        deleteBeforeReplace: true,
        // A network keeps the addresses that it was made with, whatever the others and the pool are now.
        ignoreChanges: ["ipamConfigs"],
        ...(earlier !== undefined && { dependsOn: earlier }),
        ...(id !== undefined && { import: id }),
      },
    );
    const link = new Link(name, internal, network);
    this.#links.set(name, link);
    return link;
  }
}

const ipam = (
  subnets: NonNullable<NetworksArgs["subnets"]>,
  network: string,
): pulumi.Output<docker.types.input.NetworkIpamConfig[]> =>
  pulumi.output(subnets).apply((known) => {
    const subnet = known[network];
    return subnet === undefined ? [] : [{ subnet }];
  });
