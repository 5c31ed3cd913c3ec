import assert from "node:assert/strict";

import {
  healthOf,
  mebibytes,
  pairsOf,
  portsOf,
  seconds,
  shellWord,
  shellWords,
  volumeOf,
} from "../../../../tools/import/compose/syntax";

describe("the short and long forms of a Compose file", () => {
  it("of ports are read alike", () => {
    const tcp = { protocol: "tcp" };
    for (const [item, expected] of [
      ["80", [{ target: 80, ...tcp }]],
      ["8080:80", [{ published: 8080, target: 80, ...tcp }]],
      ["127.0.0.1:8080:80", [{ address: "127.0.0.1", published: 8080, target: 80, ...tcp }]],
      ["[::1]:8080:80", [{ address: "::1", published: 8080, target: 80, ...tcp }]],
      [":2283:2283", [{ published: 2283, target: 2283, ...tcp }]],
      ["53:53/udp", [{ published: 53, target: 53, protocol: "udp" }]],
      [
        "9000-9001:80-81",
        [
          { published: 9000, target: 80, ...tcp },
          { published: 9001, target: 81, ...tcp },
        ],
      ],
      [
        { target: "80", published: "8080", host_ip: "127.0.0.1" },
        [{ address: "127.0.0.1", published: 8080, target: 80, ...tcp }],
      ],
      [{ target: "53", protocol: "udp" }, [{ target: 53, protocol: "udp" }]],
      ["0:80", undefined],
      ["80:70000", undefined],
      ["1-60000:1-60000", undefined],
      ["8000-8002:80", undefined],
      ["http", undefined],
      ["", undefined],
    ] as const)
      assert.deepEqual(portsOf(item), expected, JSON.stringify(item));
  });

  it("of volumes are read alike", () => {
    for (const [item, expected] of [
      ["data:/d/", { type: "volume", source: "data", target: "/d", readOnly: false }],
      ["data:/d:ro,z", { type: "volume", source: "data", target: "/d", readOnly: true }],
      ["/d", { type: "volume", target: "/d", readOnly: false }],
      ["./a:/d", { type: "bind", source: "./a", target: "/d", readOnly: false }],
      ["~/a:/d", { type: "bind", source: "~/a", target: "/d", readOnly: false }],
      [
        "/:/host:ro,rslave",
        { type: "bind", source: "/", target: "/host", readOnly: true, special: "rslave" },
      ],
      [
        { type: "bind", source: "./a", target: "/d", read_only: true },
        { type: "bind", source: "./a", target: "/d", readOnly: true },
      ],
      [
        { type: "volume", source: "v", target: "/d", volume: { subpath: "x" } },
        { type: "volume", source: "v", target: "/d", readOnly: false, special: "x" },
      ],
      [
        { type: "tmpfs", target: "/d", tmpfs: { size: "67108864" } },
        { type: "tmpfs", target: "/d", readOnly: false, sizeMiB: 64 },
      ],
      [{ type: "npipe", source: "x", target: "/d" }, undefined],
      ["data:relative", undefined],
      ["C:\\data:/d", undefined],
      ["", undefined],
      [true, undefined],
    ] as const)
      assert.deepEqual(volumeOf(item), expected, JSON.stringify(item));
  });

  it("of maps and lists are pairs", () => {
    const pairs = [
      ["A", "1"],
      ["B", undefined],
      ["C", "x=y"],
    ];
    assert.deepEqual(pairsOf(["A=1", "B", "C=x=y"]), pairs);
    assert.deepEqual(pairsOf({ A: "1", B: null, C: "x=y" }), pairs);
  });

  it("of commands are words, as a shell splits them", () => {
    for (const [text, words] of [
      ["serve --port 80", ["serve", "--port", "80"]],
      [`sh -c "echo \\"a b\\" $X" 'c d'e\\ f`, ["sh", "-c", 'echo "a b" $X', "c de f"]],
      ["a '' b", ["a", "", "b"]],
      ["  ", []],
      ["'open", undefined],
      ['"open', undefined],
    ] as const)
      assert.deepEqual(shellWords(text), words, text);
    for (const word of ["plain", "two words", "it's", "$(x)", "", "~/a"])
      assert.deepEqual(shellWords(shellWord(word)), [word]);
  });

  it("of sizes and durations are numbers", () => {
    assert.deepEqual(
      ["512m", "1.5G", "1gb", "64MiB", "1048577", "100k", "x", "-1", "1e9g"].map(mebibytes),
      [512, 1536, 1024, 64, 2, 1, undefined, undefined, undefined],
    );
    assert.deepEqual(["30s", "1m30s", "1h", "500ms", "1.5s", "30", "", "s"].map(seconds), [
      30,
      90,
      3600,
      1,
      2,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("of health checks are lists", () => {
    assert.deepEqual(healthOf({ test: "curl -f x" }), { test: ["CMD-SHELL", "curl -f x"] });
    assert.deepEqual(healthOf({ test: ["CMD", "a"], start_period: "1m" }), {
      test: ["CMD", "a"],
      startPeriod: 60,
    });
    assert.equal(healthOf({ test: ["NONE"] }), "none");
    assert.equal(healthOf({ disable: true }), "none");
    assert.equal(healthOf({ disable: false }), undefined);
    assert.equal(healthOf({ test: [] }), undefined);
    assert.equal(healthOf(null), undefined);
  });
});
