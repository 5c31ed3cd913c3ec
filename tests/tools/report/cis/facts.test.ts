import assert from "node:assert/strict";

import { ContainerSpec, containerModel } from "../../../../components/hardened/model";
import { ContainerFacts, factsOf } from "../../../../tools/report/cis/facts";
import { factsFromInspect } from "../../../support/facts-from-inspect";
import { REASON } from "../../../support/small-stack";

const IMAGE = `nginx:1@sha256:${"a".repeat(64)}`;

const SPEC: ContainerSpec = {
  name: "web",
  image: IMAGE,
  user: "101:101",
  memoryMiB: 64,
  cpus: 0.25,
  pidsLimit: 150,
  entrypoint: ["/bin/web"],
  command: ["--serve"],
  health: { command: ["true"] },
  networks: [
    { name: "a", internal: true },
    { name: "edge", internal: false },
  ],
  ports: [{ address: "127.0.0.1", published: 8080, internal: 80 }],
  mounts: [
    { kind: "files", volume: "web-files", path: "/files", files: { a: "a" } },
    { kind: "host", source: "/srv", path: "/srv" },
  ],
  exemptions: [
    { control: "capabilities", value: ["CAP_CHOWN"], reason: REASON },
    { control: "hostPaths", value: ["/srv"], reason: REASON },
    { control: "outsideNetworks", value: ["edge"], reason: REASON },
    { control: "publishedPorts", value: [80], reason: REASON },
  ],
};

/** What the engine says of it. */
const INSPECTED = {
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
      Name: "web-files",
      Source: "/var/lib/docker/volumes/web-files/_data",
      Destination: "/files",
      RW: false,
      Propagation: "",
    },
    { Type: "bind", Source: "/srv", Destination: "/srv", RW: false, Propagation: "" },
    { Type: "tmpfs", Source: "", Destination: "/tmp", RW: true, Propagation: "" },
  ],
  NetworkSettings: { Networks: { a: {}, edge: {} } },
};

describe("facts about a container", () => {
  it("are the same from the model and from what the engine says, but for what only the engine knows", () => {
    const { appArmor, seLinux, ...same } = factsFromInspect(INSPECTED);
    assert.deepEqual(factsOf(containerModel(SPEC)), same);
    assert.deepEqual(
      [appArmor, seLinux],
      ["docker-default", "system_u:system_r:container_t:s0:c1,c2"],
    );
  });

  it("are those of the policy for a container that says nothing", () => {
    const bare = factsOf(
      containerModel({ name: "web", image: IMAGE, networks: [], health: { command: ["true"] } }),
    );
    const expected: Partial<ContainerFacts> = {
      user: "65532:65532",
      command: [],
      capAdd: [],
      mounts: [],
      ports: [],
      readOnlyRootfs: true,
      healthCheck: true,
    };
    assert.deepEqual({ ...bare, ...expected }, bare);
  });

  it("do not take NONE for a health check", () => {
    for (const Healthcheck of [{ Test: ["NONE"] }, { Test: [] }, null]) {
      const Config = { ...INSPECTED.Config, Healthcheck };
      assert.equal(factsFromInspect({ ...INSPECTED, Config }).healthCheck, false);
    }
  });

  it("take a limit of -1 for none, and an empty address for all", () => {
    const HostConfig = {
      ...INSPECTED.HostConfig,
      PidsLimit: -1,
      PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "80" }] },
    };
    const facts = factsFromInspect({ ...INSPECTED, HostConfig });
    assert.deepEqual([facts.pidsLimit, facts.ports[0]?.address], [0, "0.0.0.0"]);
  });

  it("are refused where the answer is something else", () => {
    assert.throws(() => factsFromInspect([]), /expected object/);
    assert.throws(() => factsFromInspect({ ...INSPECTED, Mounts: "none" }), /expected array/);
  });
});
