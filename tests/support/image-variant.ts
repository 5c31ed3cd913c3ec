/** Makes new images from good ones, in the registry itself: a new configuration and at most one small layer. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import {
  Repository,
  sha256,
  splitImage,
  type Descriptor,
  type ImageManifest,
} from "./registry-images";
import { tar } from "../../components/hardened/tar";

/**
 * - `rebuild`: the same files under a new label, so a new digest
 * - `reindex`: an image index, new each time, around the same manifest: nothing to restart for
 * - `exits`: prints an error and exits 1
 * - `unhealthy`: runs, and answers no health check
 * - `otherPlatform`: claims to be for linux/arm64
 */
export type VariantName = "rebuild" | "reindex" | "exits" | "unhealthy" | "otherPlatform";
export type VariantKind = VariantName | Scripted;

/** Runs a script of BusyBox's shell first. Its arguments are the image's own words, so `exec "$@"` goes on as before. */
export interface Scripted {
  readonly script: string;
}

interface ImageConfig {
  readonly architecture: string;
  readonly config?: {
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Entrypoint?: readonly string[] | null;
  };
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly string[] };
  readonly history?: readonly object[];
}

interface ImageIndex {
  readonly manifests: readonly Descriptor[];
}

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const SHELL = "/testbed/busybox";
/** Works in an image without a shell too; health checks of the program's own find nothing listening. */
const SCRIPTS = {
  exits: "echo this image is broken on purpose >&2; exit 1",
  unhealthy: "trap 'exit 0' TERM INT QUIT; while :; do sleep 1; done",
} as const;

let count = 0;

/**
 * Makes a variant of what `image` (`repository:tag`) is now and pushes it under `tag`, by default the same.
 * Gives the new digest.
 */
export async function variant(
  registryUrl: string,
  image: string,
  kind: VariantKind,
  tag = splitImage(image).tag,
): Promise<string> {
  count += 1;
  const repository = new Repository(registryUrl, splitImage(image).repository);
  const good = await platformManifest(repository, splitImage(image).tag);
  if (kind === "reindex") {
    const platform = { os: "linux", architecture: good.config.architecture };
    const index = {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ ...good.descriptor, platform }],
      annotations: { "org.example.variant": `${process.pid}-${count}` },
    };
    return repository.putManifest(tag, OCI_INDEX, json(index));
  }

  const script = scriptOf(kind);
  const shell = script === undefined ? undefined : await shellLayer();
  const config = {
    ...good.config,
    ...(kind === "otherPlatform" && { architecture: "arm64", variant: "v8" }),
    config: {
      ...good.config.config,
      Labels: {
        ...good.config.config?.Labels,
        "org.example.variant": `${process.pid}-${count}`,
      },
      ...(script !== undefined && {
        Entrypoint: [SHELL, "sh", "-c", script, "sh", ...(good.config.config?.Entrypoint ?? [])],
      }),
    },
    ...(shell && {
      rootfs: { type: "layers", diff_ids: [...good.config.rootfs.diff_ids, sha256(shell)] },
      history: [...(good.config.history ?? []), { created_by: "test variant" }],
    }),
  };
  const layerType = good.manifest.layers[0]?.mediaType ?? "";
  const manifest: ImageManifest = {
    ...good.manifest,
    config: await repository.putBlob(good.manifest.config.mediaType, json(config)),
    layers: shell
      ? [...good.manifest.layers, await repository.putBlob(layerType, gzipSync(shell))]
      : good.manifest.layers,
  };
  return repository.putManifest(tag, good.descriptor.mediaType, json(manifest));
}

const scriptOf = (kind: VariantKind): string | undefined =>
  typeof kind === "object"
    ? kind.script
    : kind === "exits" || kind === "unhealthy"
      ? SCRIPTS[kind]
      : undefined;

/** Lets the tag of `image` (`repository:tag`) point to a digest the repository still has. */
export async function point(registryUrl: string, image: string, digest: string): Promise<void> {
  const { repository: name, tag } = splitImage(image);
  const repository = new Repository(registryUrl, name);
  const { mediaType, bytes } = await repository.manifest(digest);
  await repository.putManifest(tag, mediaType, bytes);
}

/** The manifest behind a tag, or the first one where the tag is an index. */
async function platformManifest(
  repository: Repository,
  reference: string,
): Promise<{
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
}> {
  const { digest, mediaType, bytes } = await repository.manifest(reference);
  const parsed = JSON.parse(bytes.toString()) as ImageManifest | ImageIndex;
  if ("manifests" in parsed) return platformManifest(repository, parsed.manifests[0]?.digest ?? "");
  const config = JSON.parse(
    (await repository.blob(parsed.config.digest)).toString(),
  ) as ImageConfig;
  return { descriptor: { mediaType, digest, size: bytes.length }, manifest: parsed, config };
}

const shellLayer = async (): Promise<Buffer> =>
  tar([{ path: SHELL.slice(1), mode: 0o755, content: await readFile("/bin/busybox") }]);

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
