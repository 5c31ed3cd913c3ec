import assert from "node:assert/strict";
import type { Reading } from "../../../images/inspect/reader";
import { parseReference } from "../../../images/reference";
import { checkExitCode, decide, type PinRow, type PinStatus } from "../../../tools/pin/decision";
import { indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import { readingOf } from "../../support/readings";

const NOW = new Date("2026-11-24T12:00:00Z");
const DAY = 24 * 3_600_000;
const annotations = { "org.opencontainers.image.revision": "a" };
const old = platformImage({ created: "2026-10-01T00:00:00Z", annotations });
const recent = platformImage({ created: "2026-11-23T00:00:00Z", annotations });
const arm64 = platformImage({ platform: LINUX_ARM64 });
const before = readingOf(indexedImage([old]));
const young = readingOf(indexedImage([recent]));
const ageless = readingOf(indexedImage([platformImage({ annotations })]));
const noop = readingOf(indexedImage([old, arm64]));
const unfit = readingOf(indexedImage([arm64]));
const gone: Reading = { missing: "gone", reason: "ghcr.io answered 404" };
const unread: Reading = { missing: "unread", reason: "ghcr.io answered 500" };

const oldDigest = "facts" in before ? before.facts.digest : undefined;
const pinned = parseReference(`ghcr.io/team/app:1@${oldDigest ?? ""}`);
const bare = parseReference("ghcr.io/team/app:1");
const current = parseReference(`x@sha256:${"c".repeat(64)}`).digest;

interface Given {
  readonly tag?: string;
  readonly minimumAge?: number;
  readonly all?: boolean;
}

/** Without an old image for a bare tag. */
function rowOf(was: Reading | undefined, after: Reading, given: Given = {}): PinRow {
  assert.ok(current !== undefined);
  const { tag = "1", minimumAge = 0, all = false } = given;
  const readings = { after, ...(was !== undefined && { before: was }) };
  const image = was === undefined ? bare : pinned;
  return decide({ service: "app", image, tag }, current, readings, { minimumAge, all, now: NOW });
}

describe("the decision about a pin", () => {
  const SAME = "only manifests for other platforms changed";
  const REVISION = "the same revision";
  const FIRST = "had no digest yet";
  const age = { minimumAge: 3 * DAY };
  type Expected = `${PinStatus} ${string}: ${string}`;
  const table: readonly [title: string, row: PinRow, expected: Expected][] = [
    ["a rebuild", rowOf(before, young), `take rebuild: ${REVISION}`],
    ["other platforms", rowOf(before, noop), `leave platform-noop: ${SAME}`],
    ["other platforms, --all", rowOf(before, noop, { all: true }), `take platform-noop: ${SAME}`],
    [
      "other platforms under another tag",
      rowOf(before, noop, { tag: "2" }),
      "take upgrade: another tag of the same image",
    ],
    ["a young image", rowOf(before, young, age), `hold rebuild: ${REVISION}`],
    ["an image of unknown age", rowOf(before, ageless, age), `hold rebuild: ${REVISION}`],
    ["unknown age without a minimum", rowOf(before, ageless), `take rebuild: ${REVISION}`],
    ["a bare tag", rowOf(undefined, young), `take none: ${FIRST}`],
    ["a bare tag of a young image", rowOf(undefined, young, age), `hold none: ${FIRST}`],
    [
      "an old image that was removed",
      rowOf(gone, young),
      "take unknown: the old image is no longer in the registry: ghcr.io answered 404",
    ],
    [
      "an old image that was not read",
      rowOf(unread, young),
      "fail unknown: the old image could not be read: ghcr.io answered 500; try again",
    ],
    [
      "an old image for another platform",
      rowOf(unfit, young),
      "take unknown: the old image has no manifest for linux/amd64, only for linux/arm64",
    ],
    [
      "a new image for another platform",
      rowOf(before, unfit, { tag: "2" }),
      "fail upgrade: the new image has no manifest for linux/amd64, only for linux/arm64; choose another tag, or correct pinned-stack:platform",
    ],
    [
      "a new image that the registry names but does not have",
      rowOf(before, gone),
      "fail unknown: the new image is no longer in the registry: ghcr.io answered 404; try again",
    ],
  ];
  for (const [title, { status, kind, why }, expected] of table)
    it(`is for ${title}: ${expected}`, () => {
      assert.equal(`${status} ${kind ?? "none"}: ${why}`, expected);
    });

  it("names both images and what was read of them", () => {
    const row = rowOf(before, young, { tag: "2" });
    assert.equal(row.from, `ghcr.io/team/app:1@${oldDigest ?? ""}`);
    assert.equal(row.to, `ghcr.io/team/app:2@sha256:${"c".repeat(64)}`);
    assert.deepEqual(
      [row.before?.created?.toISOString(), row.after?.created?.toISOString()],
      ["2026-10-01T00:00:00.000Z", "2026-11-23T00:00:00.000Z"],
    );
  });

  it("says when a young image is old enough, unless its age is unknown", () => {
    assert.deepEqual(rowOf(before, young, age).eligible, new Date("2026-11-26T00:00:00Z"));
    assert.equal(rowOf(before, ageless, age).eligible, undefined);
  });
});

describe("the exit code of a check", () => {
  const table: readonly [code: number, ...statuses: PinStatus[]][] = [
    [0],
    [0, "as-pinned"],
    [0, "as-pinned", "leave"],
    [1, "as-pinned", "take"],
    [1, "hold", "as-pinned"],
    [2, "fail", "as-pinned"],
    [2, "take", "fail", "hold"],
  ];
  for (const [code, ...statuses] of table)
    it(`is ${code} for ${statuses.join(", ") || "nothing"}`, () => {
      const rows = statuses.map((status) => ({ service: "a", from: "a:1", status, why: "" }));
      assert.equal(checkExitCode(rows), code);
    });
});
