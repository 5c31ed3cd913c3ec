import assert from "node:assert/strict";

import { changes } from "../../../../tools/report/changes/changes";
import {
  notCompared,
  parseSavedView,
  SavedView,
} from "../../../../tools/report/changes/saved-report";
import { StackView, stackView } from "../../../../tools/report/view/stack";
import { goldenModel } from "../../../support/golden-stack";

let base: StackView;
before(async () => {
  base = stackView(await goldenModel());
});

const changed = (before: SavedView, after: StackView): string[] =>
  changes(before, after).map(({ kind, subject, what }) => `${kind}: ${subject}: ${what}`);

describe("a saved report", () => {
  it("is read back as it was written", () => {
    assert.deepEqual(parseSavedView(JSON.stringify(base), "r.json", "prod"), base);
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
    const saved = parseSavedView(JSON.stringify({ ...older, containers }), "r.json", "prod");
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
    const old = parseSavedView(JSON.stringify({ ...base, entrance: way }), "r.json", "prod");
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
    const saved = parseSavedView(JSON.stringify(old), "r.json", "prod");
    assert.equal(saved.secrets[0]?.name, "old-postgresPassword");
    assert.deepEqual(
      changed(saved, base).filter((line) => line.includes("n8nEncryptionKey")),
      [
        "weaker: n8n: reads n8nEncryptionKey",
        "stricter: n8n: no longer reads old-n8nEncryptionKey",
      ],
    );
  });

  const SAVE = 'save one with "npm run -s report -- --stack prod --format json > r.json"';
  const no = (...problems: readonly string[]): string =>
    `r.json: is no report of version 1:\n${problems.map((line) => `  ${line}\n`).join("")}${SAVE}`;
  const said = (part: object): string => JSON.stringify({ ...base, ...part });
  const first = (part: object): string =>
    said({ containers: base.containers.slice(0, 1).map((one) => ({ ...one, ...part })) });

  // What is wrong with a file, what it holds, and what is said.
  const bad: readonly (readonly [string, () => string, string])[] = [
    ["is no JSON", () => "traefik", `r.json: is no JSON; ${SAVE}`],
    ["is of another version", () => said({ version: 2 }), no("version: expected 1, got 2")],
    ["is a list", () => "[]", no("at its top: expected a map, got a list")],
    ["is empty", () => "null", no("at its top: expected a map, got nothing")],
    [
      "is something else",
      () => '{"version":1}',
      no(
        "stack: missing, expected a text",
        "platform: missing, expected a text",
        "images: missing, expected a list",
        "containers: missing, expected a list",
        "networks: missing, expected a list",
        "and 5 more",
      ),
    ],
    [
      "has a network that is none",
      () => said({ entrance: { ...base.entrance, adminAllow: ["every\u009b2Jwhere"] } }),
      no('entrance.adminAllow.0: expected a network such as 192.0.2.0/24, got "everywhere"'),
    ],
    [
      "has an address that is none",
      () => said({ ports: base.ports.map((port) => ({ ...port, address: "localhost" })) }),
      no(
        'ports.0.address: expected an IP address such as 127.0.0.1, got "localhost"',
        'ports.1.address: expected an IP address such as 127.0.0.1, got "localhost"',
      ),
    ],
    [
      "has a CA that is none",
      () => said({ entrance: { ...base.entrance, caServer: "x" } }),
      no('entrance.caServer: expected an address that begins with https://, got "x"'),
    ],
    [
      "has a text for a switch, and no number",
      () => first({ readOnlyRootfs: "yes", cpus: null }),
      no(
        'containers.0.readOnlyRootfs: expected true or false, got "yes"',
        "containers.0.cpus: expected a number, got nothing",
      ),
    ],
    [
      "has a name of its own for an order",
      () => first({ order: "both" }),
      no('containers.0.order: expected one of "start first", "stop first", got "both"'),
    ],
    [
      "has an exemption without a value",
      () => first({ exemptions: [{ control: "user", value: 0, reason: "x" }] }),
      no(
        "containers.0.exemptions.0.value: expected true, false, a text, or a list of texts or numbers, got 0",
      ),
    ],
    [
      "has a long text where a number is expected",
      () => first({ cpus: "x".repeat(1000) }),
      no(`containers.0.cpus: expected a number, got "${"x".repeat(77)}..."`),
    ],
  ];
  for (const [name, text, message] of bad)
    it(`is refused when it ${name}`, () => {
      assert.throws(() => parseSavedView(text(), "r.json", "prod"), {
        name: "SavedViewError",
        message,
      });
    });
});
