import assert from "node:assert/strict";

import { N8n, N8nArgs } from "../../../components/services/n8n";
import { Postgres } from "../../../components/services/postgres/postgres";
import { parseReference } from "../../../images/reference";
import { CONTAINER, NETWORK, VOLUME } from "../../../tools/model/synth";
import { inClear, only, record, Recorded } from "../../support/pulumi-mocks";
import { IMAGES } from "../../support/raw-config";
import { localHost, serviceArgs } from "../../support/service-args";

const run = (said: Partial<N8nArgs> = {}) =>
  record(() => {
    const args = serviceArgs("n8n");
    const postgres = new Postgres(
      {
        ...serviceArgs("postgres"),
        networks: args.networks,
        host: localHost(),
        superuserPassword: "canary-superuser",
        database: { name: N8n.database, password: "canary-database" },
      },
      {},
    );
    return new N8n(
      {
        ...args,
        postgres,
        // Not marked as secrets by who gives them, so that it is the component that marks them.
        databasePassword: "canary-database",
        encryptionKey: "canary-key",
        publicUrl: "https://n8n.example.test/",
        ...said,
      },
      {},
    );
  });

const withImage = (image: string) => run({ reference: parseReference(image) });

const DIGEST = "sha256:5555555555555555555555555555555555555555555555555555555555555555";

/** The environment of n8n and the files that its loader writes, both as they were recorded. */
function secretsOf(resources: readonly Recorded[]) {
  return {
    envs: only(resources, CONTAINER, "test-n8n").inputs.envs,
    uploads: only(resources, CONTAINER, "test-n8n-secrets-loader").inputs.uploads,
  };
}

const EGRESS = {
  control: "outsideNetworks",
  value: ["egress"],
  reason: "workflows call services on the internet",
} as const;
const KEY_IN_ENVIRONMENT = {
  control: "environmentSecrets",
  value: ["N8N_ENCRYPTION_KEY"],
  reason: "n8n reads the key from a file only since 1.116.2; before, docker inspect shows it",
} as const;

describe("n8n", () => {
  it("is reached by everybody, through Traefik", () => {
    assert.deepEqual(N8n.route("n8n.example.test"), {
      service: "n8n",
      host: "n8n.example.test",
      url: "http://n8n:5678",
      admin: false,
    });
    assert.equal(N8n.database, "n8n");
  });

  it("runs as its own user without any right, with its key in the environment, because 1.64.2 reads it nowhere else", async () => {
    const { resources } = await run();
    assert.deepEqual(only(resources, CONTAINER, "test-n8n").inputs, {
      name: "test-n8n",
      image: IMAGES.n8n,
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "n8n" },
        { label: "pinned-stack.container", value: "n8n" },
        { label: "pinned-stack.role", value: "service" },
        { label: "pinned-stack.pids-limit", value: "200" },
      ],
      // The SDK marks the whole list.
      envs: {
        secret: [
          "DB_POSTGRESDB_DATABASE=n8n",
          "DB_POSTGRESDB_HOST=postgres",
          "DB_POSTGRESDB_PASSWORD_FILE=/run/secrets/n8n/database-password",
          "DB_POSTGRESDB_USER=n8n",
          "DB_TYPE=postgresdb",
          "N8N_DIAGNOSTICS_ENABLED=false",
          "N8N_EDITOR_BASE_URL=https://n8n.example.test/",
          "N8N_ENCRYPTION_KEY=canary-key",
          "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS=true",
          "N8N_HOST=n8n.example.test",
          "N8N_PORT=5678",
          "N8N_PROTOCOL=https",
          "N8N_PROXY_HOPS=1",
          "N8N_SECURE_COOKIE=true",
          "N8N_VERSION_NOTIFICATIONS_ENABLED=false",
          "WEBHOOK_URL=https://n8n.example.test/",
        ],
      },
      stopTimeout: 60,
      destroyGraceSeconds: 60,
      user: "1000:1000",
      capabilities: { drops: ["ALL"], adds: [] },
      readOnly: true,
      securityOpts: ["no-new-privileges:true"],
      privileged: false,
      ipcMode: "private",
      init: false,
      memory: 1024,
      memorySwap: 1024,
      cpus: "1.0",
      ulimits: [{ name: "nofile", soft: 4096, hard: 4096 }],
      restart: "unless-stopped",
      logDriver: "json-file",
      logOpts: { "max-size": "10m", "max-file": "3" },
      volumes: [
        { volumeName: "test-n8n-secrets", containerPath: "/run/secrets/n8n", readOnly: true },
        { volumeName: "test-n8n-data", containerPath: "/home/node/.n8n" },
      ],
      tmpfs: {
        "/home/node/.cache": "rw,noexec,nosuid,nodev,size=128m,uid=1000,gid=1000",
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,uid=1000,gid=1000",
      },
      healthcheck: {
        tests: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5678/healthz/readiness"],
        interval: "5s",
        timeout: "5s",
        retries: 5,
        startPeriod: "2m0s",
      },
      wait: true,
      waitTimeout: 150,
      networksAdvanced: [
        { name: "test-traefik-n8n", aliases: ["n8n"] },
        { name: "test-n8n-postgres", aliases: ["n8n"] },
        { name: "test-egress", aliases: ["n8n"] },
      ],
      ports: [],
    });
  });

  it("waits for its image, its data, its secrets and a database with the right passwords, and the old one stops first", async () => {
    const { resources, value } = await run();
    assert.deepEqual(only(resources, CONTAINER, "test-n8n").options, {
      parent: "test-n8n",
      deleteBeforeReplace: true,
      replaceOnChanges: ["tmpfs", "init", "healthcheck", "#initerror"],
      dependsOn: [
        "test-n8n",
        "test-n8n-data",
        "test-postgres-set-passwords",
        "test-n8n-secrets-loader",
      ],
    });
    assert.equal(value.containers.length, 1);
    assert.equal(value.containers[0]?.order, "stop first");
  });

  it("has the password of its database in a file that its user alone reads", async () => {
    const { resources } = await run();
    const { image, labels, user, entrypoints, command, volumes, uploads } = only(
      resources,
      CONTAINER,
      "test-n8n-secrets-loader",
    ).inputs;
    assert.deepEqual(
      { image, labels, user, entrypoints, command, volumes, uploads },
      {
        image: IMAGES.n8n,
        labels: [
          { label: "pinned-stack.stack", value: "test" },
          { label: "pinned-stack.service", value: "n8n" },
          { label: "pinned-stack.role", value: "loader" },
        ],
        user: "0:0",
        entrypoints: ["/bin/chown"],
        command: ["-R", "1000:1000", "/run/secrets/n8n"],
        volumes: [{ volumeName: "test-n8n-secrets", containerPath: "/run/secrets/n8n" }],
        uploads: {
          secret: [
            {
              file: "/run/secrets/n8n/database-password",
              content: "canary-database",
              permissions: "0400",
            },
          ],
        },
      },
    );
  });

  it("has its data in a volume that is protected and stays on the host, and no other", async () => {
    const { resources } = await run();
    const volume = only(resources, VOLUME, "test-n8n-data");
    assert.deepEqual(volume.inputs, {
      name: "test-n8n-data",
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "n8n" },
        { label: "pinned-stack.role", value: "data" },
      ],
    });
    assert.equal(volume.options.protect, true);
    assert.equal(volume.options.retainOnDelete, true);
    const own = (wanted: string) =>
      resources
        .filter(({ type, name }) => type === wanted && name.startsWith("test-n8n"))
        .map(({ name }) => name)
        .sort();
    assert.deepEqual(own(VOLUME), ["test-n8n-data", "test-n8n-secrets"]);
    assert.deepEqual(own(CONTAINER), ["test-n8n", "test-n8n-secrets-loader"]);
  });

  it("has two conversations, both internal, and a way out", async () => {
    const { resources } = await run();
    assert.deepEqual(
      resources
        .filter(({ type }) => type === NETWORK)
        .map(({ name, inputs }) => [name, inputs.internal]),
      [
        ["test-n8n-postgres", true],
        ["test-traefik-n8n", true],
        ["test-egress", false],
      ],
    );
  });

  it("takes the limits and the exemptions of the stack", async () => {
    const more = {
      control: "readOnlyRootfs",
      value: false,
      reason: "asked for by this test alone",
    } as const;
    const { resources, value } = await run({ measures: { memoryMiB: 2048 }, exemptions: [more] });
    const { memory, memorySwap, cpus, user, readOnly } = only(
      resources,
      CONTAINER,
      "test-n8n",
    ).inputs;
    assert.deepEqual(
      { memory, memorySwap, cpus, user, readOnly },
      { memory: 2048, memorySwap: 2048, cpus: "1.0", user: "1000:1000", readOnly: false },
    );
    assert.deepEqual(value.containers[0]?.restrictions.exemptions, [
      EGRESS,
      KEY_IN_ENVIRONMENT,
      more,
    ]);
  });
});

describe("the encryption key of n8n", () => {
  it("is in a file since 1.116.2, and then nothing of the environment is a secret", async () => {
    const { resources, value } = await withImage("n8nio/n8n:1.116.2");
    assert.deepEqual(secretsOf(resources), {
      envs: [
        "DB_POSTGRESDB_DATABASE=n8n",
        "DB_POSTGRESDB_HOST=postgres",
        "DB_POSTGRESDB_PASSWORD_FILE=/run/secrets/n8n/database-password",
        "DB_POSTGRESDB_USER=n8n",
        "DB_TYPE=postgresdb",
        "N8N_DIAGNOSTICS_ENABLED=false",
        "N8N_EDITOR_BASE_URL=https://n8n.example.test/",
        "N8N_ENCRYPTION_KEY_FILE=/run/secrets/n8n/encryption-key",
        "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS=true",
        "N8N_HOST=n8n.example.test",
        "N8N_PORT=5678",
        "N8N_PROTOCOL=https",
        "N8N_PROXY_HOPS=1",
        "N8N_SECURE_COOKIE=true",
        "N8N_VERSION_NOTIFICATIONS_ENABLED=false",
        "WEBHOOK_URL=https://n8n.example.test/",
      ],
      uploads: {
        secret: [
          {
            file: "/run/secrets/n8n/database-password",
            content: "canary-database",
            permissions: "0400",
          },
          { file: "/run/secrets/n8n/encryption-key", content: "canary-key", permissions: "0400" },
        ],
      },
    });
    assert.deepEqual(value.containers[0]?.restrictions.exemptions, [EGRESS]);
  });

  const rows: readonly (readonly [string, "file" | "variable"])[] = [
    ["n8nio/n8n:1.64.2", "variable"],
    ["n8nio/n8n:1.115.9", "variable"],
    ["n8nio/n8n:1.116.1", "variable"],
    ["n8nio/n8n:1.116.2", "file"],
    ["n8nio/n8n:1.116.10", "file"],
    ["n8nio/n8n:1.117.0", "file"],
    ["n8nio/n8n:2.0.0", "file"],
    ["n8nio/n8n:2", "file"],
    // They may be older: what is read everywhere is right everywhere.
    ["n8nio/n8n:1.116", "variable"],
    ["n8nio/n8n:1", "variable"],
    ["n8nio/n8n:latest", "variable"],
    ["n8nio/n8n:stable", "variable"],
    [`n8nio/n8n@${DIGEST}`, "variable"],
  ];
  for (const [image, way] of rows)
    it(`is in a ${way}, once, with ${image.replace(/@.*/, " without a tag")}`, async () => {
      const { resources, value } = await withImage(image);
      const { envs, uploads } = secretsOf(resources);
      const count = (where: unknown): number =>
        JSON.stringify(where).split("canary-key").length - 1;
      assert.deepEqual(
        { variable: count(envs), file: count(uploads) },
        way === "file" ? { variable: 0, file: 1 } : { variable: 1, file: 0 },
      );
      assert.deepEqual(
        value.containers[0]?.restrictions.exemptions,
        way === "file" ? [EGRESS] : [EGRESS, KEY_IN_ENVIRONMENT],
      );
    });

  for (const version of ["1.64.2", "1.116.2"])
    it(`is stored in clear nowhere, nor is a password, with ${version}`, async () => {
      const { resources } = await withImage(`n8nio/n8n:${version}`);
      assert.match(JSON.stringify(resources), /canary-key/);
      assert.doesNotMatch(inClear(resources), /canary/);
    });
});

describe("the address of n8n", () => {
  const ADDRESSED = [
    "N8N_EDITOR_BASE_URL",
    "N8N_HOST",
    "N8N_PORT",
    "N8N_PROTOCOL",
    "N8N_SECURE_COOKIE",
    "WEBHOOK_URL",
  ];
  const rows: readonly (readonly [string, readonly string[]])[] = [
    [
      "https://n8n.example.test/",
      [
        "N8N_EDITOR_BASE_URL=https://n8n.example.test/",
        "N8N_HOST=n8n.example.test",
        "N8N_PORT=5678",
        "N8N_PROTOCOL=https",
        "N8N_SECURE_COOKIE=true",
        "WEBHOOK_URL=https://n8n.example.test/",
      ],
    ],
    [
      "https://n8n.example.test:8443/",
      [
        "N8N_EDITOR_BASE_URL=https://n8n.example.test:8443/",
        "N8N_HOST=n8n.example.test",
        "N8N_PORT=5678",
        "N8N_PROTOCOL=https",
        "N8N_SECURE_COOKIE=true",
        "WEBHOOK_URL=https://n8n.example.test:8443/",
      ],
    ],
    // A cookie for HTTPS only would never come back over HTTP, and nobody could log in.
    [
      "http://n8n.example.test/",
      [
        "N8N_EDITOR_BASE_URL=http://n8n.example.test/",
        "N8N_HOST=n8n.example.test",
        "N8N_PORT=5678",
        "N8N_PROTOCOL=http",
        "N8N_SECURE_COOKIE=false",
        "WEBHOOK_URL=http://n8n.example.test/",
      ],
    ],
    [
      "http://n8n.localhost:8080/",
      [
        "N8N_EDITOR_BASE_URL=http://n8n.localhost:8080/",
        "N8N_HOST=n8n.localhost",
        "N8N_PORT=5678",
        "N8N_PROTOCOL=http",
        "N8N_SECURE_COOKIE=false",
        "WEBHOOK_URL=http://n8n.localhost:8080/",
      ],
    ],
  ];
  for (const [publicUrl, variables] of rows)
    it(`is the one that browsers use, ${publicUrl}`, async () => {
      const { resources } = await run({
        publicUrl,
        reference: parseReference("n8nio/n8n:1.116.2"),
      });
      const { envs } = only(resources, CONTAINER, "test-n8n").inputs;
      assert.deepEqual(
        (envs as string[]).filter((text) => ADDRESSED.includes(text.replace(/=.*/, ""))),
        variables,
      );
    });
});
