/** What the real cosign has put into a registry, recorded in tests/fixtures/sigstore/. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { blobOf } from "./oci-images";
import type { FakeRegistry } from "./registry-server";

export interface Recorded {
  /** Of the image that was signed. */
  readonly digest: string;
  readonly repositories: Readonly<
    Record<
      string,
      {
        readonly manifests: readonly {
          readonly tag?: string;
          readonly mediaType: string;
          readonly base64: string;
        }[];
        readonly blobs: readonly string[];
      }
    >
  >;
}

export const readRecorded = (file: string): unknown =>
  JSON.parse(readFileSync(join(__dirname, "..", "fixtures", "sigstore", file), "utf8"));

/** Puts a recorded repository, without its image, into `repository` of a registry. */
export function putRecorded(
  registry: Pick<FakeRegistry, "put" | "putBlob">,
  repository: string,
  recorded: Recorded,
  name: string,
): void {
  const { manifests, blobs } = recorded.repositories[name] ?? assert.fail(name);
  for (const blob of blobs) registry.putBlob(repository, Buffer.from(blob, "base64"));
  for (const { tag, mediaType, base64 } of manifests)
    registry.put(
      repository,
      { mediaType, ...blobOf(Buffer.from(base64, "base64")) },
      ...(tag === undefined ? [] : [tag]),
    );
}
