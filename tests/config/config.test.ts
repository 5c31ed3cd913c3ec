/** Reading a configuration as a whole: defaults, secrets, what Pulumi hands over, and the error with all problems. */
import assert from "node:assert/strict";
import { inspect } from "node:util";

import * as pulumi from "@pulumi/pulumi";

import { ServiceName } from "../../components/services";
import { ConfigError, parseConfig, Secret, StackConfig } from "../../config/config";
import { readConfig, readOptions } from "../../config/program";
import { SECRET_NAMES } from "../../config/schema";
import { assertLines } from "../support/lines";
import {
  CANARIES,
  IMAGES,
  problemsOf,
  pulumiConfig,
  rawConfig,
  setSecret,
} from "../support/raw-config";
import { record } from "../support/pulumi-mocks";
import { REASON } from "../support/small-stack";

describe("a configuration", () => {
  it("has these values where a stack says nothing", () => {
    const { host, services, images, secrets, secret, ...rest } = parseConfig(rawConfig());
    assert.deepEqual(rest, {
      stack: "test",
      domain: "example.test",
      publish: { address: "127.0.0.1", http: 80, https: 443 },
      requirePins: false,
      trust: {},
      accept: [],
      checkTags: true,
      minimumAge: 0,
      networkPool: "10.201.0.0/16",
      notify: [],
      platform: "linux/amd64",
      tls: { mode: "none" },
      adminAllow: [],
      registries: {},
      routes: {},
      redirects: {},
      backups: { keep: 7 },
      trial: { atMost: 15 },
    });
    assert.equal(typeof secret, "function");
    assert.deepEqual(host, { address: "unix:///var/run/docker.sock" });
    const on = { enabled: true, limits: {}, exemptions: [], options: {} };
    const { traefik, homepage, n8n, postgres, cadvisor } = services;
    assert.deepEqual(
      { traefik, homepage, n8n, postgres, cadvisor },
      {
        traefik: { ...on, host: "traefik.example.test" },
        homepage: { ...on, host: "example.test" },
        n8n: { ...on, host: "n8n.example.test" },
        postgres: on,
        cadvisor: { ...on, enabled: false, host: "cadvisor.example.test" },
      },
    );
    // Only what is on has an image.
    assert.equal(images.n8n?.tag, "1.64.2");
    assert.ok(!("cadvisor" in images));
    assert.equal(secrets.n8nEncryptionKey?.reveal(), CANARIES.n8nEncryptionKey);
    assert.ok(!("acmeDnsToken" in secrets));
  });

  it("has what a stack says", () => {
    const registries = {
      "127.0.0.1:5000": { insecure: true },
      "ghcr.io": { username: "a", password: "canary" },
    };
    const exemptions = [{ control: "readOnlyRootfs", value: false, reason: REASON }];
    const config = parseConfig(
      rawConfig({
        publish: { address: "::1", http: 8080 },
        minimumAge: "12h",
        registries,
        backups: { directory: "/var/backups/stack" },
        trial: { atMost: 60 },
        services: {
          homepage: { host: "start.example.test", folder: "site", cpus: 0.5, exemptions },
          cadvisor: { enabled: true, memoryMiB: 512, pidsLimit: 50 },
        },
      }),
    );
    assert.deepEqual(config.publish, { address: "::1", http: 8080, https: 443 });
    assert.equal(config.minimumAge, 43_200_000);
    assert.deepEqual(config.registries, registries);
    assert.deepEqual(config.backups, { directory: "/var/backups/stack", keep: 7 });
    assert.deepEqual(config.trial, { atMost: 60 });
    const { homepage, cadvisor } = config.services;
    assert.deepEqual(homepage, {
      enabled: true,
      host: "start.example.test",
      limits: { cpus: 0.5 },
      exemptions,
      options: { folder: "site" },
    });
    assert.deepEqual(cadvisor.limits, { memoryMiB: 512, pidsLimit: 50 });
  });

  /** What is on as a consequence of what is said. */
  const enabled: readonly (readonly [Record<string, object>, ServiceName, boolean])[] = [
    [{}, "traefik", true],
    [{}, "socket-proxy", true],
    [{ portainer: { enabled: false } }, "socket-proxy", false],
    [{ portainer: { enabled: false }, cadvisor: { enabled: true } }, "socket-proxy", false],
    [{ n8n: { enabled: false } }, "postgres", false],
  ];
  for (const [services, name, on] of enabled)
    it(`has ${name} ${on ? "on" : "off"} with ${JSON.stringify(services)}`, () => {
      const config = parseConfig(rawConfig({ services }));
      assert.equal(config.services[name].enabled, on);
      assert.equal(name in config.images, on);
    });

  it("gives the secrets that it has, and no others", () => {
    const { secret } = parseConfig(rawConfig());
    assert.equal(secret("portainerPassword").reveal(), CANARIES.portainerPassword);
    assert.throws(() => secret("acmeDnsToken"), {
      message: "acmeDnsToken was not checked before use",
    });
  });
});

describe("a configuration with problems", () => {
  const messageOf = (values: Readonly<Record<string, unknown>>): string => {
    try {
      parseConfig(rawConfig(values));
    } catch (error) {
      // Pulumi prints it without a stack trace.
      assert.ok(error instanceof ConfigError && pulumi.RunError.isInstance(error));
      return error.message;
    }
    return assert.fail("no problem");
  };

  it("is refused with all of them, and the file that has them", () => {
    assert.equal(
      messageOf({ domain: 5, tls: { mode: "x" }, colour: "red", portainerPassword: "" }),
      `the configuration of stack "test" (Pulumi.test.yaml) has 4 problems:
  domain: expected a lower-case host name such as example.com, not an IP address, got 5
  tls.mode: expected "none", "selfSigned" or "acme", got "x"
  colour: unknown key; remove it or check its spelling
  portainerPassword: missing, portainer needs it; ${setSecret("portainerPassword")}`,
    );
    assert.match(
      messageOf({ colour: "red" }),
      /\(Pulumi\.test\.yaml\) has one problem:\n {2}colour: /,
    );
  });

  it("shows a hundred of them at most", () => {
    const keys = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`key${n}`, 1]));
    const lines = messageOf(keys(103)).split("\n");
    assert.deepEqual(
      [lines[0], lines.at(-1), lines.length],
      [
        'the configuration of stack "test" (Pulumi.test.yaml) has 103 problems:',
        "  and 3 more",
        102,
      ],
    );
    assert.doesNotMatch(messageOf(keys(100)), /more$/);
  });
});

describe("a secret of a configuration", () => {
  const rows: readonly (readonly [title: string, value: unknown, problem: string])[] = [
    ["no text", null, "expected a string;"],
    ["a map", { canary: "canary" }, "expected a string;"],
    ["too short", "canary-1234", "… at least 12 …"],
    ["with a space at its end", "canary-password ", "… white space … line break;"],
    ["of two lines", "canary\npassword", "… white space … line break;"],
    ["of the dev stack", "dev-only-portainer-canary", "… dev stack;"],
  ];
  for (const [title, value, problem] of rows)
    it(`is refused when it is ${title}`, () => {
      assertLines(problemsOf(rawConfig({ portainerPassword: value })), [
        `portainerPassword: ${problem} ${setSecret("portainerPassword")}`,
      ]);
    });

  const key = (value: string): readonly string[] =>
    problemsOf(rawConfig({ n8nEncryptionKey: value }));
  const advice = `, such as the output of "openssl rand -hex 32" (an n8n with data: docs/operations.md, "Secrets and their rotation"); ${setSecret("n8nEncryptionKey")}`;

  it("is refused as a key when it is short", () => {
    assert.deepEqual(key("0123456789abcdef0123456789abcde"), [
      `n8nEncryptionKey: expected at least 32 random characters${advice}`,
    ]);
    // What n8n makes itself, and what the message says.
    for (const good of ["kZ0mA3vQ9yT1fXw7LrD5sHc2Jp8NbEuG", "9f86d081884c7d659a2feaa0c55ad015"])
      assert.deepEqual(key(good), []);
  });

  it("is refused as a key when it is easy to guess", () => {
    for (const weak of [
      "x".repeat(64),
      "abcdefg".repeat(9),
      "0123456789abcdef".repeat(4),
      "0123456789abcdef0123456789abcdef01234",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabcde",
    ])
      assert.deepEqual(
        key(weak),
        [`n8nEncryptionKey: repeats itself, expected at least 32 random characters${advice}`],
        weak,
      );
  });

  it("is accepted with just enough characters", () => {
    assert.deepEqual(problemsOf(rawConfig({ portainerPassword: "x".repeat(12) })), []);
  });

  it("is refused in clear text, except in the dev stack", () => {
    const encrypted = SECRET_NAMES.filter((name) => !name.startsWith("n8n"));
    assert.deepEqual(problemsOf(rawConfig({}, { secure: new Set(encrypted) })), [
      `n8nDatabasePassword: is stored in clear text; ${setSecret("n8nDatabasePassword")}`,
      `n8nEncryptionKey: is stored in clear text; ${setSecret("n8nEncryptionKey")}`,
      `n8nRunnersToken: is stored in clear text; ${setSecret("n8nRunnersToken")}`,
    ]);
    const said = { portainerPassword: "dev-only-portainer-password" };
    assert.deepEqual(problemsOf(rawConfig(said, { stack: "dev", secure: new Set() })), []);
  });

  it("shows in no text, no JSON and no inspection, only where it is asked for", () => {
    const secret = new Secret("canary-password");
    const holder = { nested: [secret] };
    assert.deepEqual(
      [String(secret), JSON.stringify(holder), inspect(secret, { showHidden: true })],
      ["[secret]", '{"nested":["[secret]"]}', "[secret]"],
    );
    assert.doesNotMatch(inspect(holder), /canary/);
    assert.equal(secret.reveal(), "canary-password");
  });
});

describe("a configuration as Pulumi hands it over", () => {
  const { config, secretKeys } = pulumiConfig();
  const read = async (
    texts: Readonly<Record<string, string>> = {},
    keys: readonly string[] = secretKeys,
  ): Promise<StackConfig> => {
    const options = { config: { ...config, ...texts }, secretKeys: keys };
    return (await record(() => Promise.resolve(readConfig()), options)).value;
  };

  it("has structures and booleans as JSON, and keys of others, which nobody reads", async () => {
    const { stack, requirePins, checkTags, images, backups } = await read({
      "pinned-stack:requirePins": "true",
      "pinned-stack:checkTags": "false",
      "pinned-stack:backups": '{"directory":"/srv/dumps"}',
      "aws:region": "nowhere",
    });
    assert.deepEqual(
      [stack, requirePins, checkTags, images.traefik?.digest, backups.directory],
      ["test", true, false, IMAGES.traefik.split("@")[1], "/srv/dumps"],
    );
  });

  it("has a secret as a text even when it looks like a structure", async () => {
    const { secrets } = await read({ "pinned-stack:portainerPassword": '["canary", "12345"]' });
    assert.equal(secrets.portainerPassword?.reveal(), '["canary", "12345"]');
  });

  it("says which secrets are encrypted", async () => {
    const keys = secretKeys.filter((key) => key !== "pinned-stack:postgresPassword");
    await assert.rejects(read({}, keys), {
      problems: [`postgresPassword: is stored in clear text; ${setSecret("postgresPassword")}`],
    });
  });

  const rows: readonly (readonly [title: string, key: string, text: string, end: string])[] = [
    ["a key without a value as null", "domain", "null", "got nothing"],
    ["a number as a text", "domain", "12345", 'got "12345"'],
    ["a text with a bracket in it", "domain", "a[0]", 'got "a[0]"'],
    ["a broken structure as a text", "tls", "{mode", 'got "{mode"'],
  ];
  for (const [title, key, text, end] of rows)
    it(`has ${title}`, async () => {
      await assert.rejects(read({ [`pinned-stack:${key}`]: text }), (error) => {
        assert.ok(error instanceof ConfigError);
        const [line = "", ...others] = error.problems;
        assert.ok(line.startsWith(`${key}: expected `) && line.endsWith(end), line);
        assert.deepEqual(others, []);
        return true;
      });
    });
});

describe("the options of npm run deploy", () => {
  it("are none where pulumi up runs the program", () => {
    assert.deepEqual(readOptions({ env: {} }), { tried: true, olderData: false });
  });

  it("come in the environment", () => {
    assert.deepEqual(
      readOptions({
        env: {
          PINNED_STACK_TRIAL: "off",
          PINNED_STACK_OLDER_DATA: "accept",
          PINNED_STACK_NETWORKS: '{"web":"3f1c"}',
          PINNED_STACK_BARE_TAGS: "homepage,n8n",
        },
      }),
      {
        tried: false,
        olderData: true,
        networks: { web: "3f1c" },
        bareTags: ["homepage", "n8n"],
      },
    );
  });
});
