/** The real cosign and a real registry: sign, pin, deploy; then what must be refused. Needs cosign 3 on PATH. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseReference } from "../../images/reference";
import { checkForPulumi } from "../../images/signatures/program";
import { runPin } from "../../tools/pin/run";
import { indexedImage, platformImage } from "../support/oci-images";
import { Repository } from "../support/registry-images";
import { run } from "../support/run";
import { until } from "../support/until";

const image = indexedImage([platformImage({ created: "2026-10-01T00:00:00Z" })]);
const { digest } = image.index;

describe("images signed with cosign", () => {
  let folder = "";
  let host = "";
  let registry: ChildProcess | undefined;

  before(async function () {
    const version = await run("cosign", ["version"], {}).catch(() => undefined);
    if (version === undefined || version.code !== 0) this.skip();
    folder = mkdtempSync(join(tmpdir(), "cosign-"));
    host = `127.0.0.1:${await freePort()}`;
    writeFileSync(
      join(folder, "registry.yml"),
      `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${join(folder, "registry")} } }\nhttp: { addr: "${host}", secret: tests }\n`,
    );
    registry = spawn("docker-registry", ["serve", join(folder, "registry.yml")], {
      stdio: "ignore",
    });
    await until("docker-registry", async () => {
      const response = await fetch(`http://${host}/v2/`).catch(() => undefined);
      await response?.arrayBuffer();
      return response?.ok === true || undefined;
    });
    for (const key of ["team", "other"])
      await cosign("generate-key-pair", "--output-key-prefix", join(folder, key));
    await cosign("signing-config", "create", "--out", join(folder, "no-log.json"));
  });
  after(() => {
    registry?.kill();
    if (folder !== "") rmSync(folder, { recursive: true });
  });

  async function cosign(...args: readonly string[]): Promise<void> {
    const { code, stderr } = await run("cosign", [...args], {
      cwd: folder,
      env: { ...process.env, COSIGN_PASSWORD: "", HOME: folder },
    });
    assert.equal(code, 0, stderr);
  }

  async function push(name: string): Promise<void> {
    const repository = new Repository(`http://${host}`, name);
    for (const { bytes } of image.blobs)
      await repository.putBlob("application/octet-stream", bytes);
    for (const { digest: own, mediaType, bytes } of image.manifests)
      await repository.putManifest(own, mediaType, bytes);
    await repository.putManifest("1", image.index.mediaType, image.index.bytes);
  }

  const NEW = (): readonly string[] => ["--signing-config", join(folder, "no-log.json")];
  const OLD = ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"];
  const sign = (name: string, key: string, form: readonly string[]): Promise<void> =>
    cosign(
      ...["sign", "--yes", "--allow-http-registry", "--key", join(folder, `${key}.key`)],
      ...[...form, `${host}/${name}@${digest}`],
    );

  /** Pins the image by the team's key. Resolves to the exit code and the word. */
  async function pin(name: string): Promise<{ readonly code: number; readonly out: string }> {
    const key = readFileSync(join(folder, "team.pub"), "utf8").replace(/-----[A-Z ]+-----|\n/g, "");
    writeFileSync(
      join(folder, "Pulumi.prod.yaml"),
      `config:\n  pinned-stack:images:\n    app: ${host}/${name}:1\n  pinned-stack:registries:\n    "${host}": { insecure: true }\n  pinned-stack:trust:\n    app:\n      signature: { key: ${key}, log: ignored }\n`,
    );
    let out = "";
    const code = await runPin({
      ...{ stack: "prod", args: [], check: false, all: false, format: "table", folder },
      signal: new AbortController().signal,
      out: { write: (text: string | Uint8Array) => ((out += String(text)), true) },
      err: { write: () => true },
      paint: (_style, text) => text,
    });
    return { code, out };
  }

  const deploy = (name: string) =>
    checkForPulumi({
      images: { app: parseReference(`${host}/${name}:1@${digest}`) },
      platform: "linux/amd64",
      trust: {
        app: {
          signature: [{ key: readFileSync(join(folder, "team.pub"), "utf8"), log: "ignored" }],
        },
      },
      folder,
    });

  for (const [form, options] of [
    ["new", NEW],
    ["old", () => OLD],
  ] as const)
    it(`pass in the ${form} form, offline too`, async () => {
      const name = `signed/${form}`;
      await push(name);
      await sign(name, "team", options());
      const { code, out } = await pin(name);
      assert.equal(code, 0, out);
      assert.match(out, /^app +verified +signature by key /m);
      await deploy(name);
    }).timeout(60_000);

  it("are refused by another key, without a signature, and with an attestation only", async () => {
    await push("signed/other");
    await sign("signed/other", "other", NEW());
    await push("signed/none");
    await push("signed/attested");
    writeFileSync(join(folder, "predicate.json"), "{}");
    await cosign(
      ...["attest", "--yes", "--allow-http-registry", "--key", join(folder, "team.key"), ...NEW()],
      ...["--type", "https://example.test/custom", "--predicate", join(folder, "predicate.json")],
      `${host}/signed/attested@${digest}`,
    );
    for (const name of ["signed/other", "signed/none", "signed/attested"]) {
      const { code, out } = await pin(name);
      assert.equal(code, 2, name);
      assert.match(out, /^app: refused: /m, name);
      await assert.rejects(deploy(name), /: unknown: no registry was asked/, name);
    }
  }).timeout(120_000);
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
