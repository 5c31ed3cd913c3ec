import assert from "node:assert/strict";
import { readPins } from "../../../config/file/pins";
import { readSettings } from "../../../tools/pin/settings";

const settingsOf = (lines: string) => {
  const { value } = readPins(`config:\n  pinned-stack:images:\n    a: a:1\n${lines}`);
  return readSettings("prod", value);
};

describe("what pin reads of a configuration", () => {
  it("has defaults", () => {
    assert.deepEqual(settingsOf(""), {
      platform: "linux/amd64",
      minimumAge: 0,
      registries: {},
      encrypted: new Map(),
    });
  });

  it("is platform, minimum age and registries", () => {
    const settings = settingsOf(
      `  pinned-stack:platform: linux/arm64
  pinned-stack:minimumAge: 3d
  pinned-stack:registries:
    "127.0.0.1:5000": { insecure: true }
    ghcr.io: { username: me, password: open }
`,
    );
    assert.deepEqual(
      [settings.platform, settings.minimumAge, settings.registries],
      [
        "linux/arm64",
        3 * 24 * 3_600_000,
        { "127.0.0.1:5000": { insecure: true }, "ghcr.io": { username: "me", password: "open" } },
      ],
    );
  });

  it("takes registries as JSON in a text, and an age that YAML reads as a number", () => {
    const { registries, minimumAge } = settingsOf(
      `  pinned-stack:minimumAge: 0\n  pinned-stack:registries: '{"a.test:1":{"insecure":true}}'\n`,
    );
    assert.deepEqual([registries, minimumAge], [{ "a.test:1": { insecure: true } }, 0]);
  });

  it("goes without credentials that are encrypted, and says what to do where they are wanted", () => {
    const { registries, encrypted } = settingsOf(
      `  pinned-stack:registries:
    ghcr.io:
      username: me
      password:
        secure: v1:abc
    quay.io: { insecure: true, username: { secure: v1:x }, password: y }
`,
    );
    assert.deepEqual(registries, { "ghcr.io": {}, "quay.io": { insecure: true } });
    assert.deepEqual([...encrypted.keys()], ["ghcr.io", "quay.io"]);
    assert.equal(
      encrypted.get("ghcr.io"),
      'its credentials are encrypted in the stack file, which this command does not decrypt: run "npm run preview -- --stack prod" and copy the digest that it names',
    );
  });

  it("looks at nothing else: secrets may be missing, other keys wrong", () => {
    assert.equal(settingsOf("  pinned-stack:host: 7\n  pinned-stack:nonsense: x\n").minimumAge, 0);
  });

  it("is refused with all its problems", () => {
    assert.throws(
      () =>
        settingsOf(
          "  pinned-stack:platform: amd64\n  pinned-stack:minimumAge: soon\n  pinned-stack:registries: []\n",
        ),
      (error) => {
        assert.ok(error instanceof Error);
        assert.deepEqual(
          error.message.split("\n").map((line) => line.split(":", 1)[0]),
          ["platform", "minimumAge", "registries"],
        );
        return true;
      },
    );
  });

  it("is refused where all registries are one secret", () => {
    assert.throws(() => settingsOf("  pinned-stack:registries: { secure: v1:x }\n"), {
      name: "StackFileError",
      message:
        'registries: is encrypted as a whole, so nobody knows which registries speak plain http; encrypt only the passwords, with "npx pulumi config set --secret --path \'registries["HOST"].password\'"',
    });
  });
});
