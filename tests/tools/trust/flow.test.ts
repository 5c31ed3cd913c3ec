/** From `npm run pin` to a deployment: what is written, and what then stops. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseReference } from "../../../images/reference";
import { checkForPulumi } from "../../../images/signatures/program";
import { TrustError } from "../../../images/signatures/check";
import { runPin } from "../../../tools/pin/run";
import { runVerify } from "../../../tools/trust/verify";
import { attach, bundleLayer } from "../../support/attach";
import { indexedImage, platformImage } from "../../support/oci-images";
import { registryFixture } from "../../support/registry-fixture";
import type { FakeRegistry } from "../../support/registry-server";
import { keyPair, SIGN, SigstoreWorld, statement } from "../../support/sigstore-world";

const { start } = registryFixture();
const image = indexedImage([platformImage({ created: "2026-10-01T00:00:00Z" })]);
const { digest } = image.index;
const pair = keyPair();
const plain = (_style: unknown, text: string): string => text;

describe("a policy in a stack's file", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "trust-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const trust = (key: string): string =>
    `  pinned-stack:trust:\n    app:\n      signature: { key: ${key.replace(/-----[A-Z ]+-----|\n/g, "")}, log: ignored }\n`;

  /** A registry with the image, signed by the key unless told otherwise, and a stack that has its tag. */
  async function world(signed = true, key = pair.publicKey): Promise<FakeRegistry> {
    const registry = await start({ referrers: true });
    registry.putImage("team/app", image, "1");
    if (signed) {
      const sigstore = await SigstoreWorld.start();
      const bundle = await sigstore.bundle(statement(digest, SIGN), pair, false);
      attach(registry, "team/app", [bundleLayer(bundle)], { subject: digest });
    }
    writeFileSync(
      join(folder, "Pulumi.prod.yaml"),
      `config:\n  pinned-stack:images:\n    app: ${registry.host}/team/app:1\n  pinned-stack:registries:\n    "${registry.host}": { insecure: true }\n${trust(key)}`,
    );
    return registry;
  }

  const output = () => {
    const text = { out: "", err: "" };
    return {
      text,
      out: { write: (part: string | Uint8Array) => ((text.out += String(part)), true) },
      err: { write: (part: string | Uint8Array) => ((text.err += String(part)), true) },
    };
  };

  async function pin(format = "table"): Promise<{ code: number; out: string; err: string }> {
    const { text, ...streams } = output();
    const code = await runPin({
      ...{ stack: "prod", args: [], check: false, all: false, format, folder, ...streams },
      signal: new AbortController().signal,
      paint: plain,
    });
    return { code, ...text };
  }

  async function verify(offline = false): Promise<{ code: number; out: string; err: string }> {
    const { text, ...streams } = output();
    const code = await runVerify({
      ...{ stack: "prod", args: [], offline, format: "table", folder, ...streams },
      signal: new AbortController().signal,
      paint: plain,
    });
    return { code, ...text };
  }

  const deploy = (registry: FakeRegistry, key = pair.publicKey) =>
    checkForPulumi({
      images: { app: parseReference(`${registry.host}/team/app:1@${digest}`) },
      platform: "linux/amd64",
      trust: { app: { signature: [{ key, log: "ignored" }] } },
      folder,
    });

  it("lets pin write the signature, and a deployment verify it without the registry", async () => {
    const registry = await world();
    const { code, out } = await pin();
    assert.equal(code, 0, out);
    assert.match(
      out,
      /^app +verified +signature by key [0-9a-f]{64}, over the pinned digest, not logged$/m,
    );
    assert.ok(readFileSync(join(folder, "Pulumi.prod.yaml"), "utf8").includes(`:1@${digest}`));
    const requests = registry.count();
    assert.deepEqual(await deploy(registry), []);
    assert.equal(registry.count(), requests);
    const { services } = JSON.parse((await pin("json")).out) as {
      services: readonly { signature: { word: string; signers: readonly { by: string }[] } }[];
    };
    assert.equal(services[0]?.signature.word, "verified");
    // The second run asks for the tag only: the evidence is complete.
    assert.equal(registry.log.slice(requests).filter(({ kind }) => kind === "referrers").length, 0);
    assert.equal((await verify()).code, 0);
    assert.equal((await verify(true)).code, 0);
  });

  it("stops a deployment whose signature was not looked up, is of another key, or was changed", async () => {
    const registry = await world();
    await assert.rejects(deploy(registry), (error) => {
      assert.ok(error instanceof TrustError);
      assert.match(
        error.message,
        /^images\.app: .*: unknown: no registry was asked for its signature yet; run "npm run pin"/,
      );
      return true;
    });
    await pin();
    await assert.rejects(
      deploy(registry, keyPair().publicKey),
      /: refused: its signature is not as expected/,
    );
    const file = join(folder, "signatures", "app.sigstore.json");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(/"sig": ".{8}/, '"sig": "AAAAAAAA'));
    await assert.rejects(deploy(registry), /: refused: /);
    writeFileSync(file, "{}");
    await assert.rejects(
      deploy(registry),
      /signatures\/app\.sigstore\.json: expected a file that "npm run pin" wrote/,
    );
    rmSync(file);
    await assert.rejects(deploy(registry), /: unknown: /);
  });

  it("does not stop the return to what ran before", async () => {
    const registry = await world();
    const images = { app: parseReference(`${registry.host}/team/app:1@${digest}`) };
    const trusted = { app: { signature: [{ key: pair.publicKey, log: "required" as const }] } };
    const settings = { images, platform: "linux/amd64", trust: trusted, folder };
    await assert.rejects(checkForPulumi(settings, {}), TrustError);
    assert.deepEqual(await checkForPulumi(settings, { PINNED_STACK_TRUST: "as-deployed" }), []);
  });

  it("keeps pin from taking an image without the signature, or with another one", async () => {
    for (const [signed, key, word] of [
      [false, pair.publicKey, "refused"],
      [true, keyPair().publicKey, "refused"],
    ] as const) {
      await world(signed, key);
      const before = readFileSync(join(folder, "Pulumi.prod.yaml"), "utf8");
      const { code, out, err } = await pin();
      assert.equal(code, 2);
      assert.match(out, new RegExp(`^app: ${word}: `, "m"));
      assert.match(err, /1 image failed and kept its pin/);
      assert.equal(readFileSync(join(folder, "Pulumi.prod.yaml"), "utf8"), before);
    }
  });

  it("is refused by verify where the signature was removed, and unknown where the registry is silent", async () => {
    const registry = await world();
    await pin();
    registry.fault = ({ kind }) =>
      kind === "referrers"
        ? {
            do: "answer",
            status: 200,
            headers: { "content-type": "application/vnd.oci.image.index.v1+json" },
            body: '{"manifests":[]}',
          }
        : undefined;
    const gone = await verify();
    assert.equal(gone.code, 1);
    assert.match(gone.out, /^app +refused +has no signature, expected one by the key/m);
    registry.fault = ({ kind }) =>
      kind === "referrers" ? { do: "answer", status: 403 } : undefined;
    const silent = await verify();
    assert.equal(silent.code, 2);
    assert.match(silent.out, /^app +unknown +could not be told: /m);
  });
});

describe("an image that its publisher does not sign", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "unsigned-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("says who it claims has built it and where its SBOM is, and that nobody has signed that", async () => {
    const registry = await start({ referrers: true });
    const built = indexedImage([platformImage({ created: "2026-10-01T00:00:00Z" })], {
      attestations: "built",
      build: {
        builder: { id: "https://github.com/docker-library" },
        invocation: {
          configSource: {
            uri: "https://github.com/team/app.git#main",
            digest: { sha1: "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d" },
          },
        },
      },
    });
    registry.putImage("team/app", built, "1");
    writeFileSync(
      join(folder, "Pulumi.prod.yaml"),
      `config:\n  pinned-stack:images:\n    app: ${registry.host}/team/app:1\n  pinned-stack:registries:\n    "${registry.host}": { insecure: true }\n  pinned-stack:trust:\n    app: { unsigned: the team signs nothing yet }\n`,
    );
    const pin = async (format: string): Promise<string> => {
      let out = "";
      const code = await runPin({
        ...{ stack: "prod", args: [], check: false, all: false, format, folder },
        signal: new AbortController().signal,
        out: { write: (part: string | Uint8Array) => ((out += String(part)), true) },
        err: { write: () => true },
        paint: plain,
      });
      assert.equal(code, 0);
      return out;
    };
    assert.match(
      await pin("table"),
      /^app +unsigned +the team signs nothing yet; unsigned provenance in it says: built from https:\/\/github\.com\/team\/app\.git#main at 1a2b3c4d5e6f by https:\/\/github\.com\/docker-library; SBOM: SPDX [0-9a-f]{12}, unsigned$/m,
    );
    // The second time nothing is asked, and the same is known.
    const asked = registry.log.length;
    const [{ signature }] = (
      JSON.parse(await pin("json")) as {
        services: [{ signature: { provenance: unknown; sboms: { digest: string }[] } }];
      }
    ).services;
    assert.deepEqual(signature.provenance, {
      signed: false,
      builder: "https://github.com/docker-library",
      source: "https://github.com/team/app.git#main",
      revision: "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d",
    });
    const [sbom, ...more] = signature.sboms;
    assert.deepEqual(more, []);
    assert.ok(built.blobs.some((blob) => blob.digest === sbom?.digest));
    assert.ok(
      !registry.log.slice(asked).some(({ kind }) => kind === "referrers" || kind === "blob"),
    );
  });
});
