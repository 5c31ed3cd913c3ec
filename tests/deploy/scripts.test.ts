import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

import { dumpFolder, dumpScript } from "../../deploy/dump";

/** The shell's own opinion: it reads the script and runs nothing. */
const parses = (script: string): void => {
  execFileSync("sh", ["-n"], { input: script });
};

describe("scripts for the host", () => {
  it("dump into a folder for nobody else, named after the moment", () => {
    const script = dumpScript({
      stack: "s",
      major: 16,
      user: "70:70",
      keep: 3,
      now: new Date("2026-01-02T03:04:05.678Z"),
    });
    parses(script);
    assert.match(script, /^umask 077$/m);
    assert.match(script, /mv "\$work" 's-postgres-16-20260102T030405Z'/);
    assert.match(script, /tail -n \+4/);
    assert.equal(dumpFolder("dump=/a b/c\npruned=/d\n"), "/a b/c");
    parses(
      dumpScript({
        stack: "s",
        major: 16,
        user: "70:70",
        directory: "/srv/dumps",
        keep: 1,
        now: new Date(),
      }),
    );
  });
});
