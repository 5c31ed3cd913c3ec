import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import {
  SocketProxy,
  SocketProxyArgs,
} from "../../../../components/services/socket-proxy/socket-proxy";
import { CONTAINER, NETWORK, VOLUME } from "../../../../tools/model/synth";
import { only, record } from "../../../support/pulumi-mocks";
import { IMAGES } from "../../../support/raw-config";
import { serviceArgs } from "../../../support/service-args";

const run = (said: Partial<SocketProxyArgs> = {}) =>
  record(
    () =>
      new SocketProxy(
        {
          ...serviceArgs("socket-proxy"),
          consumer: "portainer",
          reads: ["version", "container"],
          socket: { path: "/run/user/1000/docker.sock", group: pulumi.output("998") },
          ...said,
        },
        {},
      ),
  );

/** The rules that let a request through. */
const allowed = async (said: Partial<SocketProxyArgs>): Promise<readonly string[]> => {
  const { resources } = await run(said);
  const [upload] = only(resources, CONTAINER, "test-socket-proxy-portainer-config-loader").inputs
    .uploads as { readonly content: string }[];
  return (upload?.content ?? "").split("\n").filter((line) => line.includes(" allow "));
};

describe("a socket proxy", () => {
  it("runs HAProxy itself as its own user, with the socket and its group and nothing else, the new one first", async () => {
    const { resources } = await run();
    const container = only(resources, CONTAINER, "test-socket-proxy-portainer");
    assert.deepEqual(container.inputs, {
      image: IMAGES["socket-proxy"],
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "socket-proxy" },
        { label: "pinned-stack.container", value: "socket-proxy-portainer" },
        { label: "pinned-stack.role", value: "service" },
        { label: "pinned-stack.pids-limit", value: "200" },
      ],
      entrypoints: ["haproxy", "-db", "-f", "/etc/socket-proxy/haproxy.cfg"],
      envs: [],
      stopTimeout: 10,
      destroyGraceSeconds: 10,
      user: "99:99",
      groupAdds: ["998"],
      capabilities: { drops: ["ALL"], adds: [] },
      readOnly: true,
      securityOpts: ["no-new-privileges:true"],
      privileged: false,
      ipcMode: "private",
      init: false,
      memory: 64,
      memorySwap: 64,
      cpus: "0.25",
      ulimits: [{ name: "nofile", soft: 4096, hard: 4096 }],
      restart: "unless-stopped",
      logDriver: "json-file",
      logOpts: { "max-size": "10m", "max-file": "3" },
      volumes: [
        {
          volumeName: "test-socket-proxy-portainer-config",
          containerPath: "/etc/socket-proxy",
          readOnly: true,
        },
        {
          hostPath: "/run/user/1000/docker.sock",
          containerPath: "/var/run/docker.sock",
          readOnly: true,
        },
      ],
      tmpfs: {
        "/run": "rw,noexec,nosuid,nodev,size=1m,uid=99,gid=99",
        "/tmp": "rw,noexec,nosuid,nodev,size=1m,uid=99,gid=99",
      },
      healthcheck: {
        tests: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:2375/_ping"],
        interval: "5s",
        timeout: "5s",
        retries: 5,
        startPeriod: "10s",
      },
      wait: true,
      waitTimeout: 40,
      networksAdvanced: [
        { name: "test-portainer-socket-proxy", aliases: ["socket-proxy-portainer"] },
      ],
      ports: [],
    });
    assert.deepEqual(container.options, {
      parent: "test-socket-proxy-portainer",
      deleteBeforeReplace: false,
      replaceOnChanges: ["tmpfs", "init", "healthcheck", "#initerror"],
      dependsOn: ["test-socket-proxy", "test-socket-proxy-portainer-config-loader"],
    });
  });

  it("is one container, one loader of plain files, one volume for them and no other", async () => {
    const { resources } = await run();
    const names = (wanted: string) =>
      resources.filter(({ type }) => type === wanted).map(({ name }) => name);
    assert.deepEqual(names(CONTAINER).sort(), [
      "test-socket-proxy-portainer",
      "test-socket-proxy-portainer-config-loader",
    ]);
    assert.deepEqual(names(VOLUME), ["test-socket-proxy-portainer-config"]);
    const volume = only(resources, VOLUME);
    assert.deepEqual(volume.inputs, {
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "socket-proxy" },
        { label: "pinned-stack.role", value: "files" },
      ],
    });
    assert.deepEqual(volume.options.dependsOn, ["test-socket-proxy"]);
  });

  it("gets its rules for everybody to read, from a loader that never starts", async () => {
    const { resources } = await run();
    const { image, start, user, volumes, uploads } = only(
      resources,
      CONTAINER,
      "test-socket-proxy-portainer-config-loader",
    ).inputs;
    assert.deepEqual(
      { image, start, user, volumes },
      {
        image: IMAGES["socket-proxy"],
        start: false,
        user: undefined,
        volumes: [
          {
            volumeName: "test-socket-proxy-portainer-config",
            containerPath: "/etc/socket-proxy",
          },
        ],
      },
    );
    const [upload, ...more] = uploads as {
      readonly file: string;
      readonly content: string;
      readonly permissions: string;
    }[];
    assert.deepEqual(more, []);
    assert.equal(upload?.file, "/etc/socket-proxy/haproxy.cfg");
    assert.equal(upload.permissions, "0444");
    // Inside, the socket is always at the same place, wherever it is on the host.
    assert.ok(upload.content.endsWith("\nbackend engine\n  server socket /var/run/docker.sock\n"));
  });

  it("lets through what its consumer reads, and the ping that its health check asks for", async () => {
    assert.deepEqual(await allowed({ reads: ["version", "container"] }), [
      "  http-request allow if { path_reg ^(/v1[.][0-9]+)?/_ping$ }",
      "  http-request allow if { path_reg ^(/v1[.][0-9]+)?/version$ }",
      "  http-request allow if { path_reg ^(/v1[.][0-9]+)?/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/json$ }",
    ]);
    assert.deepEqual(await allowed({ reads: [] }), [
      "  http-request allow if { path_reg ^(/v1[.][0-9]+)?/_ping$ }",
    ]);
  });

  it("shares one network, internal, with its one consumer", async () => {
    const { resources, value } = await run({ consumer: "cadvisor" });
    const network = only(resources, NETWORK);
    assert.equal(network.name, "test-cadvisor-socket-proxy");
    assert.equal(network.inputs.internal, true);
    assert.equal(value.endpoint, "tcp://socket-proxy-cadvisor:2375");
    assert.deepEqual(
      only(resources, CONTAINER, "test-socket-proxy-cadvisor").inputs.networksAdvanced,
      [{ name: "test-cadvisor-socket-proxy", aliases: ["socket-proxy-cadvisor"] }],
    );
  });

  it("leaves one control, under the name that all proxies share in the table", async () => {
    const { value } = await run();
    assert.equal(value.endpoint, "tcp://socket-proxy-portainer:2375");
    assert.equal(value.containers.length, 1);
    assert.deepEqual(value.containers[0]?.restrictions, {
      service: "socket-proxy",
      containers: ["socket-proxy-portainer"],
      user: "99:99",
      capDrop: ["ALL"],
      capAdd: [],
      readOnlyRootfs: true,
      noNewPrivileges: true,
      pidsLimit: 200,
      memoryMiB: 64,
      cpus: 0.25,
      healthCheck: true,
      status:
        "exempt: dockerSocket: it is what keeps the socket away from everything else; it only lets reads through",
      exemptions: [
        {
          control: "dockerSocket",
          value: true,
          reason:
            "it is what keeps the socket away from everything else; it only lets reads through",
        },
      ],
    });
  });

  it("takes the limits and the exemptions of the stack", async () => {
    const { resources, value } = await run({
      measures: { memoryMiB: 96, pidsLimit: 50 },
      exemptions: [
        { control: "readOnlyRootfs", value: false, reason: "asked for by this test alone" },
      ],
    });
    const { memory, memorySwap, cpus, user, readOnly } = only(
      resources,
      CONTAINER,
      "test-socket-proxy-portainer",
    ).inputs;
    assert.deepEqual(
      { memory, memorySwap, cpus, user, readOnly },
      { memory: 96, memorySwap: 96, cpus: "0.25", user: "99:99", readOnly: false },
    );
    assert.equal(value.containers[0]?.controls.pidsLimit, 50);
    assert.deepEqual(
      value.containers[0].restrictions.exemptions.map(({ control }) => control),
      ["dockerSocket", "readOnlyRootfs"],
    );
  });
});
