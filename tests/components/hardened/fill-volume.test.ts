/** The script that fills a volume, with a `docker` that keeps what it is given. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FillSettings, fillScript } from "../../../components/hardened/fill-volume";
import { tar } from "../../../components/hardened/tar";
import { plainEnvironment, Result, run } from "../../support/run";

const DOCKER = `#!/bin/sh
echo "$*" >>"$HOME/calls"
case $1 in
create) echo c1d;;
cp) cat >"$HOME/archive.tar"; if [ -e "$HOME/full" ]; then echo 'no space left on device' >&2; exit 1; fi;;
start) if [ -e "$HOME/foreign" ]; then echo 'chown: no such program' >&2; exit 1; fi;;
esac
`;

const CONTENT = Buffer.from([0, 255, 10, 39]);
const FILES = [
  { path: "a b/it's.conf", mode: 0o444, content: CONTENT },
  { path: "key", mode: 0o400, owner: "101:102", content: Buffer.from("canary") },
];

describe("the script that fills a volume", () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "fill-volume-"));
    writeFileSync(join(home, "docker"), DOCKER, { mode: 0o755 });
  });
  afterEach(() => {
    rmSync(home, { recursive: true });
  });
  const fill = (settings: Partial<FillSettings> = {}): Promise<Result> =>
    run("sh", ["-s"], {
      input: `set -eu\n${fillScript({ volume: "v", image: "web:1", labels: {}, files: FILES, ...settings })}`,
      env: { ...plainEnvironment, HOME: home, PATH: `${home}:${plainEnvironment["PATH"] ?? ""}` },
    });
  const calls = (): string[] => readFileSync(join(home, "calls"), "utf8").trim().split("\n");

  it("copies the files with their mode and owner through a container that never starts", async () => {
    const { code, stdout, stderr } = await fill({ labels: { "my.label": "it's" } });
    assert.deepEqual([code, stdout, stderr], [0, "", ""]);
    const [create = "", ...others] = calls();
    assert.match(
      create,
      /^create --network none --cap-drop ALL .*--label my\.label=it's/,
    );
    assert.match(create, / --user 65532:65532 --volume v:\/volume web:1 -$/);
    assert.doesNotMatch(create, /cap-add/);
    assert.deepEqual(others, ["cp - c1d:/volume", "rm -f -v c1d"]);
    const archive = join(home, "archive.tar");
    const list = await run("tar", ["--numeric-owner", "-tvf", archive]);
    assert.deepEqual(
      list.stdout.split("\n").map((line) => line.replace(/ +\d+ \d{4}-.*? ..:.. /, " ")),
      ["-r--r--r-- 0/0 a b/it's.conf", "-r-------- 101/102 key", ""],
    );
    assert.equal((await run("tar", ["-xOf", archive, "key"])).stdout, "canary");
    assert.deepEqual(readFileSync(archive), tar(FILES));
  });

  it("changes the owner by one chown, with two capabilities", async () => {
    const { code } = await fill({ chown: "101:102" });
    assert.equal(code, 0);
    const [create = "", ...others] = calls();
    assert.match(create, / --user 0:0 --cap-add CHOWN --cap-add DAC_READ_SEARCH --entrypoint /);
    assert.match(create, / --volume v:\/volume web:1 -R 101:102 \/volume$/);
    assert.deepEqual(others, ["cp - c1d:/volume", "start --attach c1d", "rm -f -v c1d"]);
  });

  for (const [problem, chown, message] of [
    ["full", undefined, "no space left on device\n"],
    ["foreign", "1:1", "chown: no such program\n"],
  ] as const)
    it(`fails with Docker's words, and removes its container: ${problem}`, async () => {
      writeFileSync(join(home, problem), "");
      const { code, stderr } = await fill(chown === undefined ? {} : { chown });
      assert.deepEqual([code, stderr], [1, message]);
      assert.equal(calls().at(-1), "rm -f -v c1d");
    });
});

describe("a tar archive", () => {
  const listed = async (path: string): Promise<string> => {
    const file = join(tmpdir(), `archive-${process.pid}.tar`);
    writeFileSync(file, tar([{ path, mode: 0o444, content: Buffer.alloc(513) }]));
    const { stdout } = await run("tar", ["-tf", file]);
    rmSync(file);
    return stdout;
  };
  const long = (...lengths: readonly number[]): string =>
    lengths.map((length) => "x".repeat(length)).join("/");

  for (const path of [long(100), long(155, 100), long(50, 60), long(20, 20, 100)])
    it(`takes a path of ${path.length} bytes`, async () => {
      assert.equal(await listed(path), `${path}\n`);
    });

  for (const path of [long(101), long(156, 100), long(10, 101), "ü".repeat(51)])
    it(`refuses ${path.length} characters that do not fit, instead of cutting them`, () => {
      assert.throws(() => tar([{ path, mode: 0o444, content: CONTENT }]), {
        message: `${path}: too long for a file in a volume; use at most 100 bytes`,
      });
    });
});
