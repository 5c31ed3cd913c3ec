import assert from "node:assert/strict";
import { readPins } from "../../../config/file/pins";
import { readSettings } from "../../../tools/trust/settings";

const settingsOf = (...lines: readonly string[]) => {
  const others = lines.map((line) => `  pinned-stack:${line}\n`).join("");
  const { value } = readPins(`config:\n  pinned-stack:images:\n    a: a:1\n${others}`);
  return readSettings("prod", value);
};
const DEFAULTS = {
  accept: [],
  platform: "linux/amd64",
  minimumAge: 0,
  registries: {},
  trust: {},
  encrypted: new Map(),
};

describe("what pin reads of a configuration", () => {
  const local = { "127.0.0.1:5000": { insecure: true } };
  const open = { "ghcr.io": { username: "me", password: "open" } };
  const table: readonly [title: string, lines: readonly string[], settings: object][] = [
    ["has defaults", [], {}],
    [
      "is platform, minimum age and registries",
      [
        ...["platform: linux/arm64", "minimumAge: 3d"],
        `registries: ${JSON.stringify({ ...local, ...open })}`,
      ],
      {
        platform: "linux/arm64",
        minimumAge: 3 * 24 * 3_600_000,
        registries: { ...local, ...open },
      },
    ],
    ["may be an age that YAML reads as a number", ["minimumAge: 0"], {}],
    [
      "may be registries as JSON in a text",
      [`registries: '${JSON.stringify(local)}'`],
      { registries: local },
    ],
    ["is nothing else: secrets may be missing, other keys wrong", ["host: 7", "nonsense: x"], {}],
    ["does without accepted holes that cannot be read", ["accept: [{ id: hole }]"], {}],
    [
      "are accepted holes",
      [`accept: [{ id: CVE-2026-12345, reason: not reachable here, until: 2027-01-31 }]`],
      { accept: [{ id: "CVE-2026-12345", reason: "not reachable here", until: "2027-01-31" }] },
    ],
  ];
  for (const [title, lines, settings] of table)
    it(title, () => {
      assert.deepEqual(settingsOf(...lines), { ...DEFAULTS, ...settings });
    });

  it("has no encrypted credentials, but what to do where they are wanted", () => {
    const settings = settingsOf(
      "registries: { ghcr.io: { username: me, password: { secure: v1:abc } }, quay.io: { insecure: true, username: { secure: v1:x }, password: y } }",
    );
    assert.deepEqual(settings.registries, { "ghcr.io": {}, "quay.io": { insecure: true } });
    assert.deepEqual([...settings.encrypted.keys()], ["ghcr.io", "quay.io"]);
    assert.match(
      settings.encrypted.get("ghcr.io") ?? "",
      /credentials are encrypted .*"npm run preview -- --stack prod" .*digest/,
    );
  });

  it("is refused with all its problems", () => {
    assert.throws(
      () => settingsOf("platform: amd64", "minimumAge: soon", "registries: []"),
      /^StackFileError: platform: .*\nminimumAge: .*\nregistries: [^\n]*$/,
    );
  });

  it("is refused if all registries are one secret", () => {
    assert.throws(() => settingsOf("registries: { secure: v1:x }"), {
      name: "StackFileError",
      message:
        'registries: the whole map is encrypted, so commands that read only the stack file cannot see which registries use plain http; encrypt only the passwords, with "npx pulumi config set --secret --path \'registries["HOST"].password\'"',
    });
  });
});
