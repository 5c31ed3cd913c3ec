import assert from "node:assert/strict";

import {
  Controls,
  controlsWith,
  EXEMPTIBLE,
  Exemption,
  HARDENED,
  HardeningError,
  Measures,
  restrictionRow,
  sameValue,
} from "../../../components/hardened/policy";

const REASON = "the image writes there at every start";

const problemsOf = (measures: unknown, exemptions: readonly unknown[] = []): readonly string[] => {
  try {
    controlsWith("web", measures as Measures, exemptions as Exemption[]);
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

  it("asks an exemption for every control that is not a limit", () => {
    assert.deepEqual(
      Object.keys(HARDENED).filter(
        (control) => !(EXEMPTIBLE as readonly string[]).includes(control),
      ),
      ["memoryMiB", "cpus", "pidsLimit", "openFiles"],
    );
  });

  it("applies as it is to a service that says nothing", () => {
    assert.deepEqual(controlsWith("web", {}, []), HARDENED);
  });

  it("takes a service's own user and limits without a reason", () => {
    assert.deepEqual(
      controlsWith(
        "web",
        { user: "101:102", memoryMiB: 64, cpus: 0.25, pidsLimit: 50, openFiles: 1024 },
        [],
      ),
      {
        ...HARDENED,
        user: "101:102",
        memoryMiB: 64,
        cpus: 0.25,
        pidsLimit: 50,
        openFiles: 1024,
      },
    );
  });

  it("is left one control at a time, for the value that is given", () => {
    const exemptions: readonly Exemption[] = [
      { control: "user", value: "0:0", reason: REASON },
      { control: "capabilities", value: ["CAP_CHOWN"], reason: REASON },
    ];
    assert.deepEqual(controlsWith("web", { memoryMiB: 64 }, exemptions), {
      ...HARDENED,
      memoryMiB: 64,
      user: "0:0",
      capabilities: ["CAP_CHOWN"],
    });
  });

  it("takes an exemption's user over the service's own", () => {
    const root: Exemption = { control: "user", value: "0:0", reason: REASON };
    assert.equal(controlsWith("web", { user: "101:101" }, [root]).user, "0:0");
  });
});

describe("a measure out of bounds", () => {
  const rows: readonly (readonly [Measures, ...string[]])[] = [
    [{ memoryMiB: 5 }, "web: memoryMiB: expected a whole number from 6 to 65536, got 5"],
    [{ memoryMiB: 65537 }, "web: memoryMiB: expected a whole number from 6 to 65536, got 65537"],
    [{ memoryMiB: 64.5 }, "web: memoryMiB: expected a whole number from 6 to 65536, got 64.5"],
    [{ memoryMiB: 0 }, "web: memoryMiB: expected a whole number from 6 to 65536, got 0"],
    [{ memoryMiB: NaN }, "web: memoryMiB: expected a whole number from 6 to 65536, got NaN"],
    [{ cpus: 0 }, "web: cpus: expected a number from 0.01 to 64, got 0"],
    [{ cpus: Infinity }, "web: cpus: expected a number from 0.01 to 64, got Infinity"],
    [{ cpus: NaN }, "web: cpus: expected a number from 0.01 to 64, got NaN"],
    [{ pidsLimit: 0 }, "web: pidsLimit: expected a whole number from 1 to 32768, got 0"],
    [{ pidsLimit: -1 }, "web: pidsLimit: expected a whole number from 1 to 32768, got -1"],
    [{ openFiles: 63 }, "web: openFiles: expected a whole number from 64 to 1048576, got 63"],
    [{ user: "nginx" }, 'web: user: expected numeric "uid:gid", got "nginx"'],
    [{ user: "101" }, 'web: user: expected numeric "uid:gid", got "101"'],
    [{ user: "101:101\n" }, String.raw`web: user: expected numeric "uid:gid", got "101:101\n"`],
    [{ user: "0:0" }, "web: user: root (0:0) takes an exemption with a reason"],
    [{ user: "0:101" }, "web: user: root (0:101) takes an exemption with a reason"],
    [{ user: "101:0" }, "web: user: root (101:0) takes an exemption with a reason"],
    [{ user: "000:1" }, "web: user: root (000:1) takes an exemption with a reason"],
    [
      { memoryMiB: 0, cpus: 0, user: "root" },
      "web: memoryMiB: expected a whole number from 6 to 65536, got 0",
      "web: cpus: expected a number from 0.01 to 64, got 0",
      'web: user: expected numeric "uid:gid", got "root"',
    ],
  ];
  for (const [measures, ...lines] of rows)
    it(`gets ${lines.join(" and ")}`, () => {
      assert.deepEqual(problemsOf(measures), lines);
    });

  it("does not include the bounds themselves", () => {
    assert.deepEqual(
      problemsOf({ memoryMiB: 6, cpus: 0.01, pidsLimit: 1, openFiles: 64, user: "1:1" }),
      [],
    );
    assert.deepEqual(
      problemsOf({ memoryMiB: 65536, cpus: 64, pidsLimit: 32768, openFiles: 1048576 }),
      [],
    );
  });
});

describe("an exemption that is refused", () => {
  const REASON_PROBLEM = "expected a reason of 10 characters or more that a reader can judge";
  const of = (control: string, value: unknown, reason: unknown = REASON): unknown => ({
    control,
    value,
    reason,
  });
  const rows: readonly (readonly [unknown, string])[] = [
    [of("readOnlyRootfs", false, ""), `readOnlyRootfs: ${REASON_PROBLEM}`],
    [of("readOnlyRootfs", false, "legacy"), `readOnlyRootfs: ${REASON_PROBLEM}`],
    [of("readOnlyRootfs", false, "a         "), `readOnlyRootfs: ${REASON_PROBLEM}`],
    [of("readOnlyRootfs", false, null), `readOnlyRootfs: ${REASON_PROBLEM}`],
    [
      of("readOnlyRootfs", false, "writes to /opt\nFORGED ROW"),
      'readOnlyRootfs: expected a reason on one line; YAML folds longer ones after ">-"',
    ],
    [
      of("readOnlyRootfs", false, "writes \u202eot setirw\u202c"),
      "readOnlyRootfs: expected a reason without invisible characters",
    ],
    [
      of("readOnlyRootfs", false, "x".repeat(501)),
      "readOnlyRootfs: expected a reason of 500 characters or less",
    ],
    [of("readOnlyRootfs", true), "readOnlyRootfs: equals the default, remove it"],
    [of("noNewPrivileges", true), "noNewPrivileges: equals the default, remove it"],
    [of("dockerSocket", false), "dockerSocket: equals the default, remove it"],
    [of("healthCheck", true), "healthCheck: equals the default, remove it"],
    [of("capabilities", []), "capabilities: equals the default, remove it"],
    [of("user", "65532:65532"), "user: equals the default, remove it"],
    [of("user", "root"), 'user: expected "uid:gid", got "root"'],
    [of("user", true), 'user: expected "uid:gid", got true'],
    [
      of("capabilities", ["NET_ADMIN"]),
      'capabilities: expected a list of Linux capabilities such as "CAP_CHOWN", each once, got ["NET_ADMIN"]',
    ],
    [
      of("capabilities", "CAP_CHOWN"),
      'capabilities: expected a list of Linux capabilities such as "CAP_CHOWN", each once, got "CAP_CHOWN"',
    ],
    [
      of("capabilities", ["ALL"]),
      'capabilities: expected a list of Linux capabilities such as "CAP_CHOWN", each once, got ["ALL"]',
    ],
    [
      of("capabilities", ["CAP_FOO"]),
      'capabilities: expected a list of Linux capabilities such as "CAP_CHOWN", each once, got ["CAP_FOO"]',
    ],
    [
      of("capabilities", ["CAP_CHOWN", "CAP_CHOWN"]),
      'capabilities: expected a list of Linux capabilities such as "CAP_CHOWN", each once, got ["CAP_CHOWN","CAP_CHOWN"]',
    ],
    [of("publishedPorts", ["80"]), 'publishedPorts: expected a list of port numbers, got ["80"]'],
    [of("hostPaths", [""]), 'hostPaths: expected a list of texts, got [""]'],
    [of("outsideNetworks", "edge"), 'outsideNetworks: expected a list of texts, got "edge"'],
    [of("environmentSecrets", [1]), "environmentSecrets: expected a list of texts, got [1]"],
    [of("readOnlyRootfs", "false"), 'readOnlyRootfs: expected true or false, got "false"'],
    [of("dockerSocket", ["/run"]), 'dockerSocket: expected true or false, got ["/run"]'],
    [
      of("memoryMiB", 512),
      "memoryMiB: no such control, expected one of user, capabilities, readOnlyRootfs, noNewPrivileges, dockerSocket, hostPaths, publishedPorts, outsideNetworks, environmentSecrets, healthCheck",
    ],
  ];
  for (const [exemption, line] of rows)
    it(`gets ${line.slice(0, 100)}`, () => {
      assert.deepEqual(problemsOf({}, [exemption]), [`web: exemption ${line}`]);
    });

  it("is reported together with all others, and a control only once", () => {
    assert.deepEqual(
      problemsOf({ memoryMiB: 1 }, [
        of("capabilities", ["CAP_CHOWN"]),
        of("capabilities", ["CAP_FOWNER"]),
        of("healthCheck", true, "short"),
      ]),
      [
        "web: memoryMiB: expected a whole number from 6 to 65536, got 1",
        "web: exemption capabilities: given twice, give one with all of the value",
        `web: exemption healthCheck: ${REASON_PROBLEM}`,
        "web: exemption healthCheck: equals the default, remove it",
      ],
    );
  });

  it("has one character less than the shortest reason", () => {
    assert.equal(problemsOf({}, [of("readOnlyRootfs", false, "123456789")]).length, 1);
    assert.deepEqual(problemsOf({}, [of("readOnlyRootfs", false, "1234567890")]), []);
  });
});

describe("sameValue", () => {
  const rows: readonly (readonly [
    Controls["capabilities"] | boolean,
    Controls["capabilities"] | boolean,
    boolean,
  ])[] = [
    [["CAP_A", "CAP_B"], ["CAP_B", "CAP_A"], true],
    [["CAP_A"], ["CAP_A", "CAP_B"], false],
    [["CAP_A", "CAP_A"], ["CAP_A"], false],
    [[], [], true],
    [["a,b"], ["a", "b"], false],
    [true, true, true],
    [true, false, false],
  ];
  for (const [a, b, same] of rows)
    it(`says that ${JSON.stringify(a)} is ${same ? "" : "not "}${JSON.stringify(b)}`, () => {
      assert.equal(sameValue(a, b), same);
    });
});

describe("a row of the restrictions table", () => {
  it("tells what applies to a hardened service", () => {
    assert.deepEqual(restrictionRow("web", "web-1", HARDENED, []), {
      service: "web",
      containers: ["web-1"],
      user: "65532:65532",
      capDrop: ["ALL"],
      capAdd: [],
      readOnlyRootfs: true,
      noNewPrivileges: true,
      pidsLimit: 200,
      memoryMiB: 256,
      cpus: 0.5,
      healthCheck: true,
      status: "hardened",
      exemptions: [],
    });
  });

  it("tells each exemption and its reason", () => {
    const exemptions: readonly Exemption[] = [
      { control: "readOnlyRootfs", value: false, reason: "it unpacks itself into /opt" },
      { control: "capabilities", value: ["CAP_CHOWN"], reason: "it gives its files away" },
    ];
    const row = restrictionRow("web", "web", controlsWith("web", {}, exemptions), exemptions);
    assert.equal(row.readOnlyRootfs, false);
    assert.deepEqual(row.capAdd, ["CAP_CHOWN"]);
    assert.equal(
      row.status,
      "exempt: readOnlyRootfs: it unpacks itself into /opt; capabilities: it gives its files away",
    );
    assert.deepEqual(row.exemptions, exemptions);
  });
});
