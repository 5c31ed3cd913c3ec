/** Reads what the images of a Compose file say about themselves, from their registries. */
import { imageReader } from "../../images/inspect/reader";
import { type ImageDefaults } from "../../images/inspect/facts";
import { isPinned, pinTo, type ImageReference } from "../../images/reference";
import { RegistryClient, RegistryError, type Registries } from "../../images/registry/client";

export interface ReadImages {
  /** With the digest that the tag has now; as given if the registry did not answer. */
  readonly images: Readonly<Record<string, ImageReference>>;
  readonly defaults: ReadonlyMap<string, ImageDefaults>;
  /** One line for each image that could not be read. */
  readonly problems: readonly string[];
}

export interface ReadImagesOptions {
  readonly registries: Registries;
  readonly platform: string;
  /** For all registries together, in ms. Default 20 000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** @param images by service */
export async function readImages(
  images: Readonly<Record<string, ImageReference>>,
  { registries, platform, deadlineMs, signal }: ReadImagesOptions,
): Promise<ReadImages> {
  const client = new RegistryClient({
    registries,
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(signal !== undefined && { signal }),
  });
  try {
    const read = imageReader(client, platform);
    const lookup = client.lookup(Object.values(images).filter((image) => !isPinned(image)));
    const readings = await Promise.all(
      Object.entries(images).map(async ([service, image]) => {
        const digest = image.digest ?? (await lookup(image));
        if (digest instanceof RegistryError) return { service, image, problem: digest.answer };
        const reading = await read(image, digest);
        return "facts" in reading
          ? { service, image: pinTo(image, digest), defaults: reading.facts.defaults }
          : { service, image, problem: reading.reason };
      }),
    );
    return {
      images: Object.fromEntries(readings.map(({ service, image }) => [service, image])),
      defaults: new Map(
        readings.flatMap(({ service, defaults }) =>
          defaults === undefined ? [] : [[service, defaults] as const],
        ),
      ),
      problems: readings.flatMap(({ service, problem }) =>
        problem === undefined ? [] : [`${service}: its image was not read: ${problem}`],
      ),
    };
  } finally {
    client.close();
  }
}
