import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { siteFiles } from "../../../../components/services/homepage/site";
import { UserError } from "../../../../text/user-error";

describe("a site of the user's own", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pinned-stack-site-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const write = (path: string, content = "x"): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  const refused = (problem: string, path = folder): void => {
    assert.throws(
      () => siteFiles(path),
      (error) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.message, `services.homepage.folder: ${problem}`);
        return true;
      },
    );
  };

  it("is its files in base64, by path, without the hidden and the empty ones", () => {
    write("index.html", "<h1>ä</h1>");
    write("css/deep/site.css", "a{}");
    writeFileSync(join(folder, "logo.png"), Buffer.from([0x89, 0x50, 0, 0xff]));
    write("empty.txt", "");
    write(".htaccess", "secret");
    write(".git/config", "secret");
    assert.deepEqual(siteFiles(folder), {
      "css/deep/site.css": { base64: "YXt9" },
      "index.html": { base64: "PGgxPsOkPC9oMT4=" },
      "logo.png": { base64: "iVAA/w==" },
    });
  });

  it("needs an index.html that is not empty, at its top", () => {
    write("sub/index.html");
    refused(`no index.html in ${JSON.stringify(folder)}`);
    write("index.html", "");
    refused(`no index.html in ${JSON.stringify(folder)}`);
  });

  it("holds no link, because it could lead to any file of this machine", () => {
    write("index.html");
    symlinkSync("/etc/passwd", join(folder, "notes.txt"));
    refused('"notes.txt" is a link or a device, expected a regular file');
    rmSync(join(folder, "notes.txt"));
    mkdirSync(join(folder, "sub"));
    symlinkSync("/etc", join(folder, "sub", "etc"));
    refused('"sub/etc" is a link or a device, expected a regular file');
  });

  it("has at most 200 files", () => {
    write("index.html");
    for (let number = 1; number < 200; number++) write(`${number}.txt`);
    assert.equal(Object.keys(siteFiles(folder)).length, 200);
    write("200.txt");
    refused("expected at most 200 files");
  });

  it("has at most 5 MiB", () => {
    write("index.html");
    write("big.bin");
    truncateSync(join(folder, "big.bin"), 5 * 1024 * 1024 - 1);
    assert.equal(Object.keys(siteFiles(folder)).length, 2);
    truncateSync(join(folder, "big.bin"), 5 * 1024 * 1024);
    refused("expected at most 5 MiB of files");
  });

  it("is a folder that can be read", () => {
    const missing = join(folder, "missing");
    refused(`cannot read ${JSON.stringify(missing)} (ENOENT), expected a folder`, missing);
    write("index.html");
    const file = join(folder, "index.html");
    refused(`cannot read ${JSON.stringify(file)} (ENOTDIR), expected a folder`, file);
  });
});
