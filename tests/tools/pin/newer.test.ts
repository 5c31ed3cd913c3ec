import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { runPin, type PinCommand } from "../../../tools/pin/run";
import { indexedImage, platformImage } from "../../support/oci-images";
import { registryFixture } from "../../support/registry-fixture";
import type { FakeRegistry } from "../../support/registry-server";

const { start } = registryFixture();
const built = (version: string) =>
  indexedImage([platformImage({ created: "2026-10-01T00:00:00Z", labels: { version } })]);

describe("newer versions", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "newer-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  async function world(): Promise<FakeRegistry> {
    const registry = await start();
    for (const version of ["1.2.3", "1.2.4", "1.3.0", "2.0.0", "2.1.0-rc.1"])
      for (const name of ["app", "n8n", "runners"])
        if (name !== "runners" || version !== "1.3.0")
          registry.putImage(`team/${name}`, built(`${name}${version}`), version);
    const line = (service: string, name: string): string =>
      `    ${service}: ${registry.host}/team/${name}:1.2.3@${built(`${name}1.2.3`).index.digest}\n`;
    writeFileSync(
      join(folder, "Pulumi.prod.yaml"),
      `config:\n  pinned-stack:images:\n${line("traefik", "app")}${line("n8n", "n8n")}${line("n8n-runners", "runners")}  pinned-stack:registries:\n    "${registry.host}": { insecure: true }\n`,
    );
    return registry;
  }

  async function pin(
    options: Partial<PinCommand>,
  ): Promise<{ code: number; out: string; err: string }> {
    const text = { out: "", err: "" };
    const code = await runPin({
      ...{ stack: "prod", args: [], check: false, all: false, format: "table", folder },
      signal: new AbortController().signal,
      out: { write: (part: string | Uint8Array) => ((text.out += String(part)), true) },
      err: { write: (part: string | Uint8Array) => ((text.err += String(part)), true) },
      paint: (_style, one) => one,
      ...options,
    });
    return { code, ...text };
  }
  const tags = (registry: FakeRegistry): readonly string[] =>
    [
      ...readFileSync(join(folder, "Pulumi.prod.yaml"), "utf8").matchAll(
        /(\S+): (\S+)\/team\/\w+:([\d.]+)@/g,
      ),
    ]
      .filter(([, , host]) => host === registry.host)
      .map(([, service, , tag]) => `${service ?? ""} ${tag ?? ""}`);

  it("are listed for each level, those of n8n only if its runners have them", async () => {
    await world();
    const { code, out, err } = await pin({ outdated: true });
    assert.equal(code, 1);
    assert.deepEqual(
      out
        .trim()
        .split("\n")
        .map((line) =>
          line
            .replace(/\S+\/team\//, "")
            .split(/ {2,}/)
            .join(" | "),
        ),
      [
        "SERVICE | IMAGE | PATCH | MINOR | MAJOR",
        "traefik | app:1.2.3 | 1.2.4 | 1.3.0 | 2.0.0",
        "n8n | n8n:1.2.3 | 1.2.4 | 1.2.4 | 2.0.0",
        "n8n-runners | runners:1.2.3 | 1.2.4 | 1.2.4 | 2.0.0",
      ],
    );
    assert.match(err, /"npm run pin -- --upgrade patch --stack prod"/);
  });

  it("are taken within a level, those of n8n and its runners together", async () => {
    const registry = await world();
    assert.equal((await pin({ args: ["n8n@minor"] })).code, 0);
    assert.deepEqual(tags(registry), ["traefik 1.2.3", "n8n 1.2.4", "n8n-runners 1.2.4"]);
    assert.equal((await pin({ upgrade: "major" })).code, 0);
    assert.deepEqual(tags(registry), ["traefik 2.0.0", "n8n 2.0.0", "n8n-runners 2.0.0"]);
    const { code, out } = await pin({ outdated: true });
    assert.equal(code, 0);
    assert.doesNotMatch(out, /rc/);
  });

  it("are not known where the registry does not list its tags", async () => {
    const registry = await world();
    registry.fault = ({ kind }) => (kind === "tags" ? { do: "answer", status: 404 } : undefined);
    const { code, out } = await pin({ outdated: true, args: ["traefik"] });
    assert.equal(code, 2);
    assert.match(out, /answered 404/);
  });

  it("need a level that there is", async () => {
    await world();
    await assert.rejects(
      pin({ args: ["n8n@newest"] }),
      /expected patch, minor, major after "@", such as n8n@minor/,
    );
    await assert.rejects(pin({ upgrade: "all" }), /--upgrade: expected patch, minor, major/);
  });
});
