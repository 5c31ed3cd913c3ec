import assert from "node:assert/strict";

import { skipPromiseTraces } from "../../host/promise-traces";

describe("stack traces of the program", () => {
  const format = skipPromiseTraces(
    (error, frames) => `translated ${error.message}, ${frames.length} frames`,
  );
  const frame = { toString: () => "here" } as unknown as NodeJS.CallSite;
  const withLimit = (limit: number, error: Error): unknown => {
    const before = Error.stackTraceLimit;
    Error.stackTraceLimit = limit;
    try {
      return format(error, [frame, frame]);
    } finally {
      Error.stackTraceLimit = before;
    }
  };

  it("are translated for an error that says something", () => {
    assert.equal(withLimit(10, new Error("disk full")), "translated disk full, 2 frames");
  });

  it("have no frames for the SDK's notes about its promises", () => {
    assert.equal(withLimit(10, new Error()), "Error");
  });

  it("are translated where the SDK asks for a resource's place in the program", () => {
    assert.equal(withLimit(Number.POSITIVE_INFINITY, new Error()), "translated , 2 frames");
  });
});
