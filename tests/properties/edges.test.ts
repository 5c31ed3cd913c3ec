/** Both sides of the edges of rules, each row one that mutation testing found nobody looking at. */

import assert from "node:assert/strict";
import { inspect } from "node:util";

import * as pulumi from "@pulumi/pulumi";

import { controlsWith, Exemption, HardeningError } from "../../components/hardened/policy";
import { parseConfig, readConfig, Secret } from "../../config/config";
import { hostProblems } from "../../host/address";
import { statusError } from "../../images/registry/response";
import { parseChallenges } from "../../images/registry/auth";
import type { Answer } from "../../images/registry/http";
import { manifestType, OCI_INDEX } from "../../images/registry/media-types";
import { nearestTags } from "../../images/registry/nearest-tags";
import { whyNotTo } from "../../images/registry/origin";
import { parseReference, ReferenceError } from "../../images/reference";
import { readScheme } from "../../images/registry/scheme";
import { Redactor } from "../../text/redact";
import { parseToken } from "../../images/registry/token";
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

describe("the nearest tags", () => {
  const table: readonly [title: string, wanted: string, tags: string, nearest: string][] = [
    [
      "of a word are those with one letter wrong, added or lost",
      "stable",
      "stble stablee stabel",
      "stblee",
    ],
    ["of a short word are none that share no more than a letter", "ab", "ac ad b", ""],
    [
      "of a long word may have a third of it wrong",
      "bookworm-slim",
      "bookwarn-slin bullseye",
      "bookwarn-slin",
    ],
    ["of a version are those with its variant misspelt", "1a", "1a2 a", "1a2"],
    ["come newest first where they are as near", "1.5", "1.4 1.6", "1.6 1.4"],
    [
      "have the same version in another spelling first",
      "1.2",
      "v1.2 1.3 1.2.0 1.1",
      "v1.2 1.2.0 1.3 1.1",
    ],
    ["read numbers of several digits", "1.20.3", "1.20.4 1.2.3", "1.20.4 1.2.3"],
  ];
  for (const [title, wanted, tags, nearest] of table)
    it(`${title}: ${wanted}`, () => {
      const list = (text: string) => text.split(" ").filter((word) => word !== "");
      if (title.startsWith("of a word are"))
        assert.deepEqual([...nearestTags(wanted, list(tags))].sort(), [...list(tags)].sort());
      else assert.deepEqual(nearestTags(wanted, list(tags)), list(nearest));
    });
});

describe("the edge of a rule about registries", () => {
  const home = new URL("https://registry.example");
  const why = (host: string) => whyNotTo(new URL(`https://${host}/`), home, {});

  it("is a host name of 253 characters", () => {
    const name = (length: number) => "a.".repeat(130).slice(0, length - 1) + "b";
    assert.equal(why(name(253)), undefined);
    assert.equal(why(name(254)), "its name is too long for one");
    assert.equal(why("localhost.example.com"), undefined);
    assert.equal(why("mylocalhost"), undefined);
  });

  it("is a name of 255 characters, with its registry", () => {
    const path = (length: number) => "a".repeat(length - "ghcr.io/".length);
    assert.equal(parseReference(`ghcr.io/${path(255)}:1`).repository.length, 247);
    assert.throws(() => parseReference(`ghcr.io/${path(256)}:1`), ReferenceError);
    assert.equal(parseReference("[::0]/app:1").registry, "[::0]");
  });

  const headers: readonly [header: string, schemes: string | undefined][] = [
    [`Basic realm="${"x".repeat(8192 - 'Basic realm=""'.length)}"`, "basic"],
    [`Basic realm="${"x".repeat(8193 - 'Basic realm=""'.length)}"`, undefined],
    ["  Basic  ", "basic"],
    ["Negotiate   abc==", "negotiate"],
    ["Negotiate abc, Basic", "negotiate basic"],
    ["Negotiate abc=== , Basic   realm=x", "negotiate basic"],
    ['Bearer realm="x" Basic', undefined],
    // A word and an equals sign is what a challenge may have instead of parameters.
    ["Bearer realm=", "bearer"],
    ["Bearer realm=,", "bearer"],
  ];
  for (const [header, schemes] of headers)
    it(`is ${schemes === undefined ? "outside" : "inside"} for ${header.slice(0, 40)}`, () => {
      const read = parseChallenges(header)?.map(({ scheme }) => scheme);
      assert.equal(read?.join(" "), schemes);
    });

  const answer = (status: number, body: string, header?: string): Answer => ({
    status,
    headers: header === undefined ? {} : { "www-authenticate": header },
    body: Buffer.from(body),
    url: home,
  });

  it("is one scheme that is known among others", () => {
    const text = new Redactor();
    const scheme = (header: string) =>
      readScheme({ answer: answer(401, "", header), text }, home, {});
    assert.deepEqual(scheme("Negotiate, Basic"), { kind: "basic" });
    text.hide("canary-token");
    assert.throws(() => scheme('Bearer realm="https://canary-TOKEN.example/"'), {
      message:
        'registry.example wants a token from "https://[hidden].example", which is not asked: its name has a secret in it',
    });
    assert.throws(() => scheme("Negotiate"), {
      message: 'registry.example answered 401 without saying what it wants: "Negotiate"',
    });
  });

  const bodies: readonly [body: string, words: string][] = [
    ["null", ""],
    ["{}", ""],
    ['{"errors":[]}', ""],
    ['{"errors":[null]}', ""],
    ['{"errors":[{"code":"","message":"m"}]}', " (m)"],
    ['{"errors":[{"code":"c","message":""}]}', " (c)"],
    ["<html>", ""],
  ];
  for (const [body, words] of bodies)
    it(`is what a registry may answer: ${body}`, () => {
      const error = statusError({ answer: answer(500, body), text: new Redactor() });
      assert.equal(error.message, `registry.example answered 500${words}`);
    });

  it("is white space that a header may have", () => {
    assert.equal(manifestType(` ${OCI_INDEX} ; charset=utf-8`), OCI_INDEX);
    assert.equal(manifestType(""), undefined);
    assert.equal(parseToken(Buffer.from("no json")), undefined);
  });

  it("is a message that repeats no more than 120 characters", () => {
    const quoted = (n: number) =>
      hostProblems({ address: "x".repeat(n), hostKey: HOST_KEY })[0]?.problem.split("got ")[1];
    assert.equal(quoted(120), JSON.stringify("x".repeat(120)));
    assert.equal(quoted(121), JSON.stringify(`${"x".repeat(117)}...`));
    assert.equal(new Redactor().clean("x".repeat(120)), "x".repeat(120));
  });
});
