import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pulumiProcess, type PulumiProcess } from "../../../../tools/deploy/pulumi/process";

const FAKE = `#!/bin/sh
case $1 in
  version) echo v3.259.0;;
  up) echo 'Updating (dev):'; kill -KILL $$;;
  *) echo 'no such stack' >&2; exit 255;;
esac
`;

describe("a command of Pulumi that fails", () => {
  let folder: string;
  let pulumi: PulumiProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "fake-pulumi-"));
    await writeFile(join(folder, "pulumi"), FAKE);
    await chmod(join(folder, "pulumi"), 0o755);
    pulumi = await pulumiProcess(join(folder, "pulumi"), { ...process.env });
  });
  after(() => rm(folder, { recursive: true }));

  it("says what it was, without the values of its options, and all that it printed", async () => {
    await assert.rejects(pulumi.runHere(["stack", "export", "--stack", "dev"]), {
      message: "pulumi stack export: exit code 255\nno such stack",
    });
    await assert.rejects(pulumi.runHere(["preview", "--color", "never"]), {
      message: "pulumi preview: exit code 255\nno such stack",
    });
  });

  it("says that it was killed, in one line: what it had printed says nothing about that", async () => {
    await assert.rejects(pulumi.runHere(["up", "--message", "npm run deploy"]), {
      message: "pulumi up was killed (SIGKILL); this machine may be short of memory",
    });
  });
});
