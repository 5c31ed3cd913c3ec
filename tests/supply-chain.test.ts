/** What is installed is what the lock files say, checked by its digest, and none of it runs anything while it is installed. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { PROJECT_FOLDER } from "../tools/cli/command";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly lockfileVersion: number;
  readonly packages: Readonly<
    Record<string, Manifest & { readonly resolved?: string; readonly integrity?: string }>
  >;
}

const read = (path: string): string => readFileSync(join(PROJECT_FOLDER, path), "utf8");
const directOf = (manifest: Manifest | undefined): Readonly<Record<string, string>> => ({
  ...manifest?.dependencies,
  ...manifest?.devDependencies,
});

for (const folder of [".", "tests/mutation"])
  describe(`the packages of ${join(folder, "package.json")}`, () => {
    const manifest = JSON.parse(read(join(folder, "package.json"))) as Manifest;
    const { lockfileVersion, packages } = JSON.parse(
      read(join(folder, "package-lock.json")),
    ) as Lock;
    const installed = Object.entries(packages).filter(([path]) => path !== "");

    it("have exact versions", () => {
      const direct = Object.entries(directOf(manifest));
      assert.ok(direct.length > 0);
      for (const [name, version] of direct) assert.match(version, /^\d+\.\d+\.\d+$/, name);
    });

    it("are the ones of the lock file", () => {
      assert.equal(lockfileVersion, 3);
      assert.deepEqual(directOf(packages[""]), directOf(manifest));
      for (const [name, version] of Object.entries(directOf(manifest)))
        assert.equal(packages[`node_modules/${name}`]?.version, version, name);
    });

    it("are each held to a SHA-512 digest and to no place, so that a mirror will do", () => {
      assert.ok(installed.length > 100);
      for (const [path, { integrity, resolved }] of installed) {
        assert.match(integrity ?? "", /^sha512-[A-Za-z0-9+/]{86}==$/, path);
        assert.equal(resolved, undefined, path);
      }
    });

    it("run nothing while they are installed", () => {
      const settings = read(join(folder, ".npmrc")).trim().split("\n");
      assert.ok(settings.includes("ignore-scripts=true"));
      assert.ok(settings.includes("omit-lockfile-registry-resolved=true"));
    });
  });

describe("the bill of materials", () => {
  it("lists every package with its digest, without a network", () => {
    const text = execFileSync("npm", ["run", "--silent", "--offline", "sbom"], {
      cwd: PROJECT_FOLDER,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const bill = JSON.parse(text) as {
      readonly bomFormat: string;
      readonly specVersion: string;
      readonly components: readonly {
        readonly purl: string;
        readonly hashes?: readonly unknown[];
      }[];
    };
    assert.deepEqual([bill.bomFormat, bill.specVersion], ["CycloneDX", "1.5"]);
    const { packages } = JSON.parse(read("package-lock.json")) as Lock;
    const listed = new Set(bill.components.map(({ purl }) => decodeURIComponent(purl)));
    for (const [path, { version }] of Object.entries(packages)) {
      if (path === "") continue;
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      assert.ok(listed.has(`pkg:npm/${name}@${version}`), path);
    }
    for (const { purl, hashes } of bill.components) assert.equal(hashes?.length, 1, purl);
  }).timeout(30_000);
});

it("claims no version of Node for which the verification of signatures is not made", () => {
  const enginesOf = (path: string): unknown =>
    (JSON.parse(read(path)) as { readonly engines: { readonly node: string } }).engines.node;
  assert.equal(enginesOf("package.json"), enginesOf("node_modules/@sigstore/verify/package.json"));
});
