import assert from "node:assert/strict";
import { inspect } from "node:util";

import * as pulumi from "@pulumi/pulumi";

import { parseConfig, readConfig, Secret, StackConfig } from "../../config/config";
import { SERVICE_NAMES } from "../../config/schema";
import { CANARIES, imagesWithout, problemsOf, rawConfig, setSecret } from "../support/raw-config";

/** What a configuration means, as data. */
const plain = (config: StackConfig): unknown => JSON.parse(JSON.stringify(config));

describe("the configuration", () => {
  it("accepts the configuration that all bad ones are made from", () => {
    assert.deepEqual(problemsOf(rawConfig()), []);
  });

  it("refuses a secret that is stored in clear text, but not on the dev stack", () => {
    assert.deepEqual(
      problemsOf(rawConfig({}, { secure: new Set(["postgresPassword", "n8nDatabasePassword"]) })),
      [
        `n8nEncryptionKey: is stored in clear text; ${setSecret("n8nEncryptionKey")}`,
        `portainerPassword: is stored in clear text; ${setSecret("portainerPassword")}`,
      ],
    );
    const dev = { portainerPassword: "dev-only-portainer-password" };
    assert.deepEqual(problemsOf(rawConfig(dev, { stack: "dev", secure: new Set() })), []);
    const registries = { "ghcr.io": { username: "a", password: "canary" } };
    const withLogin = { ...dev, registries };
    assert.deepEqual(problemsOf(rawConfig(withLogin, { stack: "dev", secure: new Set() })), []);
  });

  it("allows two services one host name where one of them is off", () => {
    const services = { n8n: { host: "portainer.example.test" }, portainer: { enabled: false } };
    assert.deepEqual(problemsOf(rawConfig({ services })), []);
  });

  for (const address of ["127.0.0.1", "127.8.9.1", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"])
    it(`allows everybody to be an administrator where only this machine gets in: ${address}`, () => {
      const values = { publish: { address }, adminAllow: ["0.0.0.0/0", "::/0"] };
      assert.deepEqual(problemsOf(rawConfig(values)), []);
    });

  it("knows hosts of Docker Hub by their whole name", () => {
    const registries = { "my-index.docker.io": {}, "index.docker.io.example.test": {} };
    assert.deepEqual(problemsOf(rawConfig({ registries })), []);
  });

  it("asks for no secret and no image of a service that is off", () => {
    const images = imagesWithout("socket-proxy", "portainer", "n8n", "postgres", "cadvisor");
    const values = {
      ...Object.fromEntries(Object.keys(CANARIES).map((name) => [name, ""])),
      images,
      services: { portainer: { enabled: false }, n8n: { enabled: false } },
    };
    assert.deepEqual(problemsOf(rawConfig(values)), []);
    const { services, images: wanted } = parseConfig(rawConfig(values));
    for (const name of SERVICE_NAMES) assert.equal(name in wanted, services[name].enabled, name);
    for (const name of ["socket-proxy", "portainer", "n8n", "postgres", "cadvisor"] as const)
      assert.equal(services[name].enabled, false, name);
  });

  it("allows one port for both where only one of them is published", () => {
    assert.deepEqual(problemsOf(rawConfig({ publish: { http: 80, https: 80 } })), []);
  });

  it("reports all problems in one error, with the file that holds them", () => {
    const raw = rawConfig({ domain: 5, tls: { mode: "x" }, colour: "red", portainerPassword: "" });
    assert.throws(
      () => parseConfig(raw),
      (error) => {
        assert.ok(error instanceof pulumi.RunError);
        assert.equal(
          error.message,
          `the configuration of stack "test" (Pulumi.test.yaml) has 4 problems:
  domain: expected a host name in lower case such as example.com, no IP address, got 5
  tls.mode: expected "none", "selfSigned" or "acme", got "x"
  colour: unknown key, remove it or check its spelling
  portainerPassword: missing, portainer needs it; set it with "npx pulumi config set --secret --stack test portainerPassword"`,
        );
        return true;
      },
    );
    assert.throws(() => parseConfig(rawConfig({ colour: "red" })), {
      message: `the configuration of stack "test" (Pulumi.test.yaml) has one problem:
  colour: unknown key, remove it or check its spelling`,
    });
  });

  it("says what applies where a stack says nothing", () => {
    const off = { enabled: false, measures: {}, exemptions: [] };
    const on = { enabled: true, measures: {}, exemptions: [] };
    const parsed = plain(parseConfig(rawConfig())) as Record<string, unknown>;
    const { images, ...rest } = parsed;
    assert.deepEqual(rest, {
      stack: "test",
      host: { address: "unix:///var/run/docker.sock" },
      domain: "example.test",
      publish: { address: "127.0.0.1", http: 80, https: 443 },
      requirePins: false,
      checkTags: true,
      minimumAge: 0,
      platform: "linux/amd64",
      tls: { mode: "none" },
      adminAllow: [],
      registries: {},
      backups: { keep: 7 },
      services: {
        ...Object.fromEntries(SERVICE_NAMES.map((name) => [name, on])),
        traefik: { ...on, host: "traefik.example.test" },
        homepage: { ...on, host: "example.test" },
        portainer: { ...on, host: "portainer.example.test" },
        n8n: { ...on, host: "n8n.example.test" },
        cadvisor: { ...off, host: "cadvisor.example.test" },
      },
      secrets: {
        postgresPassword: "[secret]",
        n8nDatabasePassword: "[secret]",
        n8nEncryptionKey: "[secret]",
        portainerPassword: "[secret]",
      },
    });
    // Images of the enabled services only.
    assert.deepEqual(
      Object.keys(images as object),
      SERVICE_NAMES.filter((name) => name !== "cadvisor"),
    );
  });

  it("refuses the password of a registry in clear text, and what only a service's file may exempt", () => {
    const values = {
      registries: { "ghcr.io": { username: "a", password: "canary" } },
      services: {
        n8n: {
          exemptions: [
            { control: "user", value: "0:0", reason: "it would be so easy" },
            { control: "readOnlyRootfs", value: false, reason: "short" },
          ],
        },
      },
    };
    const secure = new Set(Object.keys(CANARIES));
    assert.deepEqual(problemsOf(rawConfig(values, { secure })), [
      "services.n8n.exemptions: user follows from what the service is, change it in components/services; a stack may exempt capabilities, readOnlyRootfs, noNewPrivileges",
      "services.n8n: exemption readOnlyRootfs: expected a reason of 10 characters or more that a reader can judge",
      `registries.ghcr.io.password: is stored in clear text; set it with "npx pulumi config set --secret --path --stack test 'registries["ghcr.io"].password'"`,
    ]);
  });

  describe("read from its file, where an encrypted value is a placeholder", () => {
    const HIDDEN = "[encrypted in the stack file]";
    const clear = (host: string): string =>
      `registries.${host}.password: is stored in clear text; set it with "npx pulumi config set --secret --path --stack test 'registries["${host}"].password'"`;
    type Row = readonly [
      title: string,
      registries: Readonly<Record<string, { username: string; password: string }>>,
      ...problems: readonly string[],
    ];
    const rows: readonly Row[] = [
      ["takes encrypted passwords", { "ghcr.io": { username: "a", password: HIDDEN } }],
      [
        "refuses a password in clear text beside an encrypted one",
        {
          "ghcr.io": { username: "a", password: HIDDEN },
          "quay.io": { username: "b", password: "canary" },
        },
        clear("quay.io"),
      ],
      [
        "refuses a password in clear text beside its encrypted user name",
        { "ghcr.io": { username: HIDDEN, password: "canary" } },
        clear("ghcr.io"),
      ],
      [
        "cannot tell where the engine has decrypted all of them",
        {
          "ghcr.io": { username: "a", password: "canary" },
          "quay.io": { username: "b", password: "canary" },
        },
      ],
    ];
    for (const [title, registries, ...problems] of rows)
      it(title, () => {
        assert.deepEqual(problemsOf(rawConfig({ registries })), problems);
      });
  });

  it("takes what a stack says", () => {
    const exemption = {
      control: "readOnlyRootfs",
      value: false,
      reason: "the image writes there at every start",
    };
    const config = parseConfig(
      rawConfig({
        acmeDnsToken: CANARIES.acmeDnsToken,
        tls: {
          mode: "acme",
          email: "a@example.test",
          dnsProvider: "desec",
          caServer: "https://ca.test/dir",
        },
      }),
    );
    assert.deepEqual(config.tls, {
      mode: "acme",
      email: "a@example.test",
      dnsProvider: "desec",
      caServer: "https://ca.test/dir",
    });
    const other = parseConfig(
      rawConfig({
        publish: { address: "::1", http: 8080 },
        minimumAge: "12h",
        platform: "linux/arm/v7",
        adminAllow: ["192.0.2.0/24", "2001:db8::/32"],
        registries: {
          "127.0.0.1:5000": { insecure: true },
          "ghcr.io": { username: "a", password: "canary" },
        },
        backups: { directory: "/var/backups/stack", keep: 30 },
        services: {
          cadvisor: { enabled: true, memoryMiB: 512 },
          portainer: { enabled: false },
          homepage: {
            host: "start.example.test",
            folder: "site",
            cpus: 0.5,
            pidsLimit: 50,
            exemptions: [exemption],
          },
        },
      }),
    );
    assert.deepEqual(other.publish, { address: "::1", http: 8080, https: 443 });
    assert.equal(other.minimumAge, 43_200_000);
    assert.equal(other.platform, "linux/arm/v7");
    assert.deepEqual(other.adminAllow, ["192.0.2.0/24", "2001:db8::/32"]);
    assert.deepEqual(other.registries, {
      "127.0.0.1:5000": { insecure: true },
      "ghcr.io": { username: "a", password: "canary" },
    });
    assert.deepEqual(other.backups, { directory: "/var/backups/stack", keep: 30 });
    assert.equal(other.homepageFolder, "site");
    assert.deepEqual(other.services.homepage, {
      enabled: true,
      host: "start.example.test",
      measures: { cpus: 0.5, pidsLimit: 50 },
      exemptions: [exemption],
    });
    assert.deepEqual(other.services.cadvisor.measures, { memoryMiB: 512 });
    // The proxy is still there for cAdvisor.
    assert.equal(other.services["socket-proxy"].enabled, true);
    assert.equal(other.services.portainer.enabled, false);
  });
});

describe("a secret", () => {
  it("shows in no text, no JSON and no inspection, only where it is asked for", () => {
    const secret = new Secret("canary-password");
    const holder = { nested: [secret] };
    for (const text of [
      String(secret),
      JSON.stringify(holder),
      inspect(holder),
      inspect(secret, { showHidden: true }),
    ])
      assert.doesNotMatch(text, /canary/);
    assert.equal(secret.reveal(), "canary-password");
  });
});

describe("readConfig", () => {
  const read = async (
    values: Record<string, string>,
    secretKeys: readonly string[],
  ): Promise<StackConfig> => {
    await pulumi.runtime.setMocks(
      { newResource: () => ({ id: "", state: {} }), call: () => ({}) },
      "pinned-stack",
      "test",
      false,
    );
    pulumi.runtime.setAllConfig(values, [...secretKeys]);
    return readConfig();
  };
  const given = (): Record<string, string> =>
    Object.fromEntries(
      Object.entries(rawConfig().values).map(([key, value]) => [
        `pinned-stack:${key}`,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    );
  const secure = Object.keys(CANARIES).map((name) => `pinned-stack:${name}`);

  afterEach(() => {
    pulumi.runtime.setAllConfig({}, []);
  });

  it("decodes structures and booleans, and leaves keys of others alone", async () => {
    const config = await read(
      { ...given(), "pinned-stack:requirePins": "true", "aws:region": "nowhere" },
      secure,
    );
    assert.equal(config.requirePins, true);
    assert.equal(config.stack, "test");
    assert.equal(config.images.traefik?.tag, "v3.6.4");
  });

  it("takes a secret as a text even when it looks like something else", async () => {
    const config = await read(
      { ...given(), "pinned-stack:portainerPassword": '["canary", "12345"]' },
      secure,
    );
    assert.equal(config.secrets.portainerPassword?.reveal(), '["canary", "12345"]');
  });

  it("knows which secrets are stored encrypted", async () => {
    await assert.rejects(read(given(), secure.slice(1)), {
      message: `the configuration of stack "test" (Pulumi.test.yaml) has one problem:
  postgresPassword: is stored in clear text; ${setSecret("postgresPassword")}`,
    });
  });

  it("does not take a key without a value for a text", async () => {
    await assert.rejects(read({ ...given(), "pinned-stack:domain": "null" }, secure), {
      message: `the configuration of stack "test" (Pulumi.test.yaml) has one problem:
  domain: expected a host name in lower case such as example.com, no IP address, got nothing`,
    });
  });

  it("takes a text of digits for a text", async () => {
    await assert.rejects(read({ ...given(), "pinned-stack:domain": "12345" }, secure), {
      message: `the configuration of stack "test" (Pulumi.test.yaml) has one problem:
  domain: expected a host name in lower case such as example.com, no IP address, got "12345"`,
    });
  });

  it("reports a broken structure as what it is", async () => {
    await assert.rejects(read({ ...given(), "pinned-stack:tls": "{mode" }, secure), {
      message: `the configuration of stack "test" (Pulumi.test.yaml) has one problem:
  tls: expected a map such as { mode: none }, got "{mode"`,
    });
  });
});
