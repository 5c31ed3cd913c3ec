/** What a person can do about an image that a registry did not give. */

import { nearestTags } from "./nearest-tags";
import type { ImageReference } from "../reference";
import { RegistryError, type RegistryClient } from "./client";

/** The end of a message. Asks the registry for its tags where the tag is what is wrong. */
export async function wayOut(
  client: RegistryClient,
  image: ImageReference,
  error: RegistryError,
): Promise<string> {
  const settings = `pinned-stack:registries["${image.registry}"]`;
  // Who has pinned it has been told what happens then.
  const orPin =
    image.digest === undefined ? ", or pin the image by digest, then nothing is asked" : "";
  switch (error.code) {
    case "not-found":
      return suggestTags(client, image);
    case "denied":
      return `check the name; for a private image set username and password in ${settings}`;
    case "credentials":
      return `set the right username and password in ${settings}`;
    case "rate-limited":
      return `try again later${orPin}`;
    case "unavailable":
    case "timeout":
      return `check the network and the registry and try again${orPin}`;
    case "tls":
      return `let its certificate be trusted with NODE_EXTRA_CA_CERTS; for a registry that is meant to speak plain http set insecure in ${settings}`;
    case "refused":
    case "invalid-answer":
    case "too-large":
      return `check that ${image.registry} is the registry you mean${orPin}`;
    case "aborted":
      return "start again";
  }
}

// As many as fit into a line.
const FEW_TAGS = 5;

async function suggestTags(client: RegistryClient, image: ImageReference): Promise<string> {
  const tags = await client.tags(image).catch((error: unknown) => {
    if (error instanceof RegistryError) return error;
    throw error;
  });
  if (tags instanceof RegistryError)
    return tags.code === "not-found"
      ? "check the name, the registry lists no such repository"
      : "check the tag, the registry did not list those there are";
  const nearest = nearestTags(image.tag ?? "", tags);
  if (nearest.length > 0) return `the nearest tags are ${nearest.join(", ")}`;
  if (tags.length === 0) return "check the name, the repository has no tags";
  return tags.length <= FEW_TAGS
    ? `the repository has only ${tags.join(", ")}`
    : `check the tag, none of the ${tags.length} there are comes near`;
}
