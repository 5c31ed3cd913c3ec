/** The whole way with the real cosign, Pulumi and engine: sign, pin, deploy, tamper, return. Needs cosign 3 on PATH. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { VariantName } from "../support/image-variant";
import { Repository, splitImage } from "../support/registry-images";
import { IMAGES } from "../support/requirements";
import { run, succeeded } from "../support/run";
import { useWorld } from "../support/world";
import { ALL } from "./deploy/outcomes";
import { deployStack, type DeployStack } from "./deploy-stack";

const { repository } = splitImage(IMAGES.homepage);
const MANIFESTS =
  "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

describe("signed images, deployed", function () {
  this.timeout(300_000);
  let folder = "";
  before(async function () {
    const version = await run("cosign", ["version"], {}).catch(() => undefined);
    if (version === undefined || version.code !== 0) {
      console.log("skipped: no cosign");
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), "cosign-"));
    for (const key of ["team", "other"])
      await cosign("generate-key-pair", "--output-key-prefix", join(folder, key));
    await cosign("signing-config", "create", "--out", join(folder, "no-log.json"));
  });
  after(() => {
    if (folder !== "") rmSync(folder, { recursive: true });
  });
  const world = useWorld({ images: [IMAGES.traefik, IMAGES.homepage], pulumi: true });
  let stack: DeployStack;
  /** The signed image that runs. */
  let good = "";
  before(async () => {
    stack = await deployStack(world());
    good = stack.images.homepage ?? assert.fail();
    await sign(good, "team");
    await stack.configure(...trust());
  });

  async function cosign(...args: readonly string[]): Promise<void> {
    const { code, stderr } = await run("cosign", [...args], {
      cwd: folder,
      env: { ...process.env, COSIGN_PASSWORD: "", HOME: folder },
    });
    assert.equal(code, 0, stderr);
  }

  const NEW = (): readonly string[] => ["--signing-config", join(folder, "no-log.json")];
  const OLD = (): readonly string[] => [
    ...["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"],
  ];
  const sign = (image: string, key: string, form = NEW): Promise<void> =>
    cosign(
      ...["sign", "--yes", "--allow-http-registry", "--key", join(folder, `${key}.key`)],
      ...[...form(), image],
    );

  function trust(more: readonly string[] = []): readonly string[] {
    const key = readFileSync(join(folder, "team.pub"), "utf8").replace(/-----[A-Z ]+-----|\n/g, "");
    return [
      `  pinned-stack:trust: { homepage: { signature: { key: "${key}", log: ignored } } }`,
      ...more,
    ];
  }

  /** Under a tag of its own, so that "npm run pin" stays with it. */
  const variant = async (kind: VariantName): Promise<string> =>
    (await stack.variant("homepage", kind)).replace("@", `-${kind}@`);

  const digestOf = (image: string): string => image.split("@")[1] ?? assert.fail(image);
  const evidence = (): string => join(stack.stack.project, "signatures", "homepage.sigstore.json");

  /** Lets a tag of the repository have the manifest of another. */
  async function copyTag(from: string, to: string): Promise<void> {
    const address = `${world().registry.url}/v2/${repository}/manifests/`;
    const response = await fetch(`${address}${from}`, { headers: { accept: MANIFESTS } });
    assert.equal(response.status, 200, from);
    const type = response.headers.get("content-type") ?? assert.fail();
    const bytes = Buffer.from(await response.arrayBuffer());
    await new Repository(world().registry.url, repository).putManifest(to, type, bytes);
  }
  const tagOf = (image: string, suffix = ""): string =>
    `${digestOf(image).replace(":", "-")}${suffix}`;

  /** The daemon asked the registry for nothing while this ran, and the same containers run. */
  async function refused(image: string, word: RegExp): Promise<void> {
    stack.images.homepage = image;
    await stack.configure(...trust());
    const running = await stack.running();
    const before = (await world().registry.requests()).length;
    const result = await stack.command("deploy", "--yes");
    assert.equal(result.code, 1, ALL(result));
    assert.match(ALL(result), word);
    const pulls = (await world().registry.requests())
      .slice(before)
      .filter(({ agent }) => /docker|containerd/i.test(agent));
    assert.deepEqual(pulls, []);
    assert.deepEqual(await stack.running(), running);
  }

  /** `npm run pin` for the image; it does not take a new one that its policy refuses. */
  async function pin(image: string, word: RegExp, code: number): Promise<void> {
    stack.images.homepage = image;
    await stack.configure(...trust());
    const result = await stack.command("pin", "homepage");
    assert.equal(result.code, code, ALL(result));
    assert.match(result.stdout, word);
  }

  it("deploys an image with a good signature, and asks no registry about it then", async () => {
    await pin(good, /^homepage +verified +signature by key /m, 0);
    const before = (await world().registry.requests()).length;
    succeeded("deploy", await stack.command("deploy", "--yes"));
    const asked = (await world().registry.requests()).slice(before);
    assert.deepEqual(
      asked.filter(({ path }) => /referrers|sha256-/.test(path)),
      [],
    );
    assert.equal((await stack.running()).homepage, good);
  });

  it("deploys the next signed one, and returns to the first although its line has ended", async () => {
    const next = await variant("rebuild");
    await sign(next, "team", OLD);
    await pin(next, /^homepage +verified +signature by key /m, 0);
    succeeded("deploy", await stack.command("deploy", "--yes"));
    assert.equal((await stack.running()).homepage, next);
    const result = await stack.command("deploy", "--rollback", "--yes");
    assert.equal(result.code, 0, ALL(result));
    assert.equal((await stack.running()).homepage, good);
  });

  it("refuses one that nobody has signed, before anything is pulled", async () => {
    const image = await variant("exits");
    await refused(image, /homepage: .*: unknown: no registry was asked for its signature yet/);
    await pin(image, /^homepage +refused +has no signature, expected one by the key /m, 2);
    await refused(image, /homepage: .*: refused: has no signature, expected one by the key /);
  });

  it("refuses the signature of another image, copied in both forms", async () => {
    const image = await variant("exits");
    await sign(good, "team", OLD);
    await copyTag(tagOf(good), tagOf(image));
    await copyTag(tagOf(good, ".sig"), tagOf(image, ".sig"));
    stack.images.homepage = image;
    const result = await stack.command("verify", "homepage");
    await pin(image, /^homepage +refused +/m, 2);
    assert.ok(result.code !== 0);
    await refused(image, /homepage: .*: refused: /);
  });

  it("refuses another key", async () => {
    const image = await variant("unhealthy");
    await sign(image, "other");
    await pin(image, /^homepage +refused +its signature is not as expected: /m, 2);
    await refused(image, /homepage: .*: refused: its signature is not as expected: /);
  });

  it("refuses a file of signatures that was changed, and cannot tell without it", async () => {
    const kept = readFileSync(evidence(), "utf8");
    const changed = kept.replace(/"sig": "[^"]{8}/g, (found) => `${found.slice(0, -8)}AAAAAAAA`);
    assert.notEqual(changed, kept);
    writeFileSync(evidence(), changed);
    await refused(good, /homepage: .*: (?:refused|uncheckable): /);
    rmSync(evidence());
    await refused(good, /homepage: .*: unknown: no registry was asked for its signature yet/);
    writeFileSync(evidence(), kept);
    stack.images.homepage = good;
    await stack.configure(...trust());
    succeeded("deploy", await stack.command("deploy", "--yes"));
  });

  for (const [mode, word] of [
    ["500", /^homepage +unknown +could not be told: /m],
    ["redirect", /^homepage +unknown +could not be told: /m],
    ["empty", /^homepage +refused +has no signature, expected one by the key /m],
  ] as const)
    it(`says the right word about a registry that answers ${mode}`, async () => {
      const image = await variant("exits");
      const { host, close } = await relay(world().registry.url, mode);
      try {
        const through = image.replace(world().registry.name, host);
        stack.images.homepage = through;
        await stack.configure(
          ...trust([
            `  pinned-stack:registries: { "${world().registry.name}": { insecure: true }, "${host}": { insecure: true } }`,
          ]),
        );
        const result = await stack.command("pin", "homepage");
        assert.equal(result.code, 2, ALL(result));
        assert.match(result.stdout, word);
        const deployed = await stack.command("deploy", "--yes");
        assert.equal(deployed.code, 1, ALL(deployed));
        assert.match(ALL(deployed), /homepage: .*: (?:unknown|refused): /);
        assert.equal((await stack.running()).homepage, good);
      } finally {
        close();
      }
    });
});

/** A registry in front of the real one that answers where signatures would be in its own way. */
async function relay(
  url: string,
  mode: "500" | "redirect" | "empty",
): Promise<{ readonly host: string; readonly close: () => void }> {
  const server: Server = createServer((incoming, outgoing) => {
    const { url: path = "", method, headers } = incoming;
    if (/\/referrers\/|\/manifests\/sha256-/.test(path)) {
      if (mode === "500") outgoing.writeHead(500).end();
      else if (mode === "redirect")
        outgoing.writeHead(303, { location: "http://127.0.0.1:9/login" }).end();
      else if (path.includes("/referrers/"))
        outgoing
          .writeHead(200, { "content-type": "application/vnd.oci.image.index.v1+json" })
          .end('{"schemaVersion":2,"manifests":[]}');
      else outgoing.writeHead(404).end();
      return;
    }
    const onward = request(`${url}${path}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.writeHead(502).end());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
