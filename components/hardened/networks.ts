import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

/** One network as a container joins it. */
export interface Link {
  /** Name inside the stack, without the stack's prefix: `traefik-homepage`. */
  readonly name: string;
  /** Whether Docker gives it no way out of the host. */
  readonly internal: boolean;
  readonly network: docker.Network;
}

/**
 * The networks of a stack: one internal network per pair of services that talk, so that the list of networks is the
 * firewall map. Two more lead outside: `edge`, where ports are published, and `egress`, for requests to the internet.
 */
export class Networks {
  readonly #links = new Map<string, Link>();

  constructor(
    readonly stack: string,
    readonly opts: pulumi.CustomResourceOptions,
  ) {}

  /** The conversation of two services; the same network whichever of them asks. */
  link(one: string, other: string): Link {
    if (one === other) throw new Error(`network: ${one} needs no network to talk to itself`);
    const known = this.#links.get(`${other}-${one}`);
    return known ?? this.#get(`${one}-${other}`, true);
  }

  /** Where ports are published. */
  edge(): Link {
    return this.#get("edge", false);
  }

  /** The way to the internet. */
  egress(): Link {
    return this.#get("egress", false);
  }

  #get(name: string, internal: boolean): Link {
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const fullName = `${this.stack}-${name}`;
    const network = new docker.Network(
      fullName,
      {
        name: fullName,
        internal,
        labels: [{ label: "pinned-stack.stack", value: this.stack }],
      },
      this.opts,
    );
    const link = { name, internal, network };
    this.#links.set(name, link);
    return link;
  }
}
