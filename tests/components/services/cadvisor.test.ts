import assert from "node:assert/strict";

import { Cadvisor, CadvisorArgs } from "../../../components/services/cadvisor";
import { SocketProxy } from "../../../components/services/socket-proxy/socket-proxy";
import { CONTAINER, NETWORK, VOLUME } from "../../../tools/model/synth";
import { only, record } from "../../support/pulumi-mocks";
import { IMAGES } from "../../support/raw-config";
import { serviceArgs } from "../../support/service-args";

const run = (said: Partial<CadvisorArgs> = {}) =>
  record(() => {
    const args = serviceArgs("cadvisor");
    const proxy = new SocketProxy(
      {
        ...serviceArgs("socket-proxy"),
        networks: args.networks,
        consumer: "cadvisor",
        reads: Cadvisor.reads,
        socket: { path: "/var/run/docker.sock", group: "998" },
      },
      {},
    );
    return new Cadvisor({ ...args, proxy, ...said }, {});
  });

describe("cAdvisor", () => {
  it("is reached by admins only, through Traefik", () => {
    assert.deepEqual(Cadvisor.route("cadvisor.example.test"), {
      service: "cadvisor",
      host: "cadvisor.example.test",
      url: "http://cadvisor:8080",
      admin: true,
    });
  });

  it("reads four things of Docker", () => {
    assert.deepEqual(Cadvisor.reads, ["version", "info", "containers", "container"]);
  });

  it("runs as root without a capability, and sees four folders of the host, none for writing", async () => {
    const { resources } = await run();
    const container = only(resources, CONTAINER, "test-cadvisor");
    assert.deepEqual(container.inputs, {
      image: IMAGES.cadvisor,
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "cadvisor" },
        { label: "pinned-stack.container", value: "cadvisor" },
        { label: "pinned-stack.role", value: "service" },
        { label: "pinned-stack.pids-limit", value: "200" },
      ],
      command: [
        "--docker=tcp://socket-proxy-cadvisor:2375",
        "--docker_only=true",
        "--store_container_labels=false",
        "--housekeeping_interval=30s",
        "--disable_metrics=advtcp,cpu_topology,cpuset,disk,hugetlb,memory_numa,percpu,process,referenced_memory,resctrl,sched,tcp,udp",
      ],
      envs: [],
      stopTimeout: 10,
      destroyGraceSeconds: 10,
      user: "0:0",
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
        { hostPath: "/proc", containerPath: "/rootfs/proc", readOnly: true },
        { hostPath: "/sys", containerPath: "/sys", readOnly: true },
        { hostPath: "/sys/fs/cgroup", containerPath: "/sys/fs/cgroup", readOnly: true },
        {
          hostPath: "/var/lib/docker/image",
          containerPath: "/rootfs/var/lib/docker/image",
          readOnly: true,
        },
      ],
      tmpfs: {},
      healthcheck: {
        tests: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"],
        interval: "5s",
        timeout: "5s",
        retries: 5,
        startPeriod: "30s",
      },
      wait: true,
      waitTimeout: 60,
      networksAdvanced: [
        { name: "test-traefik-cadvisor", aliases: ["cadvisor"] },
        { name: "test-cadvisor-socket-proxy", aliases: ["cadvisor"] },
      ],
      ports: [],
    });
  });

  it("waits for its image and its proxy, and the new one starts first", async () => {
    const { resources, value } = await run();
    assert.deepEqual(only(resources, CONTAINER, "test-cadvisor").options, {
      parent: "test-cadvisor",
      deleteBeforeReplace: false,
      replaceOnChanges: ["tmpfs", "init", "healthcheck", "#initerror"],
      dependsOn: ["test-cadvisor", "test-socket-proxy-cadvisor"],
    });
    assert.equal(value.containers.length, 1);
    assert.equal(value.containers[0]?.order, "start first");
  });

  it("keeps nothing, and its two conversations are internal", async () => {
    const { resources } = await run();
    assert.deepEqual(
      resources.filter(({ type }) => type === VOLUME).map(({ name }) => name),
      ["test-socket-proxy-cadvisor-config"],
    );
    assert.deepEqual(
      resources
        .filter(({ type }) => type === NETWORK)
        .map(({ name, inputs }) => [name, inputs.internal]),
      [
        ["test-cadvisor-socket-proxy", true],
        ["test-traefik-cadvisor", true],
      ],
    );
  });

  it("leaves two controls, and takes the limits and the exemptions of the stack", async () => {
    const own = [
      {
        control: "user",
        value: "0:0",
        reason:
          "Docker's folder of containers is closed to everybody but root; it has no capability",
      },
      {
        control: "hostPaths",
        value: ["/proc", "/sys", "/sys/fs/cgroup", "/var/lib/docker/image"],
        reason: "figures and the names of image layers are read from there, read-only",
      },
    ] as const;
    const plain = await run();
    assert.deepEqual(plain.value.containers[0]?.restrictions.exemptions, own);

    const more = {
      control: "readOnlyRootfs",
      value: false,
      reason: "asked for by this test alone",
    } as const;
    const { resources, value } = await run({ measures: { memoryMiB: 512 }, exemptions: [more] });
    const { memory, memorySwap, cpus, readOnly } = only(
      resources,
      CONTAINER,
      "test-cadvisor",
    ).inputs;
    assert.deepEqual(
      { memory, memorySwap, cpus, readOnly },
      { memory: 512, memorySwap: 512, cpus: "0.5", readOnly: false },
    );
    assert.deepEqual(value.containers[0]?.restrictions.exemptions, [...own, more]);
  });
});

describe("what cAdvisor needs of a host", () => {
  const IMAGE_NAME = "ghcr.io/google/cadvisor:some";
  const ANY = {
    service: "cadvisor",
    image: IMAGE_NAME,
    diskMiB: 100,
    dockerFolder: "/var/lib/docker",
  };
  const wayOut =
    "use ghcr.io/google/cadvisor v0.57.0 or newer, or services.cadvisor.enabled: false";
  const CLASSIC = { ...ANY, newestApi: 41, classicStore: true, wayOut };
  const RECENT = { ...ANY, oldestApi: 44, wayOut };

  const rows: readonly (readonly [string | undefined, string, object])[] = [
    ["v0.49.1", "an old API and Docker's own image store", CLASSIC],
    ["v0.49.2", "an old API and Docker's own image store", CLASSIC],
    ["0.49.1", "an old API and Docker's own image store", CLASSIC],
    ["v0.56.0", "an API that is not too old", RECENT],
    ["v0.56.2", "an API that is not too old", RECENT],
    ["v0.57.0", "nothing more than its disk and Docker's folder", ANY],
    ["v0.60.5", "nothing more than its disk and Docker's folder", ANY],
    ["v1.0.0", "nothing more than its disk and Docker's folder", ANY],
    ["latest", "nothing more than its disk and Docker's folder", ANY],
    [undefined, "nothing more than its disk and Docker's folder", ANY],
  ];
  for (const [tag, title, needs] of rows)
    it(`is, with ${tag ?? "no tag"}, ${title}`, () => {
      assert.deepEqual(Cadvisor.needs(IMAGE_NAME, tag), needs);
    });

  it("is Docker's own image store until v0.53, and no store in particular from v0.54.0 on", () => {
    const tags = ["v0.49.1", "v0.53.0", "v0.54.0", "v0.54.1"];
    assert.deepEqual(
      tags.map((tag) => Cadvisor.needs(IMAGE_NAME, tag).classicStore),
      [true, true, undefined, undefined],
    );
  });
});
