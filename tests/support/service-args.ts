import * as docker from "@pulumi/docker";

import { Networks } from "../../components/hardened/networks";
import { ServiceArgs } from "../../components/services/service";
import { DockerHost } from "../../host/docker-host";
import { parseReference } from "../../images/reference";
import { IMAGES } from "./raw-config";

export const STACK = "test";

/** This machine's Docker engine, for services that run commands beside it. Call it inside `record`. */
export const localHost = (): DockerHost =>
  new DockerHost(STACK, { host: { address: "unix:///var/run/docker.sock" }, registries: {} });

/** The image of a service as the program pulls it. Call it inside `record`. */
export const remoteImage = (service: keyof typeof IMAGES): docker.RemoteImage =>
  new docker.RemoteImage(`${STACK}-${service}`, { name: IMAGES[service] });

/** What index.ts gives to a service of which the stack says nothing. Call it inside `record`. */
export function serviceArgs(service: keyof typeof IMAGES): ServiceArgs {
  const image = remoteImage(service);
  const args = {
    stack: STACK,
    image,
    reference: parseReference(IMAGES[service]),
    networks: new Networks(STACK, {}),
    measures: {},
    exemptions: [],
    after: [image],
  };
  return args;
}
