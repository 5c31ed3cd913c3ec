import assert from "node:assert/strict";

import {
  Controls,
  controlsWith,
  EXEMPTIBLE,
  Exemption,
  HARDENED,
  HardeningError,
  isRoot,
  Limits,
  sameValue,
} from "../../../components/hardened/policy";

const REASON = "the image writes there at every start";

type Own = Parameters<typeof controlsWith>[1];

const problemsOf = (own: Own, exemptions: readonly unknown[] = []): readonly string[] => {
  try {
    controlsWith("web", own, exemptions as Exemption[]);
  } catch (error) {
    assert.ok(error instanceof HardeningError);
    assert.equal(error.message, error.problems.join("\n"));
    return error.problems;
  }
  return [];
};

describe("the policy", () => {
  it("is exactly this table", () => {
    assert.deepEqual(HARDENED, {
      user: "65532:65532",
      capabilities: [],
      readOnlyRootfs: true,
      noNewPrivileges: true,
      dockerSocket: false,
      hostPaths: [],
      hostCgroups: false,
      publishedPorts: [],
      outsideNetworks: [],
      environmentSecrets: [],
      healthCheck: true,
      memoryMiB: 256,
      cpus: 0.5,
      pidsLimit: 200,
      openFiles: 4096,
    });
  });

  it("cannot be changed by a module that imports it", () => {
    assert.throws(() => ((HARDENED as { readOnlyRootfs: boolean }).readOnlyRootfs = false), {
      name: "TypeError",
    });
    assert.throws(() => (HARDENED.capabilities as string[]).push("CAP_SYS_ADMIN"), {
      name: "TypeError",
    });
  });

  it("takes an exemption to change any control that is not a limit", () => {
    assert.deepEqual(
      Object.keys(HARDENED).filter((control) => !EXEMPTIBLE.some((one) => one === control)),
      ["memoryMiB", "cpus", "pidsLimit", "openFiles"],
    );
  });

  const chown: Exemption = { control: "capabilities", value: ["CAP_CHOWN"], reason: REASON };
  const root: Exemption = { control: "user", value: "0:0", reason: REASON };
  const limits = { memoryMiB: 64, cpus: 0.25, pidsLimit: 50, openFiles: 1024 };
  const rows: readonly (readonly [string, Own, readonly Exemption[], Partial<Controls>])[] = [
    ["applies unchanged to a service that sets nothing", {}, [], {}],
    [
      "accepts a user and limits without a reason",
      { user: "101:102", ...limits },
      [],
      { user: "101:102", ...limits },
    ],
    [
      "changes only the controls that are exempt",
      { memoryMiB: 64 },
      [root, chown],
      { memoryMiB: 64, user: "0:0", capabilities: ["CAP_CHOWN"] },
    ],
    [
      "takes the user of an exemption over the service's own",
      { user: "101:101" },
      [root],
      { user: "0:0" },
    ],
    [
      "accepts the lowest limits",
      { memoryMiB: 6, cpus: 0.01, pidsLimit: 1, openFiles: 64 },
      [],
      { memoryMiB: 6, cpus: 0.01, pidsLimit: 1, openFiles: 64 },
    ],
    [
      "accepts the highest limits",
      { memoryMiB: 65536, cpus: 64, pidsLimit: 32768, openFiles: 1048576 },
      [],
      { memoryMiB: 65536, cpus: 64, pidsLimit: 32768, openFiles: 1048576 },
    ],
  ];
  for (const [title, own, exemptions, differences] of rows)
    it(title, () => {
      assert.deepEqual(controlsWith("web", own, exemptions), { ...HARDENED, ...differences });
    });
});

describe("a user or limit outside the policy", () => {
  const LIMITS: readonly (readonly [keyof Limits, what: string, ...values: number[]])[] = [
    ["memoryMiB", "a whole number from 6 to 65536", 5, 65537, 64.5, NaN],
    ["cpus", "a number from 0.01 to 64", 0, 65, Infinity, NaN],
    ["pidsLimit", "a whole number from 1 to 32768", 0, -1, 32769],
    ["openFiles", "a whole number from 64 to 1048576", 63, 1048577],
  ];
  for (const [limit, what, ...values] of LIMITS)
    for (const value of values)
      it(`is refused: ${limit} ${value}`, () => {
        assert.deepEqual(problemsOf({ [limit]: value }), [
          `web: ${limit}: expected ${what}, got ${value}`,
        ]);
      });

  const USER = 'web: user: expected numeric "uid:gid", got';
  for (const user of ["nginx", "101", "101:101\n"])
    it(`is refused: user ${JSON.stringify(user)}`, () => {
      assert.deepEqual(problemsOf({ user }), [`${USER} ${JSON.stringify(user)}`]);
    });
  for (const user of ["0:101", "101:0", "000:1"])
    it(`is refused: user ${user}, which is root`, () => {
      assert.deepEqual(problemsOf({ user }), [
        `web: user: root (${user}) requires an exemption with a reason`,
      ]);
    });

  it("is refused with all problems at once", () => {
    assert.deepEqual(problemsOf({ memoryMiB: 0, cpus: 0, user: "root" }), [
      "web: memoryMiB: expected a whole number from 6 to 65536, got 0",
      "web: cpus: expected a number from 0.01 to 64, got 0",
      `${USER} "root"`,
    ]);
  });
});

describe("an exemption", () => {
  const of = (control: string, value: unknown, reason: unknown = REASON): unknown => ({
    control,
    value,
    reason,
  });
  const writable = (reason: unknown): unknown => of("readOnlyRootfs", false, reason);
  const SHORT = "expected a reason of at least 10 characters that explains the exemption";
  const DEFAULT = "equals the policy; remove it";
  const CAPABILITIES =
    'expected a list of Linux capabilities such as "CAP_CHOWN" without duplicates, got';

  const rows: readonly (readonly [unknown, string])[] = [
    [writable(""), SHORT],
    [writable("123456789"), SHORT],
    [writable("a         "), SHORT],
    [writable(null), SHORT],
    [
      writable("writes to /opt\nFORGED ROW"),
      'expected a reason on one line; for long ones, use ">-" in YAML',
    ],
    [writable("writes \u202eot setirw\u202c"), "expected a reason without invisible characters"],
    [writable("x".repeat(501)), "expected a reason of at most 500 characters"],
    [of("readOnlyRootfs", true), DEFAULT],
    [of("dockerSocket", false), DEFAULT],
    [of("capabilities", []), DEFAULT],
    [of("user", "65532:65532"), DEFAULT],
    ...["root", true, "a0:0", "0:0b", "12345678901:1"].map(
      (value) => [of("user", value), `expected "uid:gid", got ${JSON.stringify(value)}`] as const,
    ),
    ...[
      ...[["NET_ADMIN"], "CAP_CHOWN", ["ALL"], ["CAP_FOO"], ["CAP_CHOWN", "CAP_CHOWN"]],
      ...[["CAP_CHOWN,CAP_SYS_ADMIN"], ["all CAP_CHOWN"], ["CAP_chown"]],
    ].map(
      (value) => [of("capabilities", value), `${CAPABILITIES} ${JSON.stringify(value)}`] as const,
    ),
    ...["80", 0, 65536, 0.5].map(
      (port) =>
        [
          of("publishedPorts", [port]),
          `expected a list of port numbers, got [${JSON.stringify(port)}]`,
        ] as const,
    ),
    [of("user", "x".repeat(1000)), `expected "uid:gid", got "${"x".repeat(116)}...`],
    [of("hostPaths", [""]), 'expected a list of strings, got [""]'],
    [of("hostPaths", [5]), "expected a list of strings, got [5]"],
    [of("outsideNetworks", "edge"), 'expected a list of strings, got "edge"'],
    [of("environmentSecrets", [{}]), "expected a list of strings, got [{}]"],
    [of("readOnlyRootfs", "false"), 'expected true or false, got "false"'],
    [of("noNewPrivileges", undefined), "expected true or false, got null"],
    [of("dockerSocket", ["/run"]), 'expected true or false, got ["/run"]'],
    [of("healthCheck", 0), "expected true or false, got 0"],
    [of("memoryMiB", 512), `unknown control, expected one of ${EXEMPTIBLE.join(", ")}`],
  ];
  for (const [exemption, problem] of rows)
    it(`is refused: ${JSON.stringify(exemption).slice(0, 80)}, ${problem.slice(0, 60)}`, () => {
      const { control } = exemption as Exemption;
      assert.deepEqual(problemsOf({}, [exemption]), [`web: exemption ${control}: ${problem}`]);
    });

  it("may have a reason of 10 to 500 characters, and any port", () => {
    for (const exemption of [
      ...[writable("1234567890"), writable("x".repeat(500))],
      of("publishedPorts", [1, 65535]),
    ])
      assert.deepEqual(problemsOf({}, [exemption]), []);
  });

  // The rows of capabilities(7), by their number in linux/capability.h.
  const ALL_CAPABILITIES =
    `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
    LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
    SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE
    AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF
    CHECKPOINT_RESTORE`.split(/\s+/);
  it("may add each capability that Linux has", () => {
    const names = ALL_CAPABILITIES.map((name) => `CAP_${name}`);
    assert.equal(new Set(names).size, 41);
    for (const name of names) assert.deepEqual(problemsOf({}, [of("capabilities", [name])]), []);
  });

  it("shows a value of up to 120 characters in full", () => {
    const value = "x".repeat(118);
    assert.deepEqual(problemsOf({}, [of("user", value)]), [
      `web: exemption user: expected "uid:gid", got "${value}"`,
    ]);
  });

  it("is reported together with all other problems, and may be given once only", () => {
    assert.deepEqual(
      problemsOf({ memoryMiB: 1 }, [
        of("capabilities", ["CAP_CHOWN"]),
        of("capabilities", ["CAP_FOWNER"]),
        of("healthCheck", true, "short"),
      ]),
      [
        "web: memoryMiB: expected a whole number from 6 to 65536, got 1",
        "web: exemption capabilities: given twice; merge them into one",
        `web: exemption healthCheck: ${SHORT}`,
        `web: exemption healthCheck: ${DEFAULT}`,
      ],
    );
  });
});

describe("sameValue", () => {
  type Value = Controls["capabilities"] | boolean;
  const rows: readonly (readonly [Value, Value, boolean])[] = [
    [["CAP_A", "CAP_B"], ["CAP_B", "CAP_A"], true],
    [["CAP_A"], ["CAP_A", "CAP_B"], false],
    [["CAP_A", "CAP_A"], ["CAP_A"], false],
    [[], [], true],
    [["a,b"], ["a", "b"], false],
    [true, true, true],
    [true, false, false],
  ];
  for (const [a, b, same] of rows)
    it(`is ${same} for ${JSON.stringify(a)} and ${JSON.stringify(b)}`, () => {
      assert.equal(sameValue(a, b), same);
    });
});

describe("isRoot", () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ...["0:0", "0", "00", "0:1000", "1000:0", "1000:00", ":0", ""].map((u) => [u, true] as const),
    ...["1000:1000", "1000", "10:10", "1:100", "1:01"].map((u) => [u, false] as const),
  ];
  for (const [user, root] of rows)
    it(`is ${root} for "${user}"`, () => {
      assert.equal(isRoot(user), root);
    });
});
