import { Cadvisor } from "./cadvisor";
import { Portainer } from "./portainer";
import { ImageNeeds } from "../../host/preflight";
import { formatReference, ImageReference } from "../../images/reference";

/** Disk for the unpacked image, MiB, rounded up from the published ones. */
const DISK_MIB: Readonly<Partial<Record<string, number>>> = {
  traefik: 250,
  "socket-proxy": 50,
  homepage: 60,
  n8n: 1300,
  postgres: 400,
};
/** For a service that is not in the table. */
const USUAL_DISK_MIB = 250;

/** What the images of a stack need of the host; services that depend on the engine's version say so themselves. */
export function imageNeeds(images: Readonly<Record<string, ImageReference>>): ImageNeeds[] {
  return Object.entries(images).map(([service, reference]) => {
    const image = formatReference(reference);
    if (service === "portainer") return Portainer.needs(image, reference.tag);
    if (service === "cadvisor") return Cadvisor.needs(image, reference.tag);
    return { service, image, diskMiB: DISK_MIB[service] ?? USUAL_DISK_MIB };
  });
}
