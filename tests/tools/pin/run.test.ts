import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runPin, type PinCommand } from "../../../tools/pin/run";
import { status } from "../../support/faulty-registry";
import { indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import { registryFixture } from "../../support/registry-fixture";
import type { FakeRegistry } from "../../support/registry-server";
import { run } from "../../support/run";

const { start } = registryFixture();
const REVISION = "org.opencontainers.image.revision";
const build = (day: string, revision = "a") =>
  platformImage({ created: `2026-${day}T00:00:00Z`, annotations: { [REVISION]: revision } });
const first = build("10-01");
const old = indexedImage([first]);
const rebuilt = indexedImage([build("11-01")]);
const young = indexedImage([build("11-23")]);
const noop = indexedImage([first, platformImage({ platform: LINUX_ARM64 })]);

/** What the tags of the world's images are now. */
const IMAGES = { same: old, moved: rebuilt, bare: rebuilt, noop, young };

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe("pin", () => {
  let folder = "";
  let path = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pin-"));
    path = join(folder, "Pulumi.prod.yaml");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** A stack with these images, and nothing else that a deployment needs. */
  function write(registries: readonly FakeRegistry[], lines: readonly string[], more = ""): string {
    const hosts = registries.map(({ host }) => `    "${host}": { insecure: true }\n`).join("");
    const text = `# a stack
config:
  pinned-stack:images: # one line each
${lines.map((line) => `    ${line}\n`).join("")}  pinned-stack:registries:
${hosts}${more}  pinned-stack:postgresPassword: { secure: v1:x }
`;
    writeFileSync(path, text);
    return text;
  }
  const now = (): string => readFileSync(path, "utf8");
  /** The text with these images of the world pinned to their current digest. */
  const repinned = (text: string, ...names: readonly (keyof typeof IMAGES)[]): string =>
    names.reduce((edited, name) => {
      const pin = `team/${name}:1@${IMAGES[name].index.digest}`;
      return edited
        .replace(`team/${name}:1@${old.index.digest}`, pin)
        .replace(new RegExp(`team/${name}:1$`, "m"), pin);
    }, text);

  async function pin(options: Partial<PinCommand> = {}): Promise<Ran> {
    let [out, err] = ["", ""];
    const code = await runPin({
      stack: "prod",
      args: [],
      check: false,
      all: false,
      format: "table",
      folder,
      signal: new AbortController().signal,
      out: { write: (text: string | Uint8Array) => ((out += String(text)), true) },
      paint: (_style, text) => text,
      err: { write: (text: string | Uint8Array) => ((err += String(text)), true) },
      now: new Date("2026-11-24T12:00:00Z"),
      ...options,
    });
    return { code, out, err };
  }

  /** Services whose tag is still the old image, moved, only bare, moved for other platforms, moved too lately. */
  async function world(): Promise<{ registry: FakeRegistry; lines: string[] }> {
    const registry = await start();
    for (const [name, image] of Object.entries(IMAGES)) {
      registry.putImage(`team/${name}`, old);
      registry.putImage(`team/${name}`, image, "1");
    }
    const pinned = (name: string): string => `${registry.host}/team/${name}:1@${old.index.digest}`;
    return {
      registry,
      lines: [
        `same: ${pinned("same")}`,
        `moved: "${pinned("moved")}"  # quoted`,
        `bare:   ${registry.host}/team/bare:1`,
        `noop: '${pinned("noop")}'`,
        `young: ${pinned("young")}`,
      ],
    };
  }

  it("writes what it takes, and no other byte", async () => {
    const { registry, lines } = await world();
    const text = write([registry], lines, "  pinned-stack:minimumAge: 3d\n");
    const { code, out, err } = await pin();
    assert.equal(code, 0);
    assert.equal(now(), repinned(text, "moved", "bare"));
    assert.deepEqual(
      out
        .split("\n")
        .slice(3, 8)
        .map((line) => line.replace(/\s{2,}\S+\/team\/\S+/, "").replace(/\s{2,}/g, " | ")),
      [
        "same | as pinned",
        "moved | pinned | rebuild | 23 days ago",
        "bare | pinned | 23 days ago",
        "noop | left alone | platform-noop | 54 days ago",
        "young | held until 2026-11-26 | rebuild | 36 hours ago",
      ],
    );
    assert.equal(
      err,
      'Pulumi.prod.yaml: 2 images pinned; see "git diff", then "npm run preview -- --stack prod"\n1 image held by the minimum age of 3d\n',
    );
    assert.deepEqual(readdirSync(folder), ["Pulumi.prod.yaml", "signatures"]);
    assert.deepEqual(
      readdirSync(join(folder, "signatures")),
      ["bare", "moved", "noop", "same", "young"].map((service) => `${service}.sigstore.json`),
    );
  });

  it("has nothing to do the second time", async () => {
    const { registry, lines } = await world();
    write([registry], lines);
    await pin({ all: true });
    const text = now();
    const { code, err } = await pin({ all: true });
    assert.deepEqual([code, err, now()], [0, "Pulumi.prod.yaml: nothing to pin\n", text]);
  });

  it("takes all with --all, and the young with --minimum-age 0", async () => {
    const { registry, lines } = await world();
    const text = write([registry], lines, "  pinned-stack:minimumAge: 3d\n");
    await pin({ args: ["noop"], all: true });
    await pin({ args: ["young"], minimumAge: "0" });
    assert.equal(now(), repinned(text, "noop", "young"));
  });

  it("changes the tag of a service that is asked for one, and no other service", async () => {
    const { registry, lines } = await world();
    registry.putImage("team/same", young, "2.0-alpine");
    const text = write([registry], lines);
    const { code, out } = await pin({ args: ["same=2.0-alpine"] });
    assert.equal(code, 0);
    assert.equal(
      now(),
      text.replace(`team/same:1@${old.index.digest}`, `team/same:2.0-alpine@${young.index.digest}`),
    );
    assert.match(out, /team\/same:1 → 2\.0-alpine {2}pinned {2}upgrade/);
    assert.equal(registry.log.filter(({ path: asked }) => asked.includes("moved")).length, 0);
  });

  const checks: readonly [args: readonly string[], code: number, options?: Partial<PinCommand>][] =
    [
      [["same"], 0],
      [["same", "noop"], 0],
      [["noop"], 1, { all: true }],
      [["same", "moved"], 1],
      [["bare"], 1],
      [["young"], 1, { minimumAge: "3d" }],
      [["down", "same"], 2],
      [["down", "moved"], 2],
    ];
  for (const [args, code, options] of checks)
    it(`writes nothing and ends with ${code} when it checks ${args.join(", ")}${options === undefined ? "" : ` with ${JSON.stringify(options)}`}`, async () => {
      const { registry, lines } = await world();
      const down = await start({ fault: () => status(403) });
      const text = write([registry, down], [...lines, `down: ${down.host}/team/app:1`]);
      chmodSync(path, 0o444);
      assert.equal((await pin({ args, check: true, ...options })).code, code);
      assert.equal(now(), text);
      assert.deepEqual(readdirSync(folder), ["Pulumi.prod.yaml"]);
    });

  it("writes what it can where a registry is down, says so and ends with 2", async () => {
    const { registry, lines } = await world();
    const down = await start({ fault: () => status(403) });
    const text = write([registry, down], [`down: ${down.host}/team/app:1`, ...lines]);
    const { code, err } = await pin({ args: ["down", "moved"] });
    assert.equal(code, 2);
    assert.equal(now(), repinned(text, "moved"));
    assert.match(
      err,
      /^Pulumi\.prod\.yaml: 1 image pinned; .*"npm run preview -- --stack prod"\n1 image failed .*kept its pin\n$/,
    );
  });

  it("loses nothing of two runs at once", async () => {
    const { registry, lines } = await world();
    const text = write([registry], lines);
    const codes = await Promise.all([pin({ args: ["moved"] }), pin({ args: ["bare", "young"] })]);
    assert.deepEqual(
      codes.map(({ code }) => code),
      [0, 0],
    );
    assert.equal(now(), repinned(text, "moved", "bare", "young"));
  });

  it("changes nothing where someone else changed the file meanwhile", async () => {
    const { registry, lines } = await world();
    const text = write([registry], lines);
    const changed = text.replace("# a stack", "# my stack");
    const work = pin({
      onRequest: () => {
        writeFileSync(path, changed);
      },
    });
    await assert.rejects(work, {
      name: "CommandError",
      exitCode: 2,
      message: "Pulumi.prod.yaml: was changed in the meantime, nothing was written; run this again",
    });
    assert.equal(now(), changed);
    assert.deepEqual(readdirSync(folder), ["Pulumi.prod.yaml"]);
  });

  it("asks nobody where the file is read-only", async () => {
    const { registry, lines } = await world();
    write([registry], lines);
    chmodSync(path, 0o444);
    await assert.rejects(pin(), {
      name: "CommandError",
      message: "Pulumi.prod.yaml: is read-only, nothing was written",
    });
    assert.equal(registry.count(), 0);
  });

  it("writes nothing after Ctrl-C", async () => {
    const { registry, lines } = await world();
    const text = write([registry], lines);
    const interrupt = new AbortController();
    registry.fault = () => {
      interrupt.abort(new Error("stopped"));
      return undefined;
    };
    await assert.rejects(pin({ signal: interrupt.signal }), { message: "stopped" });
    assert.equal(now(), text);
  });

  it("prints JSON and Markdown with nothing else on that stream", async () => {
    const { registry, lines } = await world();
    write([registry], lines);
    const json = await pin({ format: "json", check: true });
    assert.deepEqual(
      (JSON.parse(json.out) as { services: { service: string; status: string }[] }).services.map(
        (row) => [row.service, row.status],
      ),
      [
        ["same", "as-pinned"],
        ["moved", "take"],
        ["bare", "take"],
        ["noop", "leave"],
        ["young", "take"],
      ],
    );
    assert.equal(json.err, '3 images to pin: "npm run pin -- --stack prod"\n');
    const some = { check: true, all: true, minimumAge: "0", args: ["bare", "noop"] } as const;
    assert.equal(
      (await pin(some)).err,
      '2 images to pin: "npm run pin -- --stack prod --all --minimum-age 0 bare noop"\n',
    );
    const { out } = await pin({ format: "markdown", check: true });
    assert.match(out, /^## Image digests of the stack `prod`\n/);
  });

  const wrong: readonly [options: Partial<PinCommand>, message: RegExp][] = [
    [
      { args: ["traefik=1", "same", "nginx"] },
      /^"traefik=1": Pulumi\.prod\.yaml .*no image .*\bsame\n"nginx": Pulumi\.prod\.yaml .*no image .*\bsame$/,
    ],
    [{ args: ["same", "same=2"] }, /^"same=2": same .*twice$/],
    [{ args: ["same=a/b"] }, /^"same=a\/b": expected a tag .*same=1\.2\.3$/],
    [{ args: ["same=1@sha256:2"] }, /^"same=1@sha256:2": expected a tag .*same=1\.2\.3$/],
    [{ args: ["same="] }, /^"same=": expected a tag .*same=1\.2\.3$/],
    [{ format: "xml" }, /^--format: expected table, json, markdown, got "xml"$/],
    [{ format: "constructor" }, /^--format: expected table, json, markdown, got "constructor"$/],
    [{ minimumAge: "3" }, /^--minimum-age: expected .*3d, 12h or 0, got "3"$/],
    [{ stack: "../x" }, /^stack "\.\.\/x": expected only letters, digits, "_", "\." and "-"$/],
    [{ stack: "none" }, /^Pulumi\.none\.yaml: does not exist; copy Pulumi\.prod\.yaml.*--stack$/],
  ];
  for (const [options, message] of wrong)
    it(`refuses ${JSON.stringify(options)}`, async () => {
      write([], ["same: a:1"]);
      await assert.rejects(pin(options), { name: "CommandError", exitCode: 2, message });
    });

  it("is a command with options, exit codes and a file of its own", async () => {
    const stack = `test-${process.pid}`;
    const project = join(__dirname, "../../..");
    const { registry, lines } = await world();
    const text = write([registry], lines);
    const file = join(project, `Pulumi.${stack}.yaml`);
    writeFileSync(file, text);
    try {
      const tsx = join(project, "node_modules/.bin/tsx");
      const ran = await run(tsx, [
        join(project, "tools/bin/pin.ts"),
        ...["--stack", stack, "--format", "json", "--check", "moved"],
      ]);
      assert.equal(ran.code, 1, ran.stderr);
      assert.equal((JSON.parse(ran.stdout) as { version: number }).version, 1);
      assert.equal(readFileSync(file, "utf8"), text);
      const wrongOption = await run(tsx, [join(project, "tools/bin/pin.ts"), "--chekc"]);
      assert.equal(wrongOption.code, 2);
      assert.equal(readFileSync(file, "utf8"), text);
    } finally {
      rmSync(file);
    }
  }).timeout(60_000);
});
