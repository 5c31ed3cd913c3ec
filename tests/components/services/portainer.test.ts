import assert from "node:assert/strict";

import { Portainer, PortainerArgs } from "../../../components/services/portainer";
import { SocketProxy } from "../../../components/services/socket-proxy/socket-proxy";
import { CONTAINER, NETWORK, VOLUME } from "../../../tools/model/synth";
import { inClear, only, record } from "../../support/pulumi-mocks";
import { IMAGES } from "../../support/raw-config";
import { remoteImage, serviceArgs } from "../../support/service-args";

const PASSWORD = "canary-portainer-password";

const run = (said: Partial<PortainerArgs> = {}) =>
  record(() => {
    const args = serviceArgs("portainer");
    const proxy = new SocketProxy(
      {
        ...serviceArgs("socket-proxy"),
        networks: args.networks,
        consumer: "portainer",
        reads: Portainer.reads,
        socket: { path: "/var/run/docker.sock", group: "998" },
      },
      {},
    );
    // Not the proxy's image, so that the two are told apart.
    const toolImage = remoteImage("homepage");
    // Not marked as a secret by who gives it, so that it is the component that marks it.
    return new Portainer({ ...args, adminPassword: PASSWORD, proxy, toolImage, ...said }, {});
  });

describe("Portainer", () => {
  it("is reached by admins only, and Traefik asks its status page before it sends them there", () => {
    assert.deepEqual(Portainer.route("portainer.example.test"), {
      service: "portainer",
      host: "portainer.example.test",
      url: "http://portainer:9000",
      admin: true,
      healthPath: "/api/system/status",
    });
  });

  it("reads what its pages show: no files, no logs, no terminal and no processes", () => {
    assert.deepEqual(Portainer.reads, [
      "version",
      "info",
      "events",
      "containers",
      "container",
      "containerStats",
      "images",
      "image",
      "imageHistory",
      "networks",
      "network",
      "volumes",
      "volume",
    ]);
  });

  it("runs as a user without any right, and talks to Docker through its proxy only", async () => {
    const { resources } = await run();
    assert.deepEqual(only(resources, CONTAINER, "test-portainer").inputs, {
      name: "test-portainer",
      image: IMAGES.portainer,
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "portainer" },
        { label: "pinned-stack.container", value: "portainer" },
        { label: "pinned-stack.role", value: "service" },
        { label: "pinned-stack.pids-limit", value: "200" },
      ],
      command: [
        "--host",
        "tcp://socket-proxy-portainer:2375",
        "--admin-password-file",
        "/run/secrets/portainer/admin-password",
      ],
      envs: [],
      stopTimeout: 20,
      destroyGraceSeconds: 20,
      user: "1000:1000",
      capabilities: { drops: ["ALL"], adds: [] },
      readOnly: true,
      securityOpts: ["no-new-privileges:true"],
      privileged: false,
      ipcMode: "private",
      init: false,
      memory: 256,
      memorySwap: 256,
      cpus: "0.5",
      ulimits: [{ name: "nofile", soft: 4096, hard: 4096 }],
      restart: "unless-stopped",
      logDriver: "json-file",
      logOpts: { "max-size": "10m", "max-file": "3" },
      volumes: [
        {
          volumeName: "test-portainer-password",
          containerPath: "/run/secrets/portainer",
          readOnly: true,
        },
        { volumeName: "test-portainer-data", containerPath: "/data" },
      ],
      tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=16m,uid=1000,gid=1000" },
      healthcheck: { tests: ["NONE"] },
      networksAdvanced: [
        { name: "test-traefik-portainer", aliases: ["portainer"] },
        { name: "test-portainer-socket-proxy", aliases: ["portainer"] },
      ],
      ports: [],
    });
  });

  it("waits for its image, its data, its proxy and its password, and the old one stops first", async () => {
    const { resources, value } = await run();
    assert.deepEqual(only(resources, CONTAINER, "test-portainer").options, {
      parent: "test-portainer",
      deleteBeforeReplace: true,
      replaceOnChanges: ["tmpfs", "init", "healthcheck", "#initerror"],
      dependsOn: [
        "test-portainer",
        "test-portainer-data-owner",
        "test-socket-proxy-portainer",
        "test-portainer-password-loader",
      ],
    });
    assert.equal(value.containers.length, 1);
    assert.equal(value.containers[0]?.order, "stop first");
  });

  it("has the administrator's password in a file that its user alone reads", async () => {
    const { resources } = await run();
    const { image, labels, user, entrypoints, command, volumes, uploads } = only(
      resources,
      CONTAINER,
      "test-portainer-password-loader",
    ).inputs;
    assert.deepEqual(
      { image, labels, user, entrypoints, command, volumes, uploads },
      {
        image: IMAGES.homepage,
        labels: [
          { label: "pinned-stack.stack", value: "test" },
          { label: "pinned-stack.service", value: "portainer" },
          { label: "pinned-stack.role", value: "loader" },
        ],
        user: "0:0",
        entrypoints: ["/bin/chown"],
        command: ["-R", "1000:1000", "/run/secrets/portainer"],
        volumes: [
          { volumeName: "test-portainer-password", containerPath: "/run/secrets/portainer" },
        ],
        uploads: {
          secret: [
            {
              file: "/run/secrets/portainer/admin-password",
              content: "canary-portainer-password",
              permissions: "0400",
            },
          ],
        },
      },
    );
    assert.doesNotMatch(inClear(resources), /canary/);
  });

  it("has its data in a volume that is protected, stays on the host and is given to its user", async () => {
    const { resources } = await run();
    const volume = only(resources, VOLUME, "test-portainer-data");
    assert.deepEqual(volume.inputs, {
      name: "test-portainer-data",
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "portainer" },
        { label: "pinned-stack.role", value: "data" },
      ],
    });
    assert.equal(volume.options.protect, true);
    assert.equal(volume.options.retainOnDelete, true);
    const owner = only(resources, CONTAINER, "test-portainer-data-owner");
    const { image, entrypoints, command, volumes } = owner.inputs;
    assert.deepEqual(
      { image, entrypoints, command, volumes },
      {
        image: IMAGES.homepage,
        entrypoints: ["/bin/chown"],
        command: ["-R", "1000:1000", "/data"],
        volumes: [{ volumeName: "test-portainer-data", containerPath: "/data" }],
      },
    );
    assert.deepEqual(owner.options.dependsOn, ["test-portainer"]);
    assert.deepEqual(
      resources
        .filter(({ type }) => type === VOLUME)
        .map(({ name }) => name)
        .sort(),
      ["test-portainer-data", "test-portainer-password", "test-socket-proxy-portainer-config"],
    );
  });

  it("has two conversations, both internal", async () => {
    const { resources } = await run();
    assert.deepEqual(
      resources
        .filter(({ type }) => type === NETWORK)
        .map(({ name, inputs }) => [name, inputs.internal]),
      [
        ["test-portainer-socket-proxy", true],
        ["test-traefik-portainer", true],
      ],
    );
  });

  it("leaves one control, and takes the limits and the exemptions of the stack", async () => {
    const own = {
      control: "healthCheck",
      value: false,
      reason:
        "the image holds no program that could ask it; Traefik asks its status page where it has a route",
    } as const;
    const plain = await run();
    assert.deepEqual(plain.value.containers[0]?.restrictions.exemptions, [own]);

    const more = {
      control: "readOnlyRootfs",
      value: false,
      reason: "asked for by this test alone",
    } as const;
    const { resources, value } = await run({ measures: { memoryMiB: 512 }, exemptions: [more] });
    const { memory, memorySwap, cpus, user, readOnly } = only(
      resources,
      CONTAINER,
      "test-portainer",
    ).inputs;
    assert.deepEqual(
      { memory, memorySwap, cpus, user, readOnly },
      { memory: 512, memorySwap: 512, cpus: "0.5", user: "1000:1000", readOnly: false },
    );
    assert.deepEqual(value.containers[0]?.restrictions.exemptions, [own, more]);
  });
});

describe("what Portainer needs of a host", () => {
  const IMAGE_NAME = "portainer/portainer-ce:some";
  const ANY = { service: "portainer", image: IMAGE_NAME, diskMiB: 300 };
  const OLD = {
    ...ANY,
    newestApi: 42,
    wayOut: "use portainer-ce 2.33.5, 2.36 or newer, or Docker Engine 29.3 or newer",
  };

  const rows: readonly (readonly [string | undefined, object])[] = [
    ["2.19.5", OLD],
    ["2.19.5-alpine", OLD],
    ["2.33.4", OLD],
    ["2.33.4-alpine", OLD],
    // The long-term release that has the fix, and what follows in its line.
    ["2.33.5", ANY],
    ["2.33.5-alpine", ANY],
    ["2.33.6", ANY],
    ["2.33.10", ANY],
    // Short-term releases that are newer by number and older by contents (portainer/portainer#12934).
    ["2.34.0", OLD],
    ["2.35.0", OLD],
    ["2.36.0", ANY],
    ["2.39.1", ANY],
    ["3.0.0", ANY],
    ["latest", ANY],
    ["lts", ANY],
    [undefined, ANY],
  ];
  for (const [tag, needs] of rows)
    it(`is, with ${tag ?? "no tag"}, ${needs === OLD ? "an engine that still takes an old API" : "nothing more than its disk"}`, () => {
      assert.deepEqual(Portainer.needs(IMAGE_NAME, tag), needs);
    });
});
