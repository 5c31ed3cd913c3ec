import assert from "node:assert/strict";

import { Exemption } from "../../../../components/hardened/policy";
import { cisHeadline, cisLead, cisReport, CisResult } from "../../../../tools/report/cis/cis";
import { CIS_RULES } from "../../../../tools/report/cis/rules";
import { ContainerFacts } from "../../../../tools/report/cis/facts";

const MINIMAL: ContainerFacts = {
  name: "c",
  image: `nginx:1@sha256:${"a".repeat(64)}`,
  command: ["nginx"],
  user: "101:101",
  capDrop: ["ALL"],
  capAdd: [],
  privileged: false,
  readOnlyRootfs: true,
  securityOpts: ["no-new-privileges:true"],
  appArmor: "docker-default",
  seLinux: "system_u:system_r:container_t:s0:c1,c2",
  memory: 64 * 1024 ** 2,
  cpus: 0.5,
  cpuShares: 0,
  pidsLimit: 100,
  ulimits: ["nofile"],
  mounts: [],
  devices: [],
  networks: ["stack-edge"],
  namespaces: { pid: "", ipc: "private", uts: "", user: "" },
  cgroupParent: "",
  restart: { policy: "on-failure", retries: 5 },
  ports: [],
  healthCheck: true,
};

const hostPath = (source: string, writable = false, target = "/x") => ({
  kind: "host path" as const,
  source,
  target,
  writable,
  propagation: "rprivate",
});
const port = (published: number, address = "127.0.0.1") => ({
  address,
  published,
  internal: 8080,
  protocol: "tcp",
});

const verdicts = (
  facts: Partial<ContainerFacts>,
  exemptions: readonly Exemption[] = [],
): readonly CisResult[] => cisReport([{ facts: { ...MINIMAL, ...facts }, exemptions }]).results;

const findings = (
  facts: Partial<ContainerFacts>,
  exemptions: readonly Exemption[] = [],
): string[] =>
  verdicts(facts, exemptions)
    .filter(({ verdict }) => verdict === "finding")
    .map(({ id, detail }) => `${id} ${detail}`);

describe("CIS section 5", () => {
  it("has its 32 items, in order", () => {
    assert.deepEqual(
      CIS_RULES.map(({ id }) => id),
      Array.from({ length: 32 }, (_, index) => `5.${index + 1}`),
    );
  });

  it("finds nothing in a container that has all of it", () => {
    const results = verdicts({});
    const not = (verdict: string): string[] =>
      results.filter((result) => result.verdict === verdict).map(({ id }) => id);
    assert.deepEqual(not("finding"), []);
    assert.deepEqual(not("exempt"), []);
    assert.deepEqual(not("host"), ["5.1", "5.23", "5.24", "5.28"]);
    assert.deepEqual(not("not applicable"), ["5.8", "5.14"]);
  });

  it("leaves to the host what nobody knows of a container that does not run yet", () => {
    const { appArmor, seLinux, ...before } = MINIMAL;
    assert.notEqual(appArmor, seLinux);
    const told = (facts: ContainerFacts): string =>
      cisReport([{ facts, exemptions: [] }])
        .results.filter(({ id }) => id === "5.2" || id === "5.3")
        .map(({ id, verdict, detail }) => `${id} ${verdict}: ${detail}`)
        .join("\n");
    assert.match(told(before), /^5\.2 host: .* if .*AppArmor\n5\.3 host: .* if .*SELinux$/);
    assert.match(
      told({ ...before, appArmor: "", seLinux: "" }),
      /^5\.2 finding: .*without an AppArmor profile\n5\.3 host: .* if .*SELinux$/,
    );
    assert.match(told(MINIMAL), /^5\.2 pass: .*AppArmor.*\n5\.3 pass: .*SELinux.*$/);
  });

  it("never says that the latest version of an image is used, only whether it is pinned", () => {
    const told = (image: string): string =>
      verdicts({ image })
        .filter(({ id }) => id === "5.28")
        .map(({ verdict, title, detail }) => `${title}: ${verdict}: ${detail}`)
        .join("\n");
    assert.match(
      told(MINIMAL.image),
      /^The latest version of the image is used: host: pinned by digest; "npm run pin -- --check" .*tag has moved, the operator decides /,
    );
    assert.equal(
      told("nginx:1"),
      "The latest version of the image is used: finding: its image has no digest yet",
    );
  });

  const weakenings: readonly (readonly [Partial<ContainerFacts>, ...string[]])[] = [
    [
      { securityOpts: ["no-new-privileges:true", "apparmor=unconfined"] },
      "5.2 runs without an AppArmor profile",
    ],
    [{ appArmor: "unconfined" }, "5.2 runs without an AppArmor profile"],
    [{ appArmor: "" }, "5.2 runs without an AppArmor profile"],
    [
      { securityOpts: ["no-new-privileges:true", "label:disable"] },
      "5.3 runs without an SELinux label",
    ],
    [{ capAdd: ["CAP_CHOWN", "CAP_SYS_PTRACE"] }, "5.4 adds CAP_CHOWN, adds CAP_SYS_PTRACE"],
    [{ capDrop: [] }, "5.4 keeps Docker's default capabilities"],
    [
      { capDrop: ["CAP_NET_RAW"], capAdd: ["CAP_CHOWN"] },
      "5.4 keeps Docker's default capabilities, adds CAP_CHOWN",
    ],
    [{ privileged: true }, "5.5 is privileged"],
    [{ mounts: [hostPath("/etc")] }, "5.6 mounts /etc read-only"],
    [{ mounts: [hostPath("/", true)] }, "5.6 mounts / writable"],
    [{ mounts: [hostPath("/proc/1")] }, "5.6 mounts /proc/1 read-only"],
    [{ mounts: [hostPath("/etcetera"), hostPath("/srv")] }],
    [{ command: ["/usr/sbin/sshd", "-D"] }, "5.7 serves SSH"],
    [{ command: ["sshd-exporter"] }],
    [{ ports: [port(1023)] }, "5.8 publishes port 1023", "5.9 127.0.0.1:1023 to 8080"],
    [{ ports: [port(1024)] }, "5.9 127.0.0.1:1024 to 8080"],
    [{ networks: ["host"] }, "5.10 is on the host's network"],
    [{ memory: 0 }, "5.11 has no memory limit"],
    [{ cpus: 0 }, "5.12 has no CPU limit"],
    [{ cpus: 0, cpuShares: 512 }],
    [{ readOnlyRootfs: false }, "5.13 has a writable root file system"],
    [
      { ports: [port(8080, "0.0.0.0"), port(8081, "::")] },
      "5.9 0.0.0.0:8080 to 8080, [::]:8081 to 8080",
      "5.14 8080 on all interfaces (0.0.0.0), 8081 on all interfaces (::)",
    ],
    [
      { ports: [port(8080, "::0"), port(8081, "0:0:0:0:0:0:0:0"), port(8082, "::1")] },
      "5.9 [::0]:8080 to 8080, [0:0:0:0:0:0:0:0]:8081 to 8080, [::1]:8082 to 8080",
      "5.14 8080 on all interfaces (::0), 8081 on all interfaces (0:0:0:0:0:0:0:0)",
    ],
    [{ restart: { policy: "on-failure", retries: 1 } }],
    [{ restart: { policy: "on-failure", retries: 0 } }, "5.15 restarts on-failure without a limit"],
    [{ restart: { policy: "on-failure", retries: 6 } }, "5.15 restarts on-failure 6 times"],
    [{ restart: { policy: "always", retries: 0 } }, "5.15 restarts always"],
    [{ restart: { policy: "no", retries: 0 } }],
    [
      { namespaces: { ...MINIMAL.namespaces, pid: "host" } },
      "5.16 shares the host's process namespace",
    ],
    [
      { namespaces: { ...MINIMAL.namespaces, ipc: "host" } },
      "5.17 shares the host's IPC namespace",
    ],
    [{ devices: ["/dev/kmsg"] }, "5.18 has /dev/kmsg"],
    [{ ulimits: [] }, "5.19 has only the default limits of Docker"],
    [{ mounts: [{ ...hostPath("/srv"), propagation: "rshared" }] }, "5.20 shares /x"],
    [
      { namespaces: { ...MINIMAL.namespaces, uts: "host" } },
      "5.21 shares the host's UTS namespace",
    ],
    [
      { securityOpts: ["no-new-privileges:true", "seccomp=unconfined"] },
      "5.22 runs without seccomp",
    ],
    [{ cgroupParent: "/other" }, "5.25 is under /other"],
    [{ securityOpts: [] }, "5.26 may gain privileges through set-uid programs"],
    [
      { securityOpts: ["no-new-privileges:false"] },
      "5.26 may gain privileges through set-uid programs",
    ],
    [{ securityOpts: ["no-new-privileges"] }],
    [{ healthCheck: false }, "5.27 has no health check"],
    [{ image: "nginx:1" }, "5.28 its image has no digest yet"],
    [{ pidsLimit: 0 }, "5.29 may start any number of processes"],
    [{ networks: ["bridge", "stack-edge"] }, "5.30 is on the default bridge"],
    [{ networks: [] }, "5.30 is on the default bridge"],
    [
      { namespaces: { ...MINIMAL.namespaces, user: "host" } },
      "5.31 uses the host's user namespace",
    ],
    [
      { mounts: [hostPath("/run/user/docker.sock")] },
      "5.32 mounts /run/user/docker.sock read-only",
    ],
    [
      { mounts: [hostPath("/srv/engine.socket", false, "/var/run/docker.sock")] },
      "5.32 mounts /srv/engine.socket read-only",
    ],
    [{ mounts: [{ ...hostPath("docker.sock"), kind: "volume" }] }],
    [{ mounts: [hostPath("/srv/engine.socket"), hostPath("/srv/notdocker.sock")] }],
  ];
  for (const [facts, ...expected] of weakenings)
    it(`finds ${expected.join(" and ") || "nothing"} with ${JSON.stringify(facts)}`, () => {
      assert.deepEqual(findings(facts), expected);
    });

  it("takes unless-stopped as a decision of the policy, with its reason", () => {
    const { verdict, reason } =
      verdicts({ restart: { policy: "unless-stopped", retries: 0 } }).find(
        ({ id }) => id === "5.15",
      ) ?? assert.fail();
    assert.equal(verdict, "exempt");
    assert.match(reason ?? "", /^unless-stopped: /);
  });

  for (const cgroupParent of ["/pinned-stack/dev/web", "pinnedstack-dev-web.slice"])
    it(`takes the parent ${cgroupParent} as a decision of the policy, with its reason`, () => {
      const { verdict, detail, reason } =
        verdicts({ cgroupParent }).find(({ id }) => id === "5.25") ?? assert.fail();
      assert.deepEqual([verdict, detail], ["exempt", `is under ${cgroupParent}`]);
      assert.match(reason ?? "", /^a parent without limits, named after the container: /);
    });

  const reason = "a reason that a reader can judge";
  // What an exemption allows, what goes beyond it, and what is said of the rest.
  const exempted: readonly (readonly [
    Pick<Exemption, "control" | "value">,
    Partial<ContainerFacts>,
    readonly string[],
    (readonly [Partial<ContainerFacts>, ...string[]])?,
  ])[] = [
    [
      { control: "capabilities", value: ["CAP_CHOWN"] },
      { capAdd: ["CAP_CHOWN"] },
      ["5.4"],
      [{ capAdd: ["CAP_CHOWN", "CAP_SYS_ADMIN"] }, "5.4 adds CAP_SYS_ADMIN"],
    ],
    [
      { control: "hostPaths", value: ["/sys"] },
      { mounts: [hostPath("/sys")] },
      ["5.6"],
      [
        { mounts: [hostPath("/sys"), hostPath("/etc"), hostPath("/proc", true)] },
        "5.6 mounts /etc read-only, mounts /proc writable",
      ],
    ],
    [
      { control: "hostCgroups", value: true },
      { mounts: [hostPath("/sys/fs/cgroup/memory"), hostPath("/sys/fs/cgroup/cpu,cpuacct")] },
      ["5.6"],
      [
        {
          mounts: [
            hostPath("/sys/fs/cgroup/memory", true),
            hostPath("/sys/fs/cgroup"),
            hostPath("/sys/kernel"),
          ],
        },
        "5.6 mounts /sys/fs/cgroup/memory writable, mounts /sys/fs/cgroup read-only, mounts /sys/kernel read-only",
      ],
    ],
    [
      { control: "publishedPorts", value: [8080] },
      { ports: [port(443, "0.0.0.0")] },
      ["5.8", "5.9", "5.14"],
      [
        { ports: [port(443, "0.0.0.0"), { ...port(90, "::"), internal: 9000 }] },
        "5.8 publishes port 90",
        "5.9 [::]:90 to 9000",
        "5.14 90 on all interfaces (::)",
      ],
    ],
    [{ control: "readOnlyRootfs", value: false }, { readOnlyRootfs: false }, ["5.13"]],
    [{ control: "noNewPrivileges", value: false }, { securityOpts: [] }, ["5.26"]],
    [{ control: "healthCheck", value: false }, { healthCheck: false }, ["5.27"]],
    [
      { control: "dockerSocket", value: true },
      { mounts: [hostPath("/var/run/docker.sock")] },
      ["5.32"],
      [
        { mounts: [hostPath("/var/run/docker.sock", true)] },
        "5.32 mounts /var/run/docker.sock writable",
      ],
    ],
  ];
  for (const [exemption, facts, ids, beyond] of exempted) {
    const given = [{ ...exemption, reason } as Exemption];
    it(`is satisfied by an exemption from ${exemption.control} in ${ids.join(", ")} and nowhere else`, () => {
      const before = verdicts(facts);
      const after = verdicts(facts, given);
      const changed = after.filter(({ verdict }, index) => verdict !== before[index]?.verdict);
      assert.deepEqual(
        changed.map(({ id, verdict, reason: told }) => [id, verdict, told]),
        ids.map((id) => [id, "exempt", reason]),
      );
      // The reason is for its control only.
      const other = [{ control: "user", value: "0:0", reason } as const];
      assert.deepEqual(verdicts(facts, other), before);
    });
    if (beyond === undefined) continue;
    const [more, ...expected] = beyond;
    it(`finds what goes beyond an exemption from ${exemption.control}: ${expected.join("; ")}`, () => {
      assert.deepEqual(findings(more, given), expected);
    });
  }

  it("says the same of mounts in whatever order the engine lists them", () => {
    const mounts = [hostPath("/etc", false, "/b"), hostPath("/sys", false, "/a")];
    const expected = ["5.6 mounts /sys read-only, mounts /etc read-only"];
    assert.deepEqual(
      [findings({ mounts }), findings({ mounts: mounts.reverse() })],
      [expected, expected],
    );
  });

  it("takes no exemption of folders for a writable mount", () => {
    const given: Exemption[] = [{ control: "hostPaths", value: ["/etc"], reason }];
    assert.deepEqual(findings({ mounts: [hostPath("/etc", true)] }, given), [
      "5.6 mounts /etc writable",
    ]);
  });

  it("counts in its headline", () => {
    const facts = { ...MINIMAL, memory: 0, readOnlyRootfs: false };
    const exemptions: Exemption[] = [{ control: "readOnlyRootfs", value: false, reason }];
    assert.equal(cisHeadline(cisReport([{ facts, exemptions }])), "1 finding, 1 justified");
    const none = cisReport([]);
    assert.equal(cisHeadline(none), "0 findings, 0 justified");
    assert.match(cisLead("s", none), /^stack s, CIS .*: 0 findings, 0 justified$/);
  });
});
