import assert from "node:assert/strict";
import type { Reading } from "../../../images/inspect/reader";
import { checkExitCode, decide, type PinRow, type PinStatus } from "../../../tools/pin/decision";
import { parseReference } from "../../../images/reference";
import { indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import { readingOf } from "../../support/readings";

const NOW = new Date("2026-11-24T12:00:00Z");
const DAY = 24 * 3_600_000;
const annotations = { "org.opencontainers.image.revision": "a" };
const old = platformImage({ created: "2026-10-01T00:00:00Z", annotations });
const before = readingOf(indexedImage([old]));
const young = readingOf(
  indexedImage([platformImage({ created: "2026-11-23T00:00:00Z", annotations })]),
);
const ageless = readingOf(indexedImage([platformImage({ annotations })]));
const noop = readingOf(indexedImage([old, platformImage({ platform: LINUX_ARM64 })]));
const unfit = readingOf(indexedImage([platformImage({ platform: LINUX_ARM64 })]));
const gone: Reading = { missing: "gone", reason: "ghcr.io answered 404" };
const unread: Reading = { missing: "unread", reason: "ghcr.io cut the connection" };

const oldDigest = "facts" in before ? before.facts.digest : undefined;
const pinned = parseReference(`ghcr.io/team/app:1@${oldDigest ?? ""}`);
const current = parseReference(`x@sha256:${"c".repeat(64)}`).digest;

function rowOf(
  readings: { readonly before?: Reading; readonly after: Reading },
  { tag = "1", minimumAge = 0, all = false, image = pinned } = {},
): PinRow {
  assert.ok(current !== undefined);
  return decide({ service: "app", image, tag }, current, readings, { minimumAge, all, now: NOW });
}

describe("the decision about a pin", () => {
  type Row = readonly [
    title: string,
    row: PinRow,
    status: PinStatus,
    kind: string | undefined,
    why: string,
  ];
  const table: readonly Row[] = [
    ["a rebuild", rowOf({ before, after: young }), "take", "rebuild", "the same revision"],
    [
      "a change for other platforms",
      rowOf({ before, after: noop }),
      "leave",
      "platform-noop",
      "only what the host does not run has changed",
    ],
    [
      "a change for other platforms, with --all",
      rowOf({ before, after: noop }, { all: true }),
      "take",
      "platform-noop",
      "only what the host does not run has changed",
    ],
    [
      "a change for other platforms under another tag",
      rowOf({ before, after: noop }, { tag: "2" }),
      "take",
      "upgrade",
      "another tag of the same image",
    ],
    [
      "a young image",
      rowOf({ before, after: young }, { minimumAge: 3 * DAY }),
      "hold",
      "rebuild",
      "the same revision",
    ],
    [
      "an image of unknown age",
      rowOf({ before, after: ageless }, { minimumAge: 3 * DAY }),
      "hold",
      "rebuild",
      "the same revision",
    ],
    [
      "an image of unknown age, where age does not matter",
      rowOf({ before, after: ageless }),
      "take",
      "rebuild",
      "the same revision",
    ],
    [
      "a bare tag",
      rowOf({ after: young }, { image: parseReference("ghcr.io/team/app:1") }),
      "take",
      undefined,
      "had no digest so far",
    ],
    [
      "a bare tag of a young image",
      rowOf({ after: young }, { image: parseReference("ghcr.io/team/app:1"), minimumAge: 3 * DAY }),
      "hold",
      undefined,
      "had no digest so far",
    ],
    [
      "an old image that is gone",
      rowOf({ before: gone, after: young }),
      "take",
      "unknown",
      "the old image is not in its registry: ghcr.io answered 404",
    ],
    [
      "an old image that cannot be read just now",
      rowOf({ before: unread, after: young }),
      "fail",
      "unknown",
      "the old image could not be read: ghcr.io cut the connection; try again",
    ],
    [
      "an old image that was none for the host",
      rowOf({ before: unfit, after: young }),
      "take",
      "unknown",
      "the old image is not there for linux/amd64, only for linux/arm64",
    ],
    [
      "a new image that is none for the host",
      rowOf({ before, after: unfit }, { tag: "2" }),
      "fail",
      "upgrade",
      "the new image is not there for linux/amd64, only for linux/arm64; choose another tag, or correct pinned-stack:platform",
    ],
    [
      "a new image that the registry names and does not have",
      rowOf({ before, after: gone }),
      "fail",
      "unknown",
      "the new image is not in its registry: ghcr.io answered 404; try again",
    ],
  ];
  for (const [title, row, status, kind, why] of table)
    it(`is to ${status} ${title}`, () => {
      assert.deepEqual([row.status, row.kind, row.why], [status, kind, why]);
    });

  it("names both images and what was read of them", () => {
    const row = rowOf({ before, after: young }, { tag: "2" });
    assert.equal(row.from, `ghcr.io/team/app:1@${oldDigest ?? ""}`);
    assert.equal(row.to, `ghcr.io/team/app:2@sha256:${"c".repeat(64)}`);
    assert.deepEqual(
      [row.before?.created?.toISOString(), row.after?.created?.toISOString()],
      ["2026-10-01T00:00:00.000Z", "2026-11-23T00:00:00.000Z"],
    );
  });

  it("says when a young image is old enough, and nothing where the age is unknown", () => {
    const held = rowOf({ before, after: young }, { minimumAge: 3 * DAY });
    assert.deepEqual(held.eligible, new Date("2026-11-26T00:00:00Z"));
    assert.equal(rowOf({ before, after: ageless }, { minimumAge: DAY }).eligible, undefined);
  });
});

describe("the exit code of a check", () => {
  const table: readonly [statuses: readonly PinStatus[], code: number][] = [
    [[], 0],
    [["as-pinned"], 0],
    [["as-pinned", "leave"], 0],
    [["as-pinned", "take"], 1],
    [["hold", "as-pinned"], 1],
    [["fail", "as-pinned"], 2],
    [["take", "fail", "hold"], 2],
  ];
  for (const [statuses, code] of table)
    it(`is ${code} for ${statuses.join(", ") || "nothing"}`, () => {
      const rows = statuses.map((status) => ({ service: "a", from: "a:1", status, why: "" }));
      assert.equal(checkExitCode(rows), code);
    });
});
