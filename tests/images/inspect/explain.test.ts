/** From real indexes: each kind of change, and the changes next to it that are another kind. */

import assert from "node:assert/strict";
import { explain, type ChangeKind } from "../../../images/inspect/explain";
import type { Reading } from "../../../images/inspect/reader";
import { indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import { readingOf } from "../../support/readings";

const OCI = "org.opencontainers.image";
let builds = 0;

/** A new build with this version and revision, in annotations or labels; an empty one is not there. */
function build(said = "", as: "annotations" | "labels" = "annotations"): Reading {
  const [version = "", revision = ""] = said.split(" ");
  const texts = {
    ...(version !== "" && { [`${OCI}.version`]: version }),
    ...(revision !== "" && { [`${OCI}.revision`]: revision }),
  };
  const created = new Date(Date.UTC(2026, 10, 1, 0, ++builds)).toISOString();
  return readingOf(indexedImage([platformImage({ created, [as]: texts })]));
}
const labelled = (said: string): Reading => build(said, "labels");

const amd64 = platformImage({ annotations: { [`${OCI}.version`]: "1" } });
const arm64 = platformImage({ platform: LINUX_ARM64 });
const single = readingOf(indexedImage([amd64]), "linux/amd64", amd64.manifest);
const attested = (text: string): Reading =>
  readingOf(indexedImage([amd64], { attestations: text }));
const both = readingOf(indexedImage([amd64, arm64]));
const foreign = readingOf(indexedImage([arm64]));
const GONE: Reading = { missing: "gone", reason: "ghcr.io answered 404" };
const UNREAD: Reading = { missing: "unread", reason: "ghcr.io answered 500" };

type Row = readonly [title: string, before: Reading, after: Reading, why: string, newTag?: boolean];
const SAME = "only manifests for other platforms changed";
const LABEL = "the same revision, but in a label that may be inherited from the base image";
const HALF = "the same version, but the revision is missing in at least one image";
const table: Readonly<Record<ChangeKind, readonly Row[]>> = {
  "platform-noop": [
    ["attestations", attested("build 1"), attested("build 2"), SAME],
    ["another platform's manifest", readingOf(indexedImage([amd64])), both, SAME],
    ["an index around the same manifest", single, both, SAME],
  ],
  rebuild: [
    ["nothing it names", build("1 a"), build("1 a"), "the same version and revision"],
    ["nothing, without version", build(" a"), build(" a"), "the same revision"],
    ["a version that was not named", build(" a"), build("1 a"), "the same revision"],
  ],
  retagged: [
    ["the revision", build("1 a"), build("1 b"), "same tag, different revision"],
    ["the revision in labels", labelled("1 a"), labelled("1 b"), "same tag, different revision"],
    ["the version", build("1 a"), build("2 a"), "same tag, different version"],
    ["the version, without revision", build("1"), build("2"), "same tag, different version"],
    ["both", build("1 a"), build("2 b"), "same tag, different version and revision"],
  ],
  upgrade: [
    ["the tag and the rest", build("1 a"), build("2 b"), "another tag", true],
    ["the tag, and no names", build(), build(), "another tag", true],
    ["only the tag", attested("1"), attested("2"), "another tag of the same image", true],
  ],
  unknown: [
    ["nothing in labels", labelled("1 a"), labelled("1 a"), LABEL],
    ["labels to annotations", labelled("1 a"), build("1 a"), LABEL],
    ["nothing, without revision", build("1"), build("1"), HALF],
    ["a revision that was not named", build("1"), build("1 a"), HALF],
    [
      "no names",
      build(),
      build(),
      "the version and the revision are missing in at least one image",
    ],
    [
      "an old image that was removed",
      GONE,
      build("1 a"),
      "the old image is no longer in the registry: ghcr.io answered 404",
    ],
    [
      "an old image that was not read",
      UNREAD,
      build("1 a"),
      "the old image could not be read: ghcr.io answered 500",
    ],
    [
      "the host's platform, which was removed",
      build("1 a"),
      foreign,
      "the new image has no manifest for linux/amd64, only for linux/arm64",
    ],
    [
      "the host's platform, which is new",
      foreign,
      build("1 a"),
      "the old image has no manifest for linux/amd64, only for linux/arm64",
    ],
  ],
};

describe("a change", () => {
  for (const [kind, rows] of Object.entries(table))
    for (const [title, before, after, why, newTag = false] of rows)
      it(`of ${title} is ${kind}: ${why}`, () => {
        assert.deepEqual(explain(before, after, newTag), { kind, why });
      });
});
