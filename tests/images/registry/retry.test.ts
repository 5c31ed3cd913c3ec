import assert from "node:assert/strict";
import {
  isRetryableCode,
  isRetryableStatus,
  retryAfterMs,
  waitMs,
} from "../../../images/registry/retry";

describe("a retry", () => {
  it("follows 429 and 5xx, but not 501 and 505", () => {
    const statuses = [200, 301, 400, 401, 403, 404, 429, 500, 501, 502, 503, 504, 505, 599, 600];
    assert.deepEqual(statuses.filter(isRetryableStatus), [429, 500, 502, 503, 504, 599]);
  });

  it("follows cut connections and a name service that is not ready, and no other network error", () => {
    const codes = ["ECONNRESET", "EPIPE", "EAI_AGAIN", "ECONNREFUSED", "ENOTFOUND"];
    assert.deepEqual(codes.filter(isRetryableCode), ["ECONNRESET", "EPIPE", "EAI_AGAIN"]);
  });
});

describe("Retry-After", () => {
  const now = Date.parse("2026-11-24T03:00:00Z");
  const table: readonly [header: string | undefined, ms: number | undefined][] = [
    ["0", 0],
    ["1", 1000],
    [" 3600 ", 3_600_000],
    ["Tue, 24 Nov 2026 03:00:30 GMT", 30_000],
    ["Tue, 24 Nov 2026 02:00:00 GMT", 0],
    ["9999999999", 9_999_999_999_000],
    [undefined, undefined],
    ["", undefined],
    ["soon", undefined],
    // Date.parse finds a date in each of these.
    ["1, 1", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["99999999999999999999", undefined],
  ];
  for (const [header, ms] of table)
    it(`of ${header === undefined ? "nothing" : `"${header}"`} is ${ms ?? "unknown"}`, () => {
      assert.equal(retryAfterMs(header, now), ms);
    });
});

describe("the wait before a retry", () => {
  it("doubles, and jitter takes up to half of it away", () => {
    assert.deepEqual(
      [0, 1, 2].map((retry) => [
        waitMs(retry, 200, undefined, 0),
        waitMs(retry, 200, undefined, 1),
      ]),
      [
        [100, 200],
        [200, 400],
        [400, 800],
      ],
    );
  });

  it("is never shorter than the server asked for", () => {
    assert.equal(waitMs(2, 200, 5000, 0), 5000);
    assert.equal(waitMs(2, 200, 5000, 0.5), 5100);
  });
});
