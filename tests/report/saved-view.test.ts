import assert from "node:assert/strict";

import { changes } from "../../report/changes";
import { notCompared, parseSavedView, SavedView, SavedViewError } from "../../report/saved-view";
import { StackView, stackView } from "../../report/stack-view";
import { goldenModel } from "../support/golden-stack";

let base: StackView;
before(async () => {
  base = stackView(await goldenModel());
});

const changed = (before: SavedView, after: StackView): string[] =>
  changes(before, after).map(({ kind, subject, what }) => `${kind}: ${subject}: ${what}`);

describe("a saved report", () => {
  it("is read back as it was written", () => {
    assert.deepEqual(parseSavedView(JSON.stringify(base), "r.json"), base);
  });

  it("is read without the fields that are newer, and compared in what both have", () => {
    const containers = base.containers.map(({ capDrop, writableHostPaths, ...older }) => {
      assert.deepEqual([capDrop, writableHostPaths], [["ALL"], []]);
      return older;
    });
    const { entrance: way, socketReads, insecureRegistries, requirePins, ...older } = base;
    assert.deepEqual(
      [way.tls, socketReads.length, insecureRegistries, requirePins],
      ["acme", 2, [], false],
    );
    const saved = parseSavedView(JSON.stringify({ ...older, containers }), "r.json");
    assert.deepEqual(changes(saved, base), []);
    const now: StackView = {
      ...base,
      containers: base.containers.map((one) =>
        one.name === "n8n" ? { ...one, capDrop: [], user: "0:0" } : one,
      ),
      entrance: { ...way, tls: "none" },
      insecureRegistries: ["127.0.0.1:5000"],
      requirePins: true,
    };
    assert.deepEqual(changed(saved, now), ["weaker: n8n: runs as root"]);
  });

  it("says which of its parts are too old to tell", () => {
    const { caServer, dnsProvider, contentSecurityPolicy, ...way } = base.entrance;
    assert.deepEqual([caServer, dnsProvider, contentSecurityPolicy].includes(undefined), false);
    const now = { ...base, entrance: { ...base.entrance, caServer: "https://ca.example.test" } };
    const old = parseSavedView(JSON.stringify({ ...base, entrance: way }), "r.json");
    assert.deepEqual(changes(old, now), []);
    assert.deepEqual(notCompared(old), [
      "entrance.caServer",
      "entrance.dnsProvider",
      "entrance.contentSecurityPolicy",
    ]);
    assert.deepEqual(notCompared(base), []);
    assert.deepEqual(notCompared({ ...base, entrance: { ...way, tls: "none", routes: [] } }), []);
  });

  it("is read though it names a control and a secret that are called otherwise by now", () => {
    const old = {
      ...base,
      containers: base.containers.map((one) => ({
        ...one,
        exemptions: one.exemptions.map((given) => ({ ...given, control: `old-${given.control}` })),
      })),
      secrets: base.secrets.map((one) => ({ ...one, name: `old-${one.name}` })),
    };
    const saved = parseSavedView(JSON.stringify(old), "r.json");
    assert.equal(saved.secrets[0]?.name, "old-postgresPassword");
    assert.deepEqual(
      changed(saved, base).filter((line) => line.includes("n8nEncryptionKey")),
      [
        "weaker: n8n: reads n8nEncryptionKey",
        "stricter: n8n: no longer reads old-n8nEncryptionKey",
      ],
    );
  });

  const bad: readonly (readonly [string, string, RegExp])[] = [
    ["no JSON", "traefik", /^r\.json: is no JSON; save one with "npm run -s report/],
    ["another version", '{"version":2}', /^r\.json: is no report of version 1, at version: /],
    ["a list", "[]", /at its top: /],
    ["something else", '{"version":1}', /at stack: /],
  ];
  for (const [name, text, message] of bad)
    it(`is refused when it is ${name}`, () => {
      assert.throws(
        () => parseSavedView(text, "r.json"),
        (error) => error instanceof SavedViewError && message.test(error.message),
      );
    });

  const parts: readonly (readonly [string, () => object, string])[] = [
    [
      "a network",
      () => ({ entrance: { ...base.entrance, adminAllow: ["every\u009b2Jwhere"] } }),
      'entrance.adminAllow.0: expected a network such as 192.0.2.0/24, got "everywhere"; ',
    ],
    [
      "an address",
      () => ({ ports: base.ports.map((port) => ({ ...port, address: "localhost" })) }),
      'ports.0.address: expected an IP address such as 127.0.0.1, got "localhost"; ',
    ],
  ];
  for (const [name, said, message] of parts)
    it(`is refused when ${name} in it is none, and says what is expected`, () => {
      assert.throws(
        () => parseSavedView(JSON.stringify({ ...base, ...said() }), "r.json"),
        (error) =>
          error instanceof SavedViewError &&
          error.message.startsWith(`r.json: is no report of version 1, at ${message}`),
      );
    });
});
