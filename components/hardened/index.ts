/**
 * Hardened containers for any Pulumi program that uses Docker: the policy, and components that apply it.
 * Example: tests/integration/hardened-example.ts.
 */
export { DockerHost } from "../../host/docker-host";
export { HardenedContainer, type HardenedContainerArgs } from "./container";
export { DataVolume, type DataVolumeArgs } from "./data-volume";
export { FileVolume, type FileVolumeArgs, type LiveFiles, type NamedSecret } from "./file-volume";
export { type SocketRead } from "./haproxy";
export { type ContainerModel } from "./model";
export { type Link, Networks, type NetworksArgs } from "./networks";
export { type Controls, type Exemption, HARDENED, HardeningError, type Limits } from "./policy";
export { SocketProxy, type SocketProxyArgs } from "./socket-proxy";
