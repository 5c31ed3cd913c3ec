import assert from "node:assert/strict";

import { changes } from "../../../../tools/report/changes/changes";
import {
  notCompared,
  parseSavedView,
  SavedView,
} from "../../../../tools/report/changes/saved-report";
import { json } from "../../../../tools/report/print";
import { StackView } from "../../../../tools/report/view/stack";
import { exampleView } from "../example-stack";

const base = exampleView();

const saved = (view: object): SavedView => parseSavedView(json(view), "r.json", "prod");
const compared = (before: SavedView, after: StackView): string[] =>
  changes(before, after).map(({ kind, subject, what }) => `${kind}: ${subject} ${what}`);

describe("a saved report", () => {
  it("compares as the view that it was made from", () => {
    assert.deepEqual(changes(saved(base), base), []);
    const after = exampleView({ tls: { mode: "none" }, adminAllow: [], requirePins: true });
    assert.ok(changes(base, after).length > 3);
    assert.deepEqual(changes(saved(base), after), changes(base, after));
  });

  it("is compared in what both have, and says which of its parts are too old to tell", () => {
    const { ingress, socketReads, insecureRegistries, requirePins, ...rest } = base;
    const containers = base.containers.map(({ capDrop, writableHostPaths, ...older }) => {
      assert.deepEqual([capDrop, writableHostPaths], [["ALL"], []]);
      return older;
    });
    const old = saved({ ...rest, containers });
    assert.deepEqual(changes(old, base), []);
    assert.deepEqual(notCompared(old), [
      "ingress",
      "socketReads",
      "insecureRegistries",
      "requirePins",
    ]);
    const now: StackView = {
      ...base,
      containers: base.containers.map((one) =>
        one.name === "db" ? { ...one, capDrop: [], user: "0:0" } : one,
      ),
      ingress: { ...ingress, tls: "none" },
      socketReads: [...socketReads, { container: "agent", reads: ["GET /info"] }],
      insecureRegistries: [...insecureRegistries, "127.0.0.1:5000"],
      requirePins: !requirePins,
    };
    assert.deepEqual(compared(old, now), ["weaker: db runs as root (0:0)"]);
  });

  it("says which parts of its ingress are too old to tell", () => {
    const { caServer, dnsProvider, contentSecurityPolicy, ...way } = base.ingress;
    const now = { ...base, ingress: { ...base.ingress, caServer: "https://ca.example.test" } };
    const old = saved({ ...base, ingress: way });
    assert.deepEqual([caServer, dnsProvider, contentSecurityPolicy].includes(undefined), false);
    assert.deepEqual(changes(old, now), []);
    assert.deepEqual(notCompared(old), [
      "ingress.caServer",
      "ingress.dnsProvider",
      "ingress.contentSecurityPolicy",
    ]);
    assert.deepEqual(notCompared(base), []);
    assert.deepEqual(
      notCompared(saved({ ...base, ingress: { ...way, tls: "none", routes: [] } })),
      [],
    );
  });

  it("may name controls, secrets, init containers and orders as another version did", () => {
    const old = saved({
      ...base,
      helpers: [{ name: "traefik-config-loader" }],
      containers: base.containers.map((one) => ({
        ...one,
        order: one.order.replace("-", " "),
        exemptions: one.exemptions.map((given) => ({ ...given, control: `old-${given.control}` })),
      })),
      secrets: base.secrets.map((one) => ({ ...one, name: `old-${one.name}` })),
    });
    assert.deepEqual(
      compared(old, base).filter((line) => !/dbPassword|acmeDnsToken/.test(line)),
      [
        "weaker: app has appKey in its environment as APP_KEY",
        "weaker: app reads appKey",
        "stricter: app no longer has old-appKey in its environment as APP_KEY",
        "stricter: app no longer reads old-appKey",
      ],
    );
  });

  const SAVE = 'save one with "npm run -s report -- --stack prod --format json > r.json"';
  const no = (...problems: readonly string[]): string =>
    `r.json: is not a report of version 1:\n${problems.map((line) => `  ${line}\n`).join("")}${SAVE}`;
  const said = (part: object): string => JSON.stringify({ ...base, ...part });
  const first = (part: object): string =>
    said({ containers: base.containers.slice(0, 1).map((one) => ({ ...one, ...part })) });

  // What is wrong with a file, what it holds, and what is said.
  const bad: readonly (readonly [string, string, string])[] = [
    ["is not JSON", "traefik", `r.json: is not JSON; ${SAVE}`],
    ["is of another version", said({ version: 2 }), no("version: expected 1, got 2")],
    ["is a list", "[]", no("top level: expected a map, got a list")],
    ["is empty", "null", no("top level: expected a map, got nothing")],
    [
      "is something else",
      '{"version":1}',
      no(
        "stack: missing, expected a string",
        "platform: missing, expected a string",
        "images: missing, expected a list",
        "containers: missing, expected a list",
        "networks: missing, expected a list",
        "and 4 more",
      ),
    ],
    [
      "has a network that is none",
      said({ ingress: { ...base.ingress, adminAllow: ["every\u009b2Jwhere"] } }),
      no('ingress.adminAllow.0: expected a network such as 192.0.2.0/24, got "everywhere"'),
    ],
    [
      "has an address that is none",
      said({ ports: base.ports.map((port) => ({ ...port, address: "localhost" })) }),
      no(
        'ports.0.address: expected an IP address such as 127.0.0.1, got "localhost"',
        'ports.1.address: expected an IP address such as 127.0.0.1, got "localhost"',
      ),
    ],
    [
      "has a CA that is none",
      said({ ingress: { ...base.ingress, caServer: "x" } }),
      no('ingress.caServer: expected an address that begins with https://, got "x"'),
    ],
    [
      "has a text for a switch, and no number",
      first({ readOnlyRootfs: "yes", cpus: null }),
      no(
        'containers.0.readOnlyRootfs: expected true or false, got "yes"',
        "containers.0.cpus: expected a number, got nothing",
      ),
    ],
    [
      "has a long text where a number is expected",
      first({ cpus: "x".repeat(1000) }),
      no(`containers.0.cpus: expected a number, got "${"x".repeat(77)}..."`),
    ],
  ];
  for (const [name, content, message] of bad)
    it(`is refused when it ${name}`, () => {
      assert.throws(() => parseSavedView(content, "r.json", "prod"), {
        name: "CommandError",
        message,
      });
    });
});
