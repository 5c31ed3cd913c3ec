import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { listOutdated } from "../../../tools/pin/outdated";
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
      now: new Date("2026-11-28T12:00:00Z"),
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
        "SERVICE | IMAGE | LINE | PATCH | MINOR | MAJOR",
        "traefik | app:1.2.3 | - | 1.2.4, 58 days old | 1.3.0, 58 days old | 2.0.0, 58 days old",
        "n8n | n8n:1.2.3 | - | 1.2.4, 58 days old | 1.2.4, 58 days old | 2.0.0, 58 days old",
        "n8n-runners | runners:1.2.3 | - | 1.2.4, 58 days old | 1.2.4, 58 days old | 2.0.0, 58 days old",
      ],
    );
    assert.match(err, /"npm run pin -- --upgrade patch --stack prod"/);
  });

  it("have their dates and the end of the line in JSON too, and cost requests for what was asked only", async () => {
    const registry = await world();
    const before = registry.count();
    const { code, out } = await pin({ outdated: true, args: ["traefik"], format: "json" });
    assert.equal(code, 1);
    const { services } = JSON.parse(out) as { services: object[] };
    assert.deepEqual(services, [
      {
        ...{ service: "traefik", image: `${registry.host}/team/app:1.2.3` },
        ...{ patch: "1.2.4", minor: "1.3.0", major: "2.0.0" },
        built: {
          patch: "2026-10-01T00:00:00.000Z",
          minor: "2026-10-01T00:00:00.000Z",
          major: "2026-10-01T00:00:00.000Z",
        },
        ...{ line: null, note: null, problem: null },
      },
    ]);
    assert.ok(registry.log.slice(before).every(({ path }) => !path.includes("/team/n8n/")));
  });

  it("are shown with the end of the pinned line", () => {
    let out = "";
    const write = (part: string | Uint8Array): boolean => ((out += String(part)), true);
    const row = (service: string, image: string) => ({ service, image, newest: {}, built: {} });
    const code = listOutdated(
      [
        row("traefik", "traefik:v3.6.4"),
        row("homepage", "nginx:1.30.5-alpine"),
        row("postgres", "postgres:16-alpine"),
        row("app", "r.test/app:1"),
      ],
      {
        ...{ stack: "prod", format: "table", out: { write }, err: { write } },
        paint: (_style, one) => one,
      },
      new Date("2026-11-28T12:00:00Z"),
    );
    assert.equal(code, 0);
    assert.deepEqual(
      out
        .trim()
        .split("\n")
        .slice(1)
        .map((line) => line.split(/ {2,}/)[2]),
      ["3.6 ended 2026-08-16", "1.30, no published end", "16 ends 2028-11-09", "-"],
    );
  });

  it("have no date where the image cannot be read", async () => {
    const registry = await world();
    registry.fault = ({ kind }) => (kind === "get" ? { do: "answer", status: 429 } : undefined);
    const { code, out } = await pin({ outdated: true, args: ["traefik"] });
    assert.equal(code, 1);
    assert.match(out, / 1\.2\.4 +1\.3\.0 +2\.0\.0/);
  });

  it("cannot be told of a tag that is no version, and are named where they are another variant", async () => {
    const registry = await world();
    for (const tag of ["20260101", "1.2.3-alpine3.20", "1.2.4-alpine3.20", "1.3.0-alpine3.21"])
      registry.putImage("team/odd", built(tag), tag);
    const line = (service: string, tag: string): string =>
      `    ${service}: ${registry.host}/team/odd:${tag}@${built(tag).index.digest}\n`;
    writeFileSync(
      join(folder, "Pulumi.prod.yaml"),
      `config:\n  pinned-stack:images:\n${line("traefik", "20260101")}${line("n8n", "1.2.3-alpine3.20")}  pinned-stack:registries:\n    "${registry.host}": { insecure: true }\n`,
    );
    const { code, out } = await pin({ outdated: true });
    assert.equal(code, 1);
    assert.match(out, /^traefik .* - +its tag is no version, so nothing can be compared with it$/m);
    assert.match(
      out,
      /^n8n .* 1\.2\.4-alpine3\.20, .*1\.3\.0-alpine3\.21 is higher, but another variant; "npm run pin n8n=1\.3\.0-alpine3\.21" takes it$/m,
    );
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
