/** Real indexes, manifests and configurations, as bytes with their digests: what a registry stores of an image. */

import { digestOf } from "../../images/registry/response";
import {
  DOCKER_LIST,
  OCI_INDEX,
  OCI_MANIFEST,
  type ManifestType,
} from "../../images/registry/manifests";
import type { Digest } from "../../images/reference";

export interface Blob {
  readonly digest: Digest;
  readonly bytes: Buffer;
}

export interface StoredManifest extends Blob {
  /** One of {@link ManifestType}, or what a test of wrong types stores. */
  readonly mediaType: string;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export const LINUX_AMD64: Platform = { os: "linux", architecture: "amd64" };
export const LINUX_ARM64: Platform = { os: "linux", architecture: "arm64", variant: "v8" };
const UNKNOWN: Platform = { os: "unknown", architecture: "unknown" };

/** What one platform's image has: everything a change of it can be explained by. */
export interface PlatformImageOptions {
  readonly platform?: Platform;
  /** RFC 3339. */
  readonly created?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly env?: readonly string[];
  readonly user?: string;
  readonly exposedPorts?: readonly string[];
  readonly volumes?: readonly string[];
  /** As in the configuration: `["CMD", …]`. */
  readonly healthTest?: readonly string[];
  /** One layer each; its content, not its archive. */
  readonly layers?: readonly string[];
}

export interface PlatformImage {
  readonly platform: Platform;
  readonly config: Blob;
  readonly layers: readonly Blob[];
  readonly manifest: StoredManifest;
}

/** An index with everything it refers to. */
export interface IndexedImage {
  readonly index: StoredManifest;
  readonly manifests: readonly StoredManifest[];
  readonly blobs: readonly Blob[];
}

export const blobOf = (content: string | Buffer): Blob => {
  const bytes = Buffer.from(content);
  return { bytes, digest: digestOf(bytes) };
};

const manifestOf = (mediaType: string, content: object): StoredManifest => ({
  mediaType,
  ...blobOf(JSON.stringify({ schemaVersion: 2, mediaType, ...content })),
});

const descriptor = (mediaType: string, { digest, bytes }: Blob) => ({
  mediaType,
  digest,
  size: bytes.length,
});

/** One platform's manifest and configuration. The same options give the same bytes. */
export function platformImage(options: PlatformImageOptions = {}): PlatformImage {
  const { platform = LINUX_AMD64, created, labels, annotations, env, user, exposedPorts } = options;
  const { volumes, healthTest } = options;
  const layers = (options.layers ?? ["layer"]).map(blobOf);
  const config = blobOf(
    JSON.stringify({
      ...platform,
      ...(created !== undefined && { created }),
      config: {
        ...(labels !== undefined && { Labels: labels }),
        ...(env !== undefined && { Env: env }),
        ...(user !== undefined && { User: user }),
        ...(exposedPorts !== undefined && {
          ExposedPorts: Object.fromEntries(exposedPorts.map((port) => [port, {}])),
        }),
        ...(volumes !== undefined && {
          Volumes: Object.fromEntries(volumes.map((path) => [path, {}])),
        }),
        ...(healthTest !== undefined && { Healthcheck: { Test: healthTest } }),
      },
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
      history: layers.map(() => ({ ...(created !== undefined && { created }) })),
    }),
  );
  const manifest = manifestOf(OCI_MANIFEST, {
    config: descriptor("application/vnd.oci.image.config.v1+json", config),
    layers: layers.map((layer) => descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)),
    ...(annotations !== undefined && { annotations }),
  });
  return { platform, config, layers, manifest };
}

/**
 * An index over the platforms' images.
 * @param options.attestations adds what BuildKit adds: a manifest for each platform that is no image. Its text, which
 *   differs from build to build, moves the index and no platform.
 */
export function indexedImage(
  images: readonly PlatformImage[],
  options: {
    readonly attestations?: string;
    /** The predicate of the provenance in them. With it, each has an SPDX document too. Default: only their text. */
    readonly build?: object;
    readonly mediaType?: ManifestType;
    readonly annotations?: Readonly<Record<string, string>>;
  } = {},
): IndexedImage {
  const { attestations, build, mediaType = OCI_INDEX, annotations } = options;
  const attested =
    attestations === undefined
      ? []
      : images.map((image) => attestationOf(image, attestations, build));
  const index = manifestOf(mediaType, {
    manifests: [
      ...images.map(({ manifest, platform }) => ({
        ...descriptor(manifest.mediaType, manifest),
        platform,
      })),
      ...attested.map(({ manifest, subject }) => ({
        ...descriptor(manifest.mediaType, manifest),
        platform: UNKNOWN,
        annotations: {
          "vnd.docker.reference.type": "attestation-manifest",
          "vnd.docker.reference.digest": subject,
        },
      })),
    ],
    ...(annotations !== undefined && mediaType !== DOCKER_LIST && { annotations }),
  });
  return {
    index,
    manifests: [...images, ...attested].map(({ manifest }) => manifest),
    blobs: [...images, ...attested].flatMap(({ config, layers }) => [config, ...layers]),
  };
}

/** https://docs.docker.com/build/metadata/attestations/attestation-storage/ */
function attestationOf(
  image: PlatformImage,
  text: string,
  build?: object,
): PlatformImage & { subject: Digest } {
  const documents =
    build === undefined
      ? []
      : [blobOf(JSON.stringify({ predicateType: "https://spdx.dev/Document", predicate: {} }))];
  const statement = blobOf(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v0.1",
      predicateType: "https://slsa.dev/provenance/v0.2",
      subject: [{ name: "image", digest: { sha256: image.manifest.digest.slice(7) } }],
      predicate: build ?? { text },
    }),
  );
  const config = blobOf(
    JSON.stringify({
      ...UNKNOWN,
      config: {},
      rootfs: { type: "layers", diff_ids: [statement.digest] },
    }),
  );
  const manifest = manifestOf(OCI_MANIFEST, {
    config: descriptor("application/vnd.oci.image.config.v1+json", config),
    layers: [
      {
        ...descriptor("application/vnd.in-toto+json", statement),
        annotations: { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" },
      },
      ...documents.map((document) => ({
        ...descriptor("application/vnd.in-toto+json", document),
        annotations: { "in-toto.io/predicate-type": "https://spdx.dev/Document" },
      })),
    ],
  });
  return {
    platform: UNKNOWN,
    config,
    layers: [statement, ...documents],
    manifest,
    subject: image.manifest.digest,
  };
}
