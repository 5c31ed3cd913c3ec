/** What the user can do about an error of a registry. Pure. */
import type { ImageReference } from "../reference";
import type { RegistryError } from "./errors";

/** An instruction for the user, to be appended to the error message. Pure. */
export function remedy(image: ImageReference, error: RegistryError): string {
  const settings = `pinned-stack:registries["${image.registry}"]`;
  const orPin = image.digest === undefined ? ", or pin the image by digest" : "";
  switch (error.code) {
    case "not-found":
      return "check the repository and the tag";
    case "denied":
      return `check the repository; for a private image, set username and password in ${settings}`;
    case "credentials":
      return `correct the username and password in ${settings}`;
    case "rate-limited":
      return `try again later${orPin}`;
    case "unavailable":
    case "timeout":
      return `check the network and the registry, then try again${orPin}`;
    case "tls":
      return `add its CA certificate to NODE_EXTRA_CA_CERTS; for a plain http registry, set insecure in ${settings}`;
    case "refused":
    case "invalid-answer":
    case "too-large":
      return `check that ${image.registry} is the intended registry${orPin}`;
    case "aborted":
      return "run the command again";
  }
}
