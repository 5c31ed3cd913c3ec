/** Both sides of the edges of rules, each row one that mutation testing found nobody looking at. */

import assert from "node:assert/strict";
import { inspect } from "node:util";

import * as pulumi from "@pulumi/pulumi";

import { controlsWith, Exemption, HardeningError } from "../../components/hardened/policy";
import { parseConfig, readConfig, Secret } from "../../config/config";
import { hostProblems } from "../../host/address";
import { HOST_KEY, IMAGES, problemsOf, rawConfig } from "../support/raw-config";

describe("the edge of a rule about exemptions", () => {
  const reason = "a reason that a reader can judge";
  const table: readonly [control: string, value: unknown, good: boolean][] = [
    ["capabilities", ["CAP_CHOWN"], true],
    ["capabilities", ["CAP_CHOWN,CAP_SYS_ADMIN"], false],
    ["capabilities", ["all CAP_CHOWN"], false],
    ["capabilities", ["CAP_chown"], false],
    ["hostPaths", ["/proc"], true],
    ["hostPaths", [""], false],
    ["hostPaths", [5], false],
    ["environmentSecrets", [{}], false],
    ["user", "0:0", true],
    ["user", "a0:0", false],
    ["user", "0:0b", false],
    ["user", "12345678901:1", false],
  ];
  for (const [control, value, good] of table)
    it(`is ${good ? "inside" : "outside"} for ${control} ${JSON.stringify(value)}`, () => {
      const exemption = { control, value, reason } as unknown as Exemption;
      if (good) controlsWith("web", {}, [exemption]);
      else assert.throws(() => controlsWith("web", {}, [exemption]), HardeningError);
    });
});

describe("the edge of a rule about configurations", () => {
  const label = "a".repeat(63);
  const acme = (caServer: string) => ({
    tls: { mode: "acme", email: "a@example.com", dnsProvider: "desec", caServer },
    acmeDnsToken: "canary-token",
  });
  const { postgresPassword, ...others } = rawConfig().values;
  assert.ok(typeof postgresPassword === "string");
  const table: readonly [values: Record<string, unknown>, good: boolean][] = [
    [{ domain: "a" }, true],
    [{ domain: "a.b" }, true],
    [{ domain: `${label}.example` }, true],
    [{ domain: `${label}a.example` }, false],
    [{ domain: `example.${label}` }, true],
    [{ domain: `example.${label}a` }, false],
    [{ domain: `x.${[label, label, label].join(".")}.${"a".repeat(57)}` }, true],
    [{ domain: `x.${[label, label, label].join(".")}.${"a".repeat(60)}` }, false],
    [{ domain: "a-.example" }, false],
    [{ services: { n8n: { memoryMiB: 6 } } }, true],
    [{ services: { n8n: { memoryMiB: 5 } } }, false],
    [{ services: { n8n: { memoryMiB: 65536 } } }, true],
    [{ services: { n8n: { memoryMiB: 65537 } } }, false],
    [{ services: { n8n: { cpus: 0.01 } } }, true],
    [{ minimumAge: "3d" }, true],
    [{ minimumAge: "3dx" }, false],
    [{ minimumAge: "x3d" }, false],
    [acme("https://ca.example/dir"), true],
    [acme("http://ca.example/dir"), false],
    [acme("xhttps://ca.example/dir"), false],
    [acme("httpsx://ca.example/dir"), false],
    [{ postgresPassword: "x".repeat(12) }, true],
    [{ postgresPassword: "x".repeat(11) }, false],
    [{ requirePins: false, images: { ...IMAGES, n8n: "n8nio/n8n:1.64.2" } }, true],
    [{ requirePins: true, images: { ...IMAGES, n8n: "n8nio/n8n:1.64.2" } }, false],
    [{ host: { address: "ssh://a@b:1", hostKey: HOST_KEY } }, true],
    [{ host: { address: "ssh://a@b:65535", hostKey: HOST_KEY } }, true],
  ];
  for (const [values, good] of table)
    it(`is ${good ? "inside" : "outside"} for ${JSON.stringify(values).slice(0, 90)}`, () => {
      const secure = new Set([...rawConfig().secure, "acmeDnsToken"]);
      const problems = problemsOf(rawConfig(values, { secure }));
      assert.equal(problems.length, good ? 0 : 1, problems.join("\n"));
    });

  it("does not hide the problems of other keys behind one that is missing", () => {
    const raw = rawConfig({ publish: 5, tls: { mode: "selfSigned" } });
    assert.deepEqual(problemsOf(raw).length, 1);
    assert.deepEqual(problemsOf({ ...raw, values: { ...others, services: 5 } }), [
      // Whether the missing password is needed cannot be told, so nobody is asked for it.
      "services: expected a map, got 5",
    ]);
  });
});

describe("a configuration that was read", () => {
  const read = (values: Record<string, unknown>) => parseConfig(rawConfig(values));

  it("says which major version the data was moved from, and only where it was", () => {
    const moved = read({ services: { postgres: { upgradedFrom: 15 } } });
    assert.equal(moved.postgresUpgradedFrom, 15);
    assert.equal("postgresUpgradedFrom" in read({}), false);
    assert.equal("homepageFolder" in read({}), false);
    assert.equal(read({ services: { homepage: { folder: "site" } } }).homepageFolder, "site");
  });

  it("gives its secrets as secret outputs, and none that it does not have", async () => {
    const config = read({});
    const output = config.secret("portainerPassword");
    assert.equal(await pulumi.isSecret(output), true);
    const value = await new Promise((resolve) => output.apply(resolve));
    assert.equal(value, "canary-portainer-password");
    assert.throws(() => config.secret("acmeDnsToken"), {
      message: "acmeDnsToken was not checked before use",
    });
  });

  it("shows a secret as a word in brackets, however it is printed", () => {
    const secret = new Secret("canary");
    assert.deepEqual(
      [String(secret), JSON.stringify({ secret }), inspect(secret), secret.reveal()],
      ["[secret]", '{"secret":"[secret]"}', "[secret]", "canary"],
    );
  });

  it("took texts for texts and words for what they are", async () => {
    await pulumi.runtime.setMocks(
      { newResource: () => ({ id: "", state: {} }), call: () => ({}) },
      "pinned-stack",
      "test",
      false,
    );
    const { values, secure } = rawConfig({
      checkTags: "false",
      // Has a bracket in it and is no structure.
      backups: { directory: "/srv/dumps" },
      domain: "a[0]",
    });
    const text = (value: unknown): string =>
      typeof value === "string" ? value : JSON.stringify(value);
    const given = (changed: Record<string, string>) => {
      pulumi.runtime.setAllConfig(
        Object.fromEntries(
          Object.entries({ ...values, ...changed }).map(([key, value]) => [
            `pinned-stack:${key}`,
            text(value),
          ]),
        ),
        [...secure].map((key) => `pinned-stack:${key}`),
      );
    };
    try {
      given({});
      assert.throws(() => readConfig(), /domain: expected a host name .*, got "a\[0\]"/);
      given({ domain: "example.test" });
      assert.equal(readConfig().checkTags, false);
      assert.equal(readConfig().backups.directory, "/srv/dumps");
      given({ domain: "[broken" });
      assert.throws(() => readConfig(), /domain: expected a host name .*, got "\[broken"/);
    } finally {
      pulumi.runtime.setAllConfig({}, []);
    }
  });
});

describe("the edge of a rule about messages", () => {
  it("is a message that repeats no more than 120 characters", () => {
    const quoted = (n: number) =>
      hostProblems({ address: "x".repeat(n), hostKey: HOST_KEY })[0]?.problem.split("got ")[1];
    assert.equal(quoted(120), JSON.stringify("x".repeat(120)));
    assert.equal(quoted(121), JSON.stringify(`${"x".repeat(117)}...`));
  });
});
