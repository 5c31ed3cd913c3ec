import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { commandWords } from "../../support/project-command";
import { plainEnvironment, Result, run } from "../../support/run";

/** Title of the window, colour, the 8-bit form of "clear screen", and a text that reads backwards. */
const EVIL = "evil\u001b]0;title\u0007\u001b[31m\u009b2J\u202e\nline";
// eslint-disable-next-line no-control-regex
const NOT_PRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

describe("npm run drift", function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "drift-"));
  });
  after(() => rm(folder, { recursive: true }));

  /** Compares stack prod, whose host is reached over SSH, with what this ssh answers. */
  async function drift(ssh: string, ...args: readonly string[]): Promise<Result> {
    await writeFile(join(folder, "ssh"), `#!/bin/sh\ncat >/dev/null\n${ssh}`, { mode: 0o755 });
    return run(process.execPath, [...commandWords("drift"), "--stack", "prod", ...args], {
      env: { ...plainEnvironment, PATH: `${folder}:${plainEnvironment.PATH}` },
    });
  }
  const save = async (name: string, content: string): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };

  it("prints no escape sequence that ssh says", async () => {
    const banner = await save("banner", `first\n${EVIL.replace("\n", "")}`);
    const { code, stdout, stderr } = await drift(`cat ${banner} >&2\nexit 255\n`);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^ssh deploy@203\.0\.113\.7: /);
    assert.doesNotMatch(stderr, NOT_PRINTABLE);
  });

  it("prints no escape sequence that a container has in its name, image or label", async () => {
    const container = {
      ...{
        id: "1",
        name: EVIL,
        image: EVIL,
        user: EVIL,
        labels: { "pinned-stack.container": EVIL },
      },
      state: { Status: EVIL, ExitCode: 0 },
      host: {
        ...{ Privileged: false, ReadonlyRootfs: true, Memory: 0, MemorySwap: 0, NanoCpus: 0 },
        ...{ NetworkMode: "", PidMode: "", IpcMode: "" },
      },
    };
    const answer = await save("answer", `${JSON.stringify({ container })}\n`);
    const { code, stdout, stderr } = await drift(`cat ${answer}\n`);
    assert.equal(code, 1, stderr);
    assert.match(stdout, /^evil.* undeclared .*evil/m);
    assert.doesNotMatch(stdout, NOT_PRINTABLE);
    assert.doesNotMatch(stdout, /\u202e/);
    const json = (await drift(`cat ${answer}\n`, "--format", "json")).stdout;
    assert.ok(JSON.parse(json));
    assert.doesNotMatch(json, NOT_PRINTABLE);
  });
});
