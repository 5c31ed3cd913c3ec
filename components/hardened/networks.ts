import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { labelList } from "./labels";
import { NetworkModel } from "./model";

/** A network as containers join it. */
export interface Link extends NetworkModel {
  readonly network: docker.Network;
}

export interface NetworksArgs {
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * The networks of a group of containers: one internal network per pair that talks, so that the list of networks is the
 * firewall map. Networks that reach beyond the host are `edge`, where ports are published, and `egress`, for requests to
 * the internet. Docker names a network `<name>-<network>`.
 */
export class Networks extends pulumi.ComponentResource {
  readonly #name: string;
  readonly #labels: NonNullable<NetworksArgs["labels"]>;
  readonly #links = new Map<string, Link>();

  constructor(name: string, args: NetworksArgs, opts: pulumi.ComponentResourceOptions) {
    super("hardened:docker:Networks", name, {}, opts);
    this.#name = name;
    this.#labels = args.labels ?? {};
    this.registerOutputs({});
  }

  /** The network of two containers; the same one whichever of them asks. */
  between(one: string, other: string): Link {
    if (one === other) throw new Error(`network: ${one} needs no network to talk to itself`);
    return (
      this.#links.get(`${other}-${one}`) ?? this.get({ name: `${one}-${other}`, internal: true })
    );
  }

  /** Where ports are published. */
  edge(): Link {
    return this.get({ name: "edge", internal: false });
  }

  /** The way to the internet. */
  egress(): Link {
    return this.get({ name: "egress", internal: false });
  }

  /** The network of that name, created when it is asked for the first time. */
  get({ name, internal }: NetworkModel): Link {
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const fullName = `${this.#name}-${name}`;
    const network = new docker.Network(
      fullName,
      { name: fullName, internal, labels: labelList(this.#labels) },
      { parent: this },
    );
    const link = { name, internal, network };
    this.#links.set(name, link);
    return link;
  }
}
