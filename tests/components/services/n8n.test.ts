import assert from "node:assert/strict";

import { StackContainer } from "../../../components/model";
import { expectHardened } from "../../support/hardened";
import { digestOf } from "../../support/raw-config";
import { containerOf, modelOf, realServices, Said } from "../../support/small-stack";

const DATABASE = "database-password=n8nDatabasePassword";
const KEY = "encryption-key=n8nEncryptionKey";

const n8n = (image = "n8nio/n8n:1.116.2", said: Said = {}): StackContainer =>
  containerOf(modelOf(realServices("n8n", "postgres"), { images: { n8n: image }, ...said }), "n8n");

/** Where its controls differ, whatever the version. */
const CONTROLS = {
  user: "1000:1000",
  memoryMiB: 1024,
  cpus: 1,
  outsideNetworks: ["egress"],
};
const REST = {
  tmpfs: { "/home/node/.cache": 128, "/tmp": 64 },
  networks: ["n8n-postgres", "egress-n8n"],
  dependsOn: ["postgres"],
  order: "stop-first",
} as const;
const DATA = "data n8n-data /home/node/.n8n";

describe("n8n", () => {
  it("has both secrets in files that its user alone reads, and a way to the internet", () => {
    expectHardened(n8n(), {
      ...REST,
      controls: CONTROLS,
      mounts: [`secrets n8n-secrets /run/secrets/n8n: ${DATABASE} ${KEY}`, DATA],
    });
  });

  it("has its key in the environment where it cannot read the file", () => {
    expectHardened(n8n("n8nio/n8n:1.64.2"), {
      ...REST,
      controls: { ...CONTROLS, environmentSecrets: ["N8N_ENCRYPTION_KEY"] },
      mounts: [`secrets n8n-secrets /run/secrets/n8n: ${DATABASE}`, DATA],
      secretEnvironment: { N8N_ENCRYPTION_KEY: "n8nEncryptionKey" },
    });
  });

  const versions: readonly (readonly ["file" | "variable", string])[] = [
    ["variable", ":1.64.2 :1.115.9 :1.116.1"],
    ["file", ":1.116.2 :1.116.10 :1.117.0 :2.0.0 :2"],
    // These may be older, and every version reads the variable.
    ["variable", `:1.116 :1 :latest @${digestOf("5")}`],
  ];
  for (const [way, tags] of versions)
    for (const tag of tags.split(" "))
      it(`takes its key from a ${way} as n8n${tag.slice(0, 10)}`, () => {
        const { environment, secretEnvironment } = n8n(`n8nio/n8n${tag}`);
        assert.deepEqual(
          [environment.N8N_ENCRYPTION_KEY_FILE, secretEnvironment.N8N_ENCRYPTION_KEY],
          way === "file"
            ? ["/run/secrets/n8n/encryption-key", undefined]
            : [undefined, "n8nEncryptionKey"],
        );
      });

  it("leaves the code of workflows to runners since 2.0, and tells them its token", () => {
    const model = modelOf(realServices("n8n", "n8n-runners"), {
      images: { n8n: "n8nio/n8n:2.42.4", "n8n-runners": "n8nio/runners:2.42.4" },
    });
    const container = containerOf(model, "n8n");
    const TOKEN = "runners-token=n8nRunnersToken";
    expectHardened(container, {
      ...REST,
      networks: ["egress-n8n", "n8n-runners-n8n"],
      controls: CONTROLS,
      mounts: [`secrets n8n-secrets /run/secrets/n8n: ${DATABASE} ${KEY} ${TOKEN}`, DATA],
    });
    const runners = Object.entries(container.environment).filter(([name]) => /RUNNERS/.test(name));
    assert.deepEqual(Object.fromEntries(runners), {
      N8N_RUNNERS_MODE: "external",
      N8N_RUNNERS_BROKER_LISTEN_ADDRESS: "0.0.0.0",
      N8N_RUNNERS_BROKER_PORT: "5679",
      N8N_RUNNERS_AUTH_TOKEN_FILE: "/run/secrets/n8n/runners-token",
    });
  });

  it("is told its address for webhooks by the variable that its version reads", () => {
    const said = (image: string): string[] =>
      Object.keys(n8n(image).environment).filter((name) => name.endsWith("WEBHOOK_URL"));
    for (const tag of ["1.64.2", "2.0.0", "2.39.9", "2", "latest"])
      assert.deepEqual(said(`n8nio/n8n:${tag}`), ["WEBHOOK_URL"], tag);
    for (const tag of ["2.40.7", "2.42.4", "3.0.0"])
      assert.deepEqual(said(`n8nio/n8n:${tag}`), ["N8N_WEBHOOK_URL"], tag);
  });

  it("finds its database, and the password in the file", () => {
    const { environment } = n8n();
    const database = Object.entries(environment).filter(([name]) => name.startsWith("DB_"));
    assert.deepEqual(Object.fromEntries(database), {
      DB_TYPE: "postgresdb",
      DB_POSTGRESDB_HOST: "postgres",
      DB_POSTGRESDB_DATABASE: "n8n",
      DB_POSTGRESDB_USER: "n8n",
      DB_POSTGRESDB_PASSWORD_FILE: "/run/secrets/n8n/database-password",
    });
  });

  /** TLS, ports on the host, the address for browsers, and whether cookies need HTTPS. */
  const addresses: readonly (readonly ["none" | "selfSigned", number, number, string, string])[] = [
    ["selfSigned", 80, 443, "https://n8n.example.test/", "true"],
    ["selfSigned", 80, 8443, "https://n8n.example.test:8443/", "true"],
    // A cookie for HTTPS only would never come back over HTTP, and nobody could log in.
    ["none", 80, 443, "http://n8n.example.test/", "false"],
    ["none", 8080, 443, "http://n8n.example.test:8080/", "false"],
  ];
  for (const [mode, http, https, url, secureCookie] of addresses)
    it(`knows that browsers reach it at ${url}`, () => {
      const said = { tls: { mode }, publish: { address: "127.0.0.1", http, https } };
      const { environment } = n8n(undefined, said);
      assert.deepEqual(
        ["N8N_EDITOR_BASE_URL", "WEBHOOK_URL", "N8N_HOST", "N8N_PROTOCOL", "N8N_SECURE_COOKIE"].map(
          (name) => environment[name],
        ),
        [url, url, "n8n.example.test", url.split(":")[0], secureCookie],
      );
      assert.equal(environment.N8N_PORT, "5678");
    });

  it("is asked for a login, which needs its tables, and tried on a copy of its database", () => {
    const { question, upgrade } = n8n();
    const [program, flag, script] =
      question !== undefined && "command" in question ? question.command : assert.fail();
    assert.deepEqual([program, flag], ["node", "-e"]);
    assert.match(script ?? "", /"http:\/\/127\.0\.0\.1:5678\/rest\/login".* === 401/s);
    assert.equal(upgrade?.database, "n8n");
    assert.match(upgrade.quiet ?? "", /UPDATE workflow_entity SET active = false/);
    assert.equal(upgrade.check?.command[0], "export:credentials");
  });

  const PUBLIC = ["/webhook/", "/webhook-waiting/", "/form/", "/form-waiting/"];
  const routesOf = (said: Said = {}) => modelOf(realServices("n8n"), said).ingress.routes;

  it("has its editor for administrators, and webhooks and forms for everybody", () => {
    const [route, ...others] = routesOf();
    assert.deepEqual(
      [route?.host, route?.target, others],
      ["n8n.example.test", "http://n8n:5678", []],
    );
    assert.deepEqual(
      [route?.admin, route?.publicPaths, route?.adminPaths],
      [true, PUBLIC, undefined],
    );
  });

  it("keeps webhooks and forms where there are no administrators", () => {
    const [route] = routesOf({ adminAllow: [] });
    assert.deepEqual([route?.admin, route?.publicPaths], [true, PUBLIC]);
  });

  it("has its editor for everybody where the stack says so, but not the set-up of its owner", () => {
    const [route] = routesOf({ services: { n8n: { options: { editor: "everyone" } } } });
    assert.deepEqual(
      [route?.admin, route?.publicPaths, route?.adminPaths],
      [false, PUBLIC, [{ path: "/rest/owner/setup", target: "http://n8n:5678" }]],
    );
  });
});
