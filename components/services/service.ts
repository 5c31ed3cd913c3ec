import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { ImageReference } from "../../images/reference";
import { Exemption, Measures } from "../hardened/policy";
import { HardenedContainer } from "../hardened/container";
import { Networks } from "../hardened/networks";

/** What every service needs to be made; index.ts fills it from the configuration. */
export interface ServiceArgs {
  readonly stack: string;
  readonly image: docker.RemoteImage;
  /** What the image is; a service reads its version from the tag. */
  readonly reference: ImageReference;
  readonly networks: Networks;
  /** The stack's own limits for this service; they win over the service's. */
  readonly measures: Measures;
  /** The stack's own exemptions for this service. */
  readonly exemptions: readonly Exemption[];
  /** What must be there before any container starts: all images, and a host that fits them. */
  readonly after: readonly pulumi.Resource[];
}

/** A service that runs: what index.ts needs of it for the outputs. */
export interface Service {
  readonly containers: readonly HardenedContainer[];
}
