import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { formatReference, ImageReference } from "../../images/reference";

/**
 * All images of the stack on the host. Every container waits for all of them, so a pull that fails stops the
 * deployment before anything that runs is touched.
 */
export class PulledImages {
  readonly all: readonly docker.RemoteImage[];
  readonly #byService: ReadonlyMap<string, docker.RemoteImage>;

  constructor(
    stack: string,
    readonly images: Readonly<Record<string, ImageReference>>,
    platform: string,
    opts: pulumi.CustomResourceOptions,
  ) {
    this.#byService = new Map(
      Object.entries(images).map(([service, image]) => [
        service,
        new docker.RemoteImage(
          `${stack}-${service}`,
          {
            name: formatReference(image),
            platform,
            // The old image stays, so that going back to it needs no registry.
            keepLocally: true,
          },
          opts,
        ),
      ]),
    );
    this.all = [...this.#byService.values()];
  }

  reference(service: string): ImageReference {
    const reference = this.images[service];
    if (reference === undefined) throw new Error(`images.${service}: not among the images to pull`);
    return reference;
  }

  of(service: string): docker.RemoteImage {
    const image = this.#byService.get(service);
    if (image === undefined) throw new Error(`images.${service}: not among the images to pull`);
    return image;
  }
}
