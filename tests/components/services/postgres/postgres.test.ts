import assert from "node:assert/strict";

import { Postgres, PostgresArgs } from "../../../../components/services/postgres/postgres";
import { parseReference } from "../../../../images/reference";
import { COMMAND, CONTAINER, NETWORK, VOLUME } from "../../../../tools/model/synth";
import { inClear, only, record, valueOf } from "../../../support/pulumi-mocks";
import { IMAGES } from "../../../support/raw-config";
import { localHost, serviceArgs } from "../../../support/service-args";

const run = (said: Partial<PostgresArgs> = {}) =>
  record(
    () =>
      new Postgres(
        {
          ...serviceArgs("postgres"),
          host: localHost(),
          // Not marked as secrets by who gives them, so that it is the component that marks them.
          superuserPassword: "canary-superuser",
          database: { name: "n8n", password: "canary-owner" },
          ...said,
        },
        {},
      ),
  );

const withTag = (tag: string) => run({ reference: parseReference(`postgres:${tag}`) });

describe("PostgreSQL", () => {
  it("runs as its own user from the first moment, without any right, with its passwords from files", async () => {
    const { resources } = await run();
    assert.deepEqual(only(resources, CONTAINER, "test-postgres").inputs, {
      name: "test-postgres",
      image: IMAGES.postgres,
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "postgres" },
        { label: "pinned-stack.container", value: "postgres" },
        { label: "pinned-stack.role", value: "service" },
        { label: "pinned-stack.pids-limit", value: "200" },
      ],
      envs: [
        "POSTGRES_INITDB_ARGS=--data-checksums --auth-host=scram-sha-256",
        "POSTGRES_PASSWORD_FILE=/run/secrets/postgres/superuser",
        "POSTGRES_USER=postgres",
      ],
      stopTimeout: 120,
      destroyGraceSeconds: 120,
      shmSize: 128,
      user: "70:70",
      capabilities: { drops: ["ALL"], adds: [] },
      readOnly: true,
      securityOpts: ["no-new-privileges:true"],
      privileged: false,
      ipcMode: "private",
      init: false,
      memory: 512,
      memorySwap: 512,
      cpus: "1.0",
      ulimits: [{ name: "nofile", soft: 4096, hard: 4096 }],
      restart: "unless-stopped",
      logDriver: "json-file",
      logOpts: { "max-size": "10m", "max-file": "3" },
      volumes: [
        {
          volumeName: "test-postgres-passwords",
          containerPath: "/run/secrets/postgres",
          readOnly: true,
        },
        {
          volumeName: "test-postgres-init",
          containerPath: "/docker-entrypoint-initdb.d",
          readOnly: true,
        },
        { volumeName: "test-postgres-16-data", containerPath: "/var/lib/postgresql/data" },
      ],
      tmpfs: {
        "/var/run/postgresql": "rw,noexec,nosuid,nodev,size=1m,uid=70,gid=70",
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,uid=70,gid=70",
      },
      healthcheck: {
        // Over TCP: during the first start it answers on the socket before it is ready.
        tests: ["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "n8n"],
        interval: "5s",
        timeout: "5s",
        retries: 5,
        startPeriod: "1m0s",
      },
      wait: true,
      waitTimeout: 90,
      networksAdvanced: [{ name: "test-n8n-postgres", aliases: ["postgres"] }],
      ports: [],
    });
  });

  it("waits for its image, its data and its files, and the old one stops first", async () => {
    const { resources, value } = await run();
    assert.deepEqual(only(resources, CONTAINER, "test-postgres").options, {
      parent: "test-postgres",
      deleteBeforeReplace: true,
      replaceOnChanges: ["tmpfs", "init", "healthcheck", "#initerror"],
      dependsOn: [
        "test-postgres",
        "test-postgres-16-data",
        "test-postgres-passwords-loader",
        "test-postgres-init-loader",
      ],
    });
    assert.equal(value.containers.length, 1);
    assert.equal(value.containers[0]?.order, "stop first");
  });

  it("has both passwords in files that its user alone reads", async () => {
    const { resources } = await run();
    const { image, labels, user, entrypoints, command, volumes, uploads } = only(
      resources,
      CONTAINER,
      "test-postgres-passwords-loader",
    ).inputs;
    assert.deepEqual(
      { image, labels, user, entrypoints, command, volumes, uploads },
      {
        image: IMAGES.postgres,
        labels: [
          { label: "pinned-stack.stack", value: "test" },
          { label: "pinned-stack.service", value: "postgres" },
          { label: "pinned-stack.role", value: "loader" },
        ],
        user: "0:0",
        entrypoints: ["/bin/chown"],
        command: ["-R", "70:70", "/run/secrets/postgres"],
        volumes: [
          { volumeName: "test-postgres-passwords", containerPath: "/run/secrets/postgres" },
        ],
        uploads: {
          secret: [
            {
              file: "/run/secrets/postgres/superuser",
              content: "canary-superuser",
              permissions: "0400",
            },
            { file: "/run/secrets/postgres/n8n", content: "canary-owner", permissions: "0400" },
          ],
        },
      },
    );
    assert.doesNotMatch(inClear(resources), /canary/);
  });

  it("makes, on an empty volume, a role that owns its database and may do nothing else", async () => {
    const { resources } = await run();
    const { image, labels, start, user, volumes, uploads } = only(
      resources,
      CONTAINER,
      "test-postgres-init-loader",
    ).inputs;
    assert.deepEqual(
      { image, labels, start, user, volumes, uploads },
      {
        image: IMAGES.postgres,
        labels: [
          { label: "pinned-stack.stack", value: "test" },
          { label: "pinned-stack.service", value: "postgres" },
          { label: "pinned-stack.role", value: "loader" },
        ],
        start: false,
        user: undefined,
        volumes: [
          { volumeName: "test-postgres-init", containerPath: "/docker-entrypoint-initdb.d" },
        ],
        uploads: [
          {
            file: "/docker-entrypoint-initdb.d/10-database.sql",
            content: `SET log_min_error_statement = panic;
\\set password \`cat /run/secrets/postgres/n8n\`
CREATE ROLE n8n LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE n8n OWNER n8n;
REVOKE ALL ON DATABASE n8n FROM PUBLIC;
`,
            permissions: "0444",
          },
        ],
      },
    );
  });

  it("has its data in a volume that is protected and stays on the host, and no other", async () => {
    const { resources } = await run();
    const volume = only(resources, VOLUME, "test-postgres-16-data");
    assert.deepEqual(volume.inputs, {
      name: "test-postgres-16-data",
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "postgres" },
        { label: "pinned-stack.role", value: "data" },
      ],
    });
    assert.equal(volume.options.protect, true);
    assert.equal(volume.options.retainOnDelete, true);
    assert.deepEqual(
      resources
        .filter(({ type }) => type === VOLUME)
        .map(({ name }) => name)
        .sort(),
      ["test-postgres-16-data", "test-postgres-init", "test-postgres-passwords"],
    );
    assert.deepEqual(
      resources
        .filter(({ type }) => type === CONTAINER)
        .map(({ name }) => name)
        .sort(),
      ["test-postgres", "test-postgres-init-loader", "test-postgres-passwords-loader"],
    );
  });

  it("has one conversation, internal, with n8n", async () => {
    const { resources } = await run();
    const network = only(resources, NETWORK);
    assert.equal(network.name, "test-n8n-postgres");
    assert.equal(network.inputs.internal, true);
  });

  it("is ready when a new container has taken the passwords of the configuration, none of which a command names", async () => {
    const { resources, value } = await run();
    const { stdin, triggers } = only(resources, COMMAND).inputs;
    assert.equal(
      stdin,
      `set -eu
unset DOCKER_CONTEXT
export DOCKER_HOST='unix:///var/run/docker.sock'
docker exec -i test-postgres psql -X -q -v ON_ERROR_STOP=1 -U postgres <<'SQL'
SET log_min_error_statement = panic;
\\set superuser \`cat /run/secrets/postgres/superuser\`
\\set owner \`cat /run/secrets/postgres/n8n\`
ALTER ROLE postgres PASSWORD :'superuser';
ALTER ROLE n8n PASSWORD :'owner';
SQL
`,
    );
    assert.deepEqual(triggers, ["test-postgres-id"]);
    assert.match(
      await valueOf(value.ready.urn),
      /command:local:Command::test-postgres-set-passwords$/,
    );
  });

  it("follows the whole policy, and takes the limits and the exemptions of the stack", async () => {
    const plain = await run();
    assert.deepEqual(plain.value.containers[0]?.restrictions, {
      service: "postgres",
      containers: ["postgres"],
      user: "70:70",
      capDrop: ["ALL"],
      capAdd: [],
      readOnlyRootfs: true,
      noNewPrivileges: true,
      pidsLimit: 200,
      memoryMiB: 512,
      cpus: 1,
      healthCheck: true,
      status: "hardened",
      exemptions: [],
    });

    const more = {
      control: "readOnlyRootfs",
      value: false,
      reason: "asked for by this test alone",
    } as const;
    const { resources, value } = await run({ measures: { memoryMiB: 2048 }, exemptions: [more] });
    const { memory, memorySwap, cpus, user, readOnly } = only(
      resources,
      CONTAINER,
      "test-postgres",
    ).inputs;
    assert.deepEqual(
      { memory, memorySwap, cpus, user, readOnly },
      { memory: 2048, memorySwap: 2048, cpus: "1.0", user: "70:70", readOnly: false },
    );
    assert.deepEqual(value.containers[0]?.restrictions.exemptions, [more]);
  });

  it("names and mounts its volume, and owns its files and folders, as its image's tag says", async () => {
    const found: Record<string, unknown> = {};
    for (const tag of ["17-alpine", "17.2-bookworm", "18", "18.1-alpine3.22"]) {
      const { resources } = await withTag(tag);
      const { user, volumes, tmpfs } = only(resources, CONTAINER, "test-postgres").inputs;
      const { command } = only(resources, CONTAINER, "test-postgres-passwords-loader").inputs;
      const [data] = resources.filter(({ options }) => options.protect === true);
      found[tag] = {
        user,
        volume: data?.inputs.name,
        mounted: (volumes as object[])[2],
        run: (tmpfs as Record<string, string>)["/var/run/postgresql"],
        passwords: command,
      };
    }
    assert.deepEqual(found, {
      "17-alpine": {
        user: "70:70",
        volume: "test-postgres-17-data",
        mounted: {
          volumeName: "test-postgres-17-data",
          containerPath: "/var/lib/postgresql/data",
        },
        run: "rw,noexec,nosuid,nodev,size=1m,uid=70,gid=70",
        passwords: ["-R", "70:70", "/run/secrets/postgres"],
      },
      "17.2-bookworm": {
        user: "999:999",
        volume: "test-postgres-17-data",
        mounted: {
          volumeName: "test-postgres-17-data",
          containerPath: "/var/lib/postgresql/data",
        },
        run: "rw,noexec,nosuid,nodev,size=1m,uid=999,gid=999",
        passwords: ["-R", "999:999", "/run/secrets/postgres"],
      },
      "18": {
        user: "999:999",
        volume: "test-postgres-18-data",
        mounted: { volumeName: "test-postgres-18-data", containerPath: "/var/lib/postgresql" },
        run: "rw,noexec,nosuid,nodev,size=1m,uid=999,gid=999",
        passwords: ["-R", "999:999", "/run/secrets/postgres"],
      },
      "18.1-alpine3.22": {
        user: "70:70",
        volume: "test-postgres-18-data",
        mounted: { volumeName: "test-postgres-18-data", containerPath: "/var/lib/postgresql" },
        run: "rw,noexec,nosuid,nodev,size=1m,uid=70,gid=70",
        passwords: ["-R", "70:70", "/run/secrets/postgres"],
      },
    });
  });

  it("is not made from an image whose major version is not known", async () => {
    await assert.rejects(withTag("alpine"), {
      message:
        'images.postgres: expected a tag that begins with the major version, such as 16-alpine, got "alpine"; the data volume is named after it',
    });
  });
});
