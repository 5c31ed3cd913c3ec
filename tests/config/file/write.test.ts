import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkWritable, readStackText, writePins } from "../../../config/file/write";

const TEXT = "config:\n  pinned-stack:images:\n    a: a:1 # one\n    b: b:1\n    c: c:1\n";

describe("the file of a stack", () => {
  let folder = "";
  let path = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pins-"));
    path = join(folder, "Pulumi.x.yaml");
    writeFileSync(path, TEXT);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const now = (): string => readFileSync(path, "utf8");
  const images = (...pairs: [string, string][]) => new Map(pairs);
  const untouched = (text = TEXT): void => {
    assert.equal(now(), text);
    assert.deepEqual(readdirSync(folder), ["Pulumi.x.yaml"]);
  };

  it("is replaced as a whole, and keeps its mode", async () => {
    chmodSync(path, 0o640);
    const { ino } = statSync(path);
    await writePins(path, TEXT, images(["a", "a:2"]));
    assert.equal(now(), TEXT.replace("a:1", "a:2"));
    assert.equal(statSync(path).mode & 0o7777, 0o640);
    assert.notEqual(statSync(path).ino, ino);
    assert.deepEqual(readdirSync(folder), ["Pulumi.x.yaml"]);
  });

  it("keeps every byte that is no pin", async () => {
    const odd =
      "\uFEFF# ü\r\nconfig: {pinned-stack:images: {a: a:1, 'b' : \"b:1\"}}\r\n\t\r\n# end";
    writeFileSync(path, odd);
    const bytes = readFileSync(path);
    await writePins(path, readStackText(path), images(["b", "b:2"]));
    assert.deepEqual(readFileSync(path), Buffer.from(bytes.toString().replace("b:1", "b:2")));
  });

  it("stays a link where it is one", async () => {
    const link = join(folder, "Pulumi.link.yaml");
    symlinkSync(path, link);
    await writePins(link, TEXT, images(["a", "a:2"]));
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.equal(now(), TEXT.replace("a:1", "a:2"));
  });

  it("takes the edits of two runs at once", async () => {
    await Promise.all([
      writePins(path, TEXT, images(["a", "a:2"])),
      writePins(path, TEXT, images(["b", "b:2"])),
      writePins(path, TEXT, images(["c", "c:2"])),
    ]);
    untouched(TEXT.replaceAll(/\b([abc]):1/g, "$1:2"));
  });

  it("takes the same edit twice", async () => {
    await writePins(path, TEXT, images(["a", "a:2"]));
    await writePins(path, TEXT, images(["a", "a:2"], ["b", "b:2"]));
    untouched(TEXT.replace("a:1", "a:2").replace("b:1", "b:2"));
  });

  const MEANWHILE = {
    name: "StackFileError",
    message: "was changed in the meantime, nothing was written; run this again",
  };
  const changes: readonly [title: string, text: string][] = [
    ["the same pin", TEXT.replace("a:1", "a:3")],
    ["a comment", TEXT.replace("one", "two")],
    ["another key", `${TEXT}  pinned-stack:domain: x\n`],
    ["the services", `${TEXT}    d: d:1\n`],
    ["the service itself", TEXT.replace("    a: a:1 # one\n", "")],
  ];
  for (const [title, text] of changes)
    it(`is left alone when someone changed ${title} meanwhile`, async () => {
      writeFileSync(path, text);
      await assert.rejects(writePins(path, TEXT, images(["a", "a:2"])), MEANWHILE);
      untouched(text);
    });

  it("is left alone when it is no stack file any more", async () => {
    writeFileSync(path, "{");
    await assert.rejects(writePins(path, TEXT, images(["a", "a:2"])), { name: "StackFileError" });
    untouched("{");
  });

  it("is left alone when it is read-only, for root too", async () => {
    chmodSync(path, 0o444);
    const error = { name: "StackFileError", message: "is read-only, nothing was written" };
    assert.throws(() => checkWritable(path), error);
    await assert.rejects(writePins(path, TEXT, images(["a", "a:2"])), error);
    untouched();
    assert.equal(statSync(path).mode & 0o777, 0o444);
  });

  it("is waited for while another run writes it", async () => {
    const lock = `${path}.lock`;
    writeFileSync(lock, "");
    const writing = writePins(path, TEXT, images(["a", "a:2"]));
    setTimeout(() => {
      rmSync(lock);
    }, 60);
    await writing;
    untouched(TEXT.replace("a:1", "a:2"));
  });

  it("is left alone after an interruption while another run writes it", async () => {
    const lock = `${path}.lock`;
    writeFileSync(lock, "");
    const interrupt = new AbortController();
    setTimeout(() => {
      interrupt.abort(new Error("stopped"));
      rmSync(lock);
    }, 60);
    const writing = writePins(path, TEXT, images(["a", "a:2"]), { signal: interrupt.signal });
    await assert.rejects(writing, { message: "stopped" });
    untouched();
  });

  it("is left alone when another run does not finish", async () => {
    const lock = `${path}.lock`;
    writeFileSync(lock, "");
    await assert.rejects(writePins(path, TEXT, images(["a", "a:2"]), { waitMs: 50 }), {
      name: "StackFileError",
      message: /another run.*\bPulumi\.x\.yaml\.lock .*(?:remove|delete) /,
    });
    assert.equal(now(), TEXT);
    assert.deepEqual(readdirSync(folder), ["Pulumi.x.yaml", "Pulumi.x.yaml.lock"]);
  });

  const EXPECTED = "expected a stack file such as Pulumi.prod.yaml";
  const unreadable: readonly [end: string, content: string | Buffer, message: string][] = [
    ["", Buffer.from([0x63, 0xff, 0xfe]), "is not UTF-8 text"],
    ["", "#".repeat(128 * 1024 + 1), `is larger than 128 KiB, ${EXPECTED}`],
    ["folder", "", `is not a file, ${EXPECTED}`],
    [".no", "", "does not exist; copy Pulumi.prod.yaml, or name another stack with --stack"],
  ];
  for (const [end, content, message] of unreadable)
    it(`is not read if it ${message}`, () => {
      writeFileSync(path, content);
      const wanted = end === "folder" ? folder : `${path}${end}`;
      assert.throws(() => readStackText(wanted), { name: "StackFileError", message });
    });
});
