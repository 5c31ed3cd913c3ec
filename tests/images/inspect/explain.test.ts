/** From real indexes: each kind of change, and the changes next to it that are another kind. */

import assert from "node:assert/strict";
import { explain, type ChangeKind } from "../../../images/inspect/explain";
import type { Reading } from "../../../images/inspect/reader";
import { indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import { readingOf } from "../../support/readings";

const VERSION = "org.opencontainers.image.version";
const REVISION = "org.opencontainers.image.revision";
const arm64 = platformImage({ platform: LINUX_ARM64 });

/** An image that says this of itself in annotations or in labels; the day makes each build another one. */
const build = (
  day: number,
  said: Record<string, string> = {},
  as: "annotations" | "labels" = "annotations",
): Reading =>
  readingOf(
    indexedImage([
      platformImage({ created: `2026-11-${String(day).padStart(2, "0")}T00:00:00Z`, [as]: said }),
    ]),
  );
const said = (version: string, revision: string) => ({
  [VERSION]: version,
  [REVISION]: revision,
});
const amd64 = platformImage({ annotations: said("1", "a") });
const attested = (text: string): Reading =>
  readingOf(indexedImage([amd64], { attestations: text }));

type Row = readonly [
  title: string,
  before: Reading,
  after: Reading,
  kind: ChangeKind,
  why: string,
  retagged?: boolean,
];
const table: readonly Row[] = [
  [
    "other attestations",
    attested("build 1"),
    attested("build 2"),
    "platform-noop",
    "only what the host does not run has changed",
  ],
  [
    "another platform's manifest",
    readingOf(indexedImage([amd64])),
    readingOf(indexedImage([amd64, arm64])),
    "platform-noop",
    "only what the host does not run has changed",
  ],
  [
    "an index around the same manifest",
    readingOf(indexedImage([amd64]), "linux/amd64", amd64.manifest),
    readingOf(indexedImage([amd64, arm64])),
    "platform-noop",
    "only what the host does not run has changed",
  ],
  [
    "the host's manifest with the same version and revision",
    build(1, said("1", "a")),
    build(2, said("1", "a")),
    "rebuild",
    "the same version and revision",
  ],
  [
    "the host's manifest with the same revision and no version",
    build(1, { [REVISION]: "a" }),
    build(2, { [REVISION]: "a" }),
    "rebuild",
    "the same revision",
  ],
  [
    "a version that only one build says, and the same revision",
    build(1, { [REVISION]: "a" }),
    build(2, said("1", "a")),
    "rebuild",
    "the same revision",
  ],
  [
    "the build, where version and revision are labels, which may be those of the same base image",
    build(1, said("1", "a"), "labels"),
    build(2, said("1", "a"), "labels"),
    "unknown",
    "the same revision, but in a label, which may be the base image's",
  ],
  [
    "the build, where the revision was a label only in the old one",
    build(1, said("1", "a"), "labels"),
    build(2, said("1", "a")),
    "unknown",
    "the same revision, but in a label, which may be the base image's",
  ],
  [
    "the revision in labels",
    build(1, said("1", "a"), "labels"),
    build(2, said("1", "b"), "labels"),
    "moved",
    "another revision under the same tag",
  ],
  [
    "the revision",
    build(1, said("1", "a")),
    build(2, said("1", "b")),
    "moved",
    "another revision under the same tag",
  ],
  [
    "the version",
    build(1, said("1", "a")),
    build(2, said("2", "a")),
    "moved",
    "another version under the same tag",
  ],
  [
    "version and revision",
    build(1, said("1", "a")),
    build(2, said("2", "b")),
    "moved",
    "another version and revision under the same tag",
  ],
  [
    "the version, where no revision is said",
    build(1, { [VERSION]: "1" }),
    build(2, { [VERSION]: "2" }),
    "moved",
    "another version under the same tag",
  ],
  [
    "the build, where the version is the same and no revision is said",
    build(1, { [VERSION]: "1" }),
    build(2, { [VERSION]: "1" }),
    "unknown",
    "the same version, but not both images say their revision",
  ],
  [
    "the build, where only one of them says its revision",
    build(1, { [VERSION]: "1" }),
    build(2, said("1", "a")),
    "unknown",
    "the same version, but not both images say their revision",
  ],
  [
    "the build, where nothing is said",
    build(1),
    build(2),
    "unknown",
    "the images do not say which version and revision they are",
  ],
  [
    "the build, and the old one is gone",
    { missing: "gone", reason: "ghcr.io answered 404" },
    build(2, said("1", "a")),
    "unknown",
    "the old image is not in its registry: ghcr.io answered 404",
  ],
  [
    "the build, and the old one cannot be read",
    { missing: "unread", reason: "ghcr.io cut the connection" },
    build(2, said("1", "a")),
    "unknown",
    "the old image could not be read: ghcr.io cut the connection",
  ],
  [
    "the platforms, and the host's is gone",
    build(1, said("1", "a")),
    readingOf(indexedImage([arm64])),
    "unknown",
    "the new image is not there for linux/amd64, only for linux/arm64",
  ],
  [
    "the platforms, and the host's is new",
    readingOf(indexedImage([arm64])),
    build(2, said("1", "a")),
    "unknown",
    "the old image is not there for linux/amd64, only for linux/arm64",
  ],
  [
    "the tag and everything else",
    build(1, said("1", "a")),
    build(2, said("2", "b")),
    "upgrade",
    "another tag",
    true,
  ],
  [
    "the tag and what the host does not run",
    attested("build 1"),
    attested("build 2"),
    "upgrade",
    "another tag of the same image",
    true,
  ],
  ["the tag, where nothing is said", build(1), build(2), "upgrade", "another tag", true],
];

describe("a change", () => {
  for (const [title, before, after, kind, why, retagged = false] of table)
    it(`of ${title} is ${kind}: ${why}`, () => {
      assert.deepEqual(explain({ before, after, retagged }), { kind, why });
    });
});
