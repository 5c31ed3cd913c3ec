/** The script that replaces files in place, run in a folder that stands for the volume. */
import assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FilesMount } from "../../../components/hardened/model";
import { replaceFilesScript } from "../../../components/hardened/replace-files";
import { plainEnvironment, Result, run } from "../../support/run";

type Files = FilesMount["files"];

describe("files that are replaced in place", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "live-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Runs what the helper container would, in the folder. `before`: shell that comes first in it. */
  const helper = (script: string, before = ""): Promise<Result> =>
    run("sh", ["-s"], {
      input: `docker() { sed 's|^cd /files$|cd "$FOLDER"|' | sh -c "$BEFORE . /dev/stdin"; }\n${script}`,
      env: { ...plainEnvironment, FOLDER: folder, BEFORE: before },
    });
  const scriptOf = (files: Files): string => replaceFilesScript('"$volume"', "tools:1", files);
  const replaced = async (files: Files): Promise<void> => {
    const { code, stderr } = await helper(scriptOf(files));
    assert.deepEqual([code, stderr], [0, ""]);
  };
  const found = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => [path.slice(folder.length + 1), readFileSync(path, "utf8")]),
    );

  it("are exactly those that are wanted, readable by everybody and by nobody to be changed", async () => {
    await replaced({ "site/a.html": "old", "site/gone/b.html": "old" });
    await replaced({ "site/a.html": "new\n", "c.bin": { base64: "AAECAw==" } });
    assert.deepEqual(found(), { "site/a.html": "new\n", "c.bin": "\0\u0001\u0002\u0003" });
    assert.deepEqual(readdirSync(folder).sort(), ["c.bin", "site"]);
    assert.equal(statSync(join(folder, "site/a.html")).mode & 0o777, 0o444);
    assert.equal(statSync(join(folder, "site")).mode & 0o777, 0o755);
  });

  it("may become folders, and folders files", async () => {
    await replaced({ about: "file", "news/today/index.html": "folder" });
    await replaced({ "about/us/index.html": "folder", news: "file" });
    assert.deepEqual(found(), { "about/us/index.html": "folder", news: "file" });
  });

  it("keep every character of their names and contents, which no shell reads", async () => {
    const hostile = "$(touch pwned) `touch pwned` ' \" ; touch pwned\nEND\nFILES\ntouch pwned\n";
    const files = {
      [hostile.trimEnd()]: hostile,
      "-rf": "a",
      " a b ": "b",
      "ü/…": "c",
      empty: "",
      long: "x".repeat(300_000),
    };
    await replaced(files);
    assert.deepEqual(found(), files);
    const [command = ""] = scriptOf(files).split("\n");
    assert.doesNotMatch(scriptOf(files), /pwned/);
    assert.match(command, /--network none --user 0:0 --cap-drop ALL .*--read-only .*'tools:1' -s/);
  });

  it("are whole for whoever has opened one", async () => {
    await replaced({ page: "old page" });
    const file = openSync(join(folder, "page"), "r");
    await replaced({ page: "new page" });
    assert.equal(readFileSync(file, "utf8"), "old page");
    closeSync(file);
    assert.equal(readFileSync(join(folder, "page"), "utf8"), "new page");
  });

  it("stay as they are when the new ones cannot be written", async () => {
    const files = { "dynamic/routes.yml": "old", other: "old" };
    await replaced(files);
    for (const broken of [
      'base64() { case "$(cat)" in bmV3*) printf n; return 1;; esac; };',
      // A full disk, of which base64 of BusyBox says nothing.
      'base64() { case "$(cat)" in bmV3*) printf n;; *) printf other;; esac; };',
      "ulimit -f 0;",
      "mkdir() { return 1; };",
    ]) {
      const { code, stderr } = await helper(
        scriptOf({ "dynamic/routes.yml": "new", other: "new" }),
        broken,
      );
      assert.notEqual(code, 0, broken);
      assert.deepEqual(found(), files, broken);
      if (broken.startsWith("base64"))
        assert.match(stderr, /could not be written, so the old ones stay; check the disk space/);
    }
  });

  it("are all the old ones or all the new ones wherever the script is cut off", async function () {
    this.timeout(60_000);
    const [before, after] = [
      { a: "old a", b: "old b" },
      { a: "new a", b: "new b" },
    ];
    const script = scriptOf(after);
    // The library before it defines functions only.
    const from = script.indexOf("\nput ", script.indexOf("remove_others()"));
    for (let end = from; end < script.length; end += 7) {
      await replaced(before);
      await helper(script.slice(0, end));
      const left = JSON.stringify(found());
      assert.ok(
        [before, after].some((files) => JSON.stringify(files) === left),
        `${left} after ${script.slice(from, end)}`,
      );
    }
  });

  it("are written although an earlier attempt was killed", async () => {
    mkdirSync(join(folder, ".next"));
    writeFileSync(join(folder, ".next/half"), "ha");
    writeFileSync(join(folder, ".placed"), "pl");
    await replaced({ a: "new" });
    assert.deepEqual(found(), { a: "new" });
    assert.ok(!existsSync(join(folder, ".placed")));
  });

  it("are no secrets", () => {
    assert.throws(() => scriptOf({ key: { secret: "theKey" } }), {
      message: "theKey: secrets cannot be live",
    });
  });
});
