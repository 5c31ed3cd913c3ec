import assert from "node:assert/strict";

import { containerModel, ContainerSpec, goDuration } from "../../../components/hardened/model";
import { Exemption, HARDENED, HardeningError } from "../../../components/hardened/policy";
import { expectHardened } from "../../support/hardened";
import { assertLines, patternOf } from "../../support/lines";
import { REASON } from "../../support/small-stack";

const HEALTH = { command: ["check"] };
const PORTS = [{ address: "127.0.0.1", published: 8080, internal: 80 }];
const DATA = [{ kind: "data", volume: "web-data", path: "/data", chown: false }] as const;
const [EDGE, EGRESS] = ["edge", "egress"].map((name) => ({ name, internal: false })) as [
  { name: string; internal: boolean },
  { name: string; internal: boolean },
];

/** A container that sets nothing but what it must. */
const model = (spec: Partial<ContainerSpec> = {}) =>
  containerModel({ name: "web", image: "web:1", health: HEALTH, networks: [], ...spec });

describe("the model of a container", () => {
  it("is the whole policy and Docker's defaults for one that sets nothing", () => {
    assert.deepEqual(model(), {
      name: "web",
      service: "web",
      image: "web:1",
      controls: HARDENED,
      privileged: false,
      capDrop: ["ALL"],
      exemptions: [],
      environment: {},
      secretEnvironment: {},
      mounts: [],
      tmpfs: {},
      health: { command: ["check"], startSeconds: 30 },
      networks: [],
      ports: [],
      stopGraceSeconds: 10,
      dependsOn: [],
      order: "start-first",
    });
  });

  it("keeps everything that the container sets", () => {
    const spec: ContainerSpec = {
      name: "web-1",
      service: "web",
      image: "web:2",
      user: "101:102",
      memoryMiB: 64,
      exemptions: [{ control: "readOnlyRootfs", value: false, reason: REASON }],
      entrypoint: ["/bin/web"],
      command: ["--port", "80"],
      environment: { ZONE: "a" },
      mounts: DATA,
      tmpfs: { "/tmp": 16 },
      health: { command: ["check"], startSeconds: 90 },
      question: { port: 80, path: "/" },
      networks: [{ name: "a-web", internal: true }],
      stopGraceSeconds: 120,
      shmMiB: 128,
      dependsOn: ["database"],
    };
    const { user, memoryMiB, ...rest } = spec;
    assert.deepEqual(containerModel(spec), {
      ...rest,
      controls: { ...HARDENED, user, memoryMiB, readOnlyRootfs: false },
      privileged: false,
      capDrop: ["ALL"],
      secretEnvironment: {},
      ports: [],
      order: "stop-first",
    });
  });
});

describe("the order of a replacement", () => {
  const published: Exemption = { control: "publishedPorts", value: [80], reason: REASON };
  const rows: readonly (readonly [string, Partial<ContainerSpec>, string])[] = [
    ["neither ports nor data", {}, "start-first"],
    ["empty lists", { ports: [], mounts: [] }, "start-first"],
    [
      "files",
      { mounts: [{ kind: "files", volume: "web-files", path: "/etc/web", files: { a: "b" } }] },
      "start-first",
    ],
    ["a published port", { ports: PORTS, exemptions: [published] }, "stop-first"],
    ["data", { mounts: DATA }, "stop-first"],
  ];
  for (const [title, spec, order] of rows)
    it(`is ${order} with ${title}`, () => {
      assert.equal(model(spec).order, order);
    });
});

/** What a container does beyond the policy, and the exemption that it takes. */
const BEYOND: readonly (readonly [Partial<ContainerSpec>, Exemption, unknown])[] = [
  [{ ports: PORTS }, { control: "publishedPorts", value: [80], reason: REASON }, []],
  [{ networks: [EDGE] }, { control: "outsideNetworks", value: ["edge"], reason: REASON }, []],
  [
    { mounts: [{ kind: "host", source: "/sys", path: "/host" }] },
    { control: "hostPaths", value: ["/sys"], reason: REASON },
    [],
  ],
  [
    { mounts: [{ kind: "socket", source: "/run/docker.sock", path: "/var/run/docker.sock" }] },
    { control: "dockerSocket", value: true, reason: REASON },
    false,
  ],
  [
    { secretEnvironment: { KEY: "theSecret" } },
    { control: "environmentSecrets", value: ["KEY"], reason: REASON },
    [],
  ],
];

describe("a container beyond the policy", () => {
  const problemsOf = (spec: Partial<ContainerSpec>): readonly string[] => {
    try {
      model(spec);
    } catch (error) {
      assert.ok(error instanceof HardeningError, String(error));
      return error.problems;
    }
    return [];
  };
  const problem = (control: string, does: unknown, allowed: unknown, service = "web"): string =>
    `${service}: ${control}: … uses ${JSON.stringify(does)}, … allow ${JSON.stringify(allowed)}; exempt … reason`;

  for (const [spec, exemption, policy] of BEYOND) {
    const { control, value } = exemption;
    it(`is allowed ${control} by exactly that exemption`, () => {
      assertLines(problemsOf(spec), [problem(control, value, policy)]);
      assertLines(problemsOf({ exemptions: [exemption] }), [problem(control, policy, value)]);
      assert.deepEqual(model({ ...spec, exemptions: [exemption] }).controls, {
        ...HARDENED,
        [control]: value,
      });
    });
  }

  it("is allowed to have no health check by exactly that exemption", () => {
    const exemption: Exemption = { control: "healthCheck", value: false, reason: REASON };
    const unchecked = { name: "web", image: "web:1", networks: [] };
    assert.throws(() => containerModel(unchecked), {
      message: patternOf(problem("healthCheck", false, true)),
    });
    assertLines(problemsOf({ exemptions: [exemption] }), [problem("healthCheck", true, false)]);
    expectHardened(containerModel({ ...unchecked, exemptions: [exemption] }), {
      controls: { healthCheck: false },
    });
  });

  it("needs an exemption for everything that it does", () => {
    assertLines(
      problemsOf({
        networks: [EDGE, EGRESS],
        exemptions: [{ control: "outsideNetworks", value: ["edge"], reason: REASON }],
      }),
      [problem("outsideNetworks", ["edge", "egress"], ["edge"])],
    );
    assertLines(
      problemsOf({
        ports: PORTS,
        exemptions: [{ control: "publishedPorts", value: [80, 443], reason: REASON }],
      }),
      [problem("publishedPorts", [80], [80, 443])],
    );
  });

  it("is refused with all problems at once, under the name of its service", () => {
    assertLines(
      problemsOf({
        service: "site",
        ports: PORTS,
        networks: [EGRESS],
        secretEnvironment: { KEY: "theSecret" },
      }),
      [
        problem("publishedPorts", [80], [], "site"),
        problem("outsideNetworks", ["egress"], [], "site"),
        problem("environmentSecrets", ["KEY"], [], "site"),
      ],
    );
  });
});

describe("goDuration", () => {
  const rows: readonly (readonly [number, string])[] = [
    [0, "0s"],
    [59, "59s"],
    [60, "1m0s"],
    [90, "1m30s"],
    [3600, "1h0m0s"],
    [3725, "1h2m5s"],
  ];
  for (const [seconds, text] of rows)
    it(`writes ${seconds} seconds as ${text}`, () => {
      assert.equal(goDuration(seconds), text);
    });
});
