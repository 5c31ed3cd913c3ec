import assert from "node:assert/strict";

import { RecordedContainer } from "../../../../tools/model/containers";
import { factsFromInputs } from "../../../../tools/report/view/facts-from-inputs";
import { factsFromInspect } from "../../../support/facts-from-inspect";

const IMAGE = `nginx:1@sha256:${"a".repeat(64)}`;

const recorded = (inputs: Partial<RecordedContainer["inputs"]>): RecordedContainer => ({
  resource: "test-web",
  name: "web",
  service: "site",
  role: "service",
  pidsLimit: 150,
  dependsOn: [],
  inputs: { image: IMAGE, labels: [], ...inputs },
});

describe("facts about a container", () => {
  const inputs: Partial<RecordedContainer["inputs"]> = {
    entrypoints: ["/bin/web"],
    command: ["--serve"],
    user: "101:101",
    capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN"] },
    privileged: false,
    readOnly: true,
    securityOpts: ["no-new-privileges:true"],
    memory: 64,
    cpus: "0.25",
    ulimits: [{ name: "nofile", soft: 10, hard: 20 }],
    volumes: [
      { volumeName: "test-files", containerPath: "/files", readOnly: true },
      { hostPath: "/srv", containerPath: "/srv" },
    ],
    ipcMode: "private",
    networksAdvanced: [{ name: "test-a" }, { name: "test-b" }],
    restart: "unless-stopped",
    ports: [{ ip: "127.0.0.1", external: 8080, internal: 80, protocol: "tcp" }],
    healthcheck: { tests: ["CMD", "true"] },
  };
  const inspected = {
    Name: "/test-web-1a2b3c4",
    AppArmorProfile: "docker-default",
    ProcessLabel: "system_u:system_r:container_t:s0:c1,c2",
    Config: {
      Image: IMAGE,
      User: "101:101",
      Entrypoint: ["/bin/web"],
      Cmd: ["--serve"],
      Labels: { "pinned-stack.container": "web", "pinned-stack.service": "site" },
      Healthcheck: { Test: ["CMD", "true"] },
    },
    HostConfig: {
      CapDrop: ["ALL"],
      CapAdd: ["CHOWN"],
      Privileged: false,
      ReadonlyRootfs: true,
      SecurityOpt: ["no-new-privileges:true"],
      Memory: 67108864,
      NanoCpus: 250000000,
      CpuShares: 0,
      PidsLimit: 150,
      Ulimits: [{ Name: "nofile", Soft: 10, Hard: 20 }],
      Devices: null,
      // Where it was made; it is not there any more.
      NetworkMode: "bridge",
      PidMode: "",
      IpcMode: "private",
      UTSMode: "",
      UsernsMode: "",
      CgroupParent: "",
      RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 },
      PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] },
    },
    Mounts: [
      {
        Type: "volume",
        Name: "test-files",
        Source: "/var/lib/docker/volumes/test-files/_data",
        Destination: "/files",
        RW: false,
        Propagation: "",
      },
      { Type: "bind", Source: "/srv", Destination: "/srv", RW: true, Propagation: "" },
      { Type: "tmpfs", Source: "", Destination: "/tmp", RW: true, Propagation: "" },
    ],
    NetworkSettings: { Networks: { "test-a": {}, "test-b": {} } },
  };

  it("are the same from the program's inputs and from what the engine says", () => {
    const { appArmor, seLinux, ...same } = factsFromInspect(inspected);
    assert.deepEqual(same, factsFromInputs(recorded(inputs)));
    // Only a container that exists has them.
    assert.deepEqual(
      [appArmor, seLinux],
      ["docker-default", "system_u:system_r:container_t:s0:c1,c2"],
    );
    assert.deepEqual(factsFromInputs(recorded(inputs)), {
      name: "web",
      service: "site",
      image: IMAGE,
      command: ["/bin/web", "--serve"],
      user: "101:101",
      capDrop: ["ALL"],
      capAdd: ["CAP_CHOWN"],
      privileged: false,
      readOnlyRootfs: true,
      securityOpts: ["no-new-privileges:true"],
      memory: 67108864,
      cpus: 0.25,
      cpuShares: 0,
      pidsLimit: 150,
      ulimits: ["nofile"],
      mounts: [
        {
          kind: "volume",
          source: "test-files",
          target: "/files",
          writable: false,
          propagation: "",
        },
        { kind: "host path", source: "/srv", target: "/srv", writable: true, propagation: "" },
      ],
      devices: [],
      networks: ["test-a", "test-b"],
      namespaces: { pid: "", ipc: "private", uts: "", user: "" },
      cgroupParent: "",
      restart: { policy: "unless-stopped", retries: 0 },
      ports: [{ address: "127.0.0.1", published: 8080, internal: 80, protocol: "tcp" }],
      healthCheck: true,
    });
  });

  it("take what is not said for Docker's default, which is the weaker one", () => {
    const { networks, readOnlyRootfs, memory, healthCheck, restart } = factsFromInputs(
      recorded({}),
    );
    assert.deepEqual(
      { networks, readOnlyRootfs, memory, healthCheck, restart },
      {
        networks: ["bridge"],
        readOnlyRootfs: false,
        memory: 0,
        healthCheck: false,
        restart: { policy: "no", retries: 0 },
      },
    );
    const [port] = factsFromInputs(recorded({ ports: [{ external: 1, internal: 2 }] })).ports;
    assert.deepEqual(port, { address: "0.0.0.0", published: 1, internal: 2, protocol: "tcp" });
  });

  it("know the modes without a network of their own", () => {
    assert.deepEqual(factsFromInputs(recorded({ networkMode: "host" })).networks, ["host"]);
    assert.deepEqual(factsFromInputs(recorded({ networkMode: "none" })).networks, ["none"]);
  });

  it("do not take NONE for a health check", () => {
    const off = { tests: ["NONE"] };
    assert.equal(factsFromInputs(recorded({ healthcheck: off })).healthCheck, false);
    const Config = { ...inspected.Config, Healthcheck: { Test: ["NONE"] } };
    assert.equal(factsFromInspect({ ...inspected, Config }).healthCheck, false);
    const image = { ...inspected.Config, Healthcheck: null };
    assert.equal(factsFromInspect({ ...inspected, Config: image }).healthCheck, false);
  });

  it("take a limit of -1 for none, and an empty address for all", () => {
    const HostConfig = {
      ...inspected.HostConfig,
      PidsLimit: -1,
      PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "80" }] },
    };
    const facts = factsFromInspect({ ...inspected, HostConfig });
    assert.equal(facts.pidsLimit, 0);
    assert.equal(facts.ports[0]?.address, "0.0.0.0");
  });

  it("are refused where the answer is something else", () => {
    assert.throws(() => factsFromInspect([]), /expected object/);
    assert.throws(() => factsFromInspect({ ...inspected, Mounts: "none" }), /expected array/);
  });
});
