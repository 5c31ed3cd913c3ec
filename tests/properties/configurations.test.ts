import assert from "node:assert/strict";
import { inspect } from "node:util";

import fc from "fast-check";

import {
  controlsWith,
  EXEMPTIBLE,
  HARDENED,
  HardeningError,
} from "../../components/hardened/policy";
import { SERVICE_NAMES } from "../../components/services";
import { ConfigError, parseConfig, RawConfig } from "../../config/config";
import { KEYS, SECRET_NAMES } from "../../config/schema";
import { CANARIES, HOST_KEY, IMAGES, rawConfig } from "../support/raw-config";
import { assertOneLine, assertQuick, holds, LONG_INPUTS, outcome } from "./check";

const text = fc.oneof(
  fc.constantFrom("", " ", "null", "true", "0", "-1", "__proto__", "constructor", "toString", "\n"),
  fc.constantFrom(
    ...Object.values(IMAGES),
    HOST_KEY,
    "unix:///run/docker.sock",
    "3d",
    "10.0.0.0/8",
  ),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary-ascii", maxLength: 12 }),
);
const leaf = fc.oneof(
  text,
  fc.constantFrom(null, undefined, true, false, 0, -1, 0.5, 1e308, NaN, 443, 70_000, [], {}),
);
/** Names that mean something somewhere, so that most values get past the first check. */
const name = fc.oneof(
  fc.constantFrom<string>(
    ...Object.keys(KEYS),
    ...SERVICE_NAMES,
    ..."address hostKey http https enabled host folder memoryMiB cpus pidsLimit exemptions control value reason".split(
      " ",
    ),
    ..."mode email dnsProvider caServer insecure username directory keep atMost".split(" "),
    "ghcr.io",
    "127.0.0.1:5000",
    "__proto__",
    "constructor",
  ),
  text,
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.dictionary(name, tie("tree"), { maxKeys: 4 }),
    fc.array(tie("tree"), { maxLength: 3 }),
  ),
}));

/** Some keys of a good configuration said otherwise. */
const values = fc.dictionary(name, tree, { maxKeys: 5 });
const stack = fc.constantFrom("test", "dev", "prod");
const read = (raw: RawConfig) => outcome(() => parseConfig(raw), ConfigError);

/** Every problem is `path: words` on one line. */
function assertReads(error: ConfigError): void {
  assert.ok(error.problems.length > 0);
  for (const line of error.problems) {
    assertOneLine(line, 1000);
    assert.match(line, /^[^ ]+.*: \S/);
  }
}

describe("every configuration", () => {
  it("is read, or refused with lines of one form", () => {
    let good = 0;
    holds(
      fc.property(values, stack, (given, named) => {
        const result = read(rawConfig(given, { stack: named }));
        if ("error" in result) assertReads(result.error);
        else good++;
      }),
      1500,
    );
    assert.ok(good > 20, `${good} good`);
  });

  it("never shows a secret, whatever else is wrong", () => {
    holds(
      fc.property(values, fc.subarray([...SECRET_NAMES]), stack, (given, clear, named) => {
        const secure = new Set<string>(SECRET_NAMES.filter((secret) => !clear.includes(secret)));
        const result = read(rawConfig({ ...CANARIES, ...given }, { stack: named, secure }));
        const shown =
          "error" in result
            ? `${result.error.message}${inspect(result.error, { depth: Infinity, showHidden: true })}`
            : `${JSON.stringify(result.value)}${inspect(result.value, { depth: Infinity, showHidden: true })}`;
        assert.ok(!shown.includes("canary"), shown);
      }),
      500,
    );
  });

  it("never shows the login of a registry, wherever in the key it stands", () => {
    const secret = "canary-registry-password";
    const holder = fc.oneof(
      fc.constant<unknown>(secret),
      fc.constant<unknown>([secret]),
      fc.constantFrom("password", "username", "pasword").map((key) => ({ [key]: secret })),
      fc.constantFrom("password", "username").map((key) => ({ [key]: { secure: secret } })),
      fc.constant({ username: secret, password: secret, insecure: "yes" }),
    );
    const registries = fc.oneof(
      holder,
      fc
        .constantFrom("ghcr.io", "127.0.0.1:5000", "GHCR.io", "")
        .chain((host) => holder.map((value): unknown => ({ [host]: value }))),
      fc.constant<unknown>({ [`deploy:${secret}@ghcr.io`]: { insecure: true } }),
    );
    holds(
      fc.property(registries, (value) => {
        const result = read(rawConfig({ registries: value }));
        if (!("error" in result)) return;
        assertReads(result.error);
        assert.ok(!result.error.message.includes(secret), result.error.message);
      }),
      200,
    );
  });

  it("is read in time that grows with its length", () => {
    for (const long of LONG_INPUTS.filter((_, n) => n % 2 === 0))
      assertQuick(JSON.stringify(long.slice(0, 12)), () => {
        const result = read(
          rawConfig({
            domain: long,
            minimumAge: long,
            platform: `linux/${long}`,
            adminAllow: [long],
            images: { ...IMAGES, n8n: long },
            tls: { mode: "acme", email: `${long}@example.com`, dnsProvider: long, caServer: long },
            registries: { [long]: {} },
            backups: { directory: `/${long}` },
            services: { homepage: { host: long }, [long]: {} },
            [long]: long,
          }),
        );
        assert.ok("error" in result);
        assertReads(result.error);
      });
  });
});

describe("every set of exemptions", () => {
  const exemption = fc.record({
    control: fc.constantFrom<string>(...EXEMPTIBLE, "privileged", "toString", "memoryMiB"),
    value: fc.oneof(tree, fc.array(fc.constantFrom(80, 0, -1, 65536, 1.5, "80"))),
    reason: fc.oneof(fc.constant("a reason that a reader can judge"), leaf),
  });
  const own = fc.record(
    {
      user: fc.constantFrom("1:1", "0:0", "1:0", "70:70", "root", ""),
      memoryMiB: fc.constantFrom(0, 6, 256, 70_000, NaN, 1.5, Infinity),
      cpus: fc.constantFrom(0, 0.5, 64, 65, NaN),
      pidsLimit: fc.constantFrom(-1, 0, 1, 200, 40_000),
    },
    { requiredKeys: [] },
  );

  it("changes exactly what it names, or is refused with every reason", () => {
    type Given = Parameters<typeof controlsWith>[2];
    holds(
      fc.property(own, fc.array(exemption, { maxLength: 3 }), (limits, list) => {
        const result = outcome(
          () => controlsWith("n8n", limits, list as unknown as Given),
          HardeningError,
        );
        if ("error" in result) {
          for (const line of result.error.problems) {
            assert.ok(line.startsWith("n8n: "), line);
            assertOneLine(line, 1000);
          }
          return;
        }
        const said = new Map<string, unknown>([
          ...Object.entries(limits),
          ...list.map(({ control, value }) => [control, value] as const),
        ]);
        for (const [control, value] of Object.entries(result.value))
          assert.deepEqual(
            value,
            said.has(control) ? said.get(control) : HARDENED[control as keyof typeof HARDENED],
          );
        for (const port of result.value.publishedPorts) assert.ok(port >= 1 && port <= 65535);
        // Nothing gets out of the policy by the way: root and unbounded limits take more than that.
        if (!list.some(({ control }) => control === "user"))
          assert.doesNotMatch(result.value.user, /^0+:|:0+$/);
        for (const limit of ["memoryMiB", "cpus", "pidsLimit"] as const)
          assert.ok(result.value[limit] > 0 && result.value[limit] <= 65536);
      }),
      1500,
    );
  });
});
