/** Puts signatures beside an image in the registry of the tests, in each of the places where clients put them. */
import { OCI_INDEX, OCI_MANIFEST } from "../../images/registry/manifests";
import type { Digest } from "../../images/reference";
import { blobOf, type StoredManifest } from "./oci-images";
import type { FakeRegistry } from "./registry-server";

export interface Layer {
  readonly mediaType: string;
  readonly content: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
export const SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json";
export const ENVELOPE = "application/vnd.dsse.envelope.v1+json";

export const bundleLayer = ({ bundle }: { readonly bundle: object }): Layer => ({
  mediaType: BUNDLE,
  content: Buffer.from(JSON.stringify(bundle)),
});

/** A manifest with these layers, in the registry. */
export function attach(
  registry: FakeRegistry,
  repository: string,
  layers: readonly Layer[],
  {
    subject,
    tags = [],
    size,
  }: {
    readonly subject?: Digest;
    readonly tags?: readonly string[];
    /** What the manifest says of the layers' size. Default: the truth. */
    readonly size?: number;
  } = {},
): StoredManifest {
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: BUNDLE,
    config: {
      mediaType: "application/vnd.oci.empty.v1+json",
      digest: registry.putBlob(repository, "{}"),
      size: 2,
    },
    layers: layers.map(({ mediaType, content, annotations }) => ({
      mediaType,
      digest: registry.putBlob(repository, content),
      size: size ?? content.length,
      ...(annotations !== undefined && { annotations }),
    })),
    ...(subject !== undefined && {
      subject: { mediaType: OCI_INDEX, digest: subject, size: 1 },
    }),
  };
  const stored = { mediaType: OCI_MANIFEST, ...blobOf(JSON.stringify(manifest)) };
  registry.put(repository, stored, ...tags);
  return stored;
}

/** The list under the tag that stands in for the referrers API. */
export function listUnderTag(
  registry: FakeRegistry,
  repository: string,
  digest: Digest,
  manifests: readonly StoredManifest[],
): void {
  const index = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: manifests.map(({ mediaType, digest: own, bytes }) => ({
      mediaType,
      digest: own,
      size: bytes.length,
    })),
  };
  registry.put(
    repository,
    { mediaType: OCI_INDEX, ...blobOf(JSON.stringify(index)) },
    digest.replace(":", "-"),
  );
}
