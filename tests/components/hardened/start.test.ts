/** The script that starts a container, run with a fake `docker`: what runs afterwards, and with which data. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { ContainerSpec, containerModel } from "../../../components/hardened/model";
import {
  detached,
  START_LIBRARY,
  startFunctions,
  startScript,
  StartSettings,
} from "../../../components/hardened/start";
import { quote } from "../../../host/shell-quote";
import {
  Behaviour,
  fakeContainers,
  FakeContainers,
  Kill,
  someMoments,
} from "../../support/fake-containers";
import { plainEnvironment, Result, run } from "../../support/run";

const DATA = [{ kind: "data", volume: "web-data", path: "/data", chown: false }] as const;
const VOLUME = "test-web-data";

const settingsOf = (spec: Partial<ContainerSpec> = {}): StartSettings => ({
  model: containerModel({
    name: "web",
    image: "web:2",
    health: { command: ["check"] },
    question: { command: ["ask", "it's"] },
    networks: [],
    pidsLimit: 50,
    stopGraceSeconds: 20,
    ...spec,
  }),
  name: "test-web",
  toolImage: "tools:1",
  after: `docker exec "$1" setup`,
});
const scriptOf = (spec: Partial<ContainerSpec> = {}, id = "new"): string =>
  `export new=${id}\n${startScript(settingsOf(spec))}`;
const START_FIRST = scriptOf();
const STOP_FIRST = scriptOf({ mounts: DATA });

/** Looks, locks and markers. */
const NOTES = /^(?:inspect|ps|create|rm|volume (?:ls|create|rm)) /;

describe("the start of a container", () => {
  let host: FakeContainers;
  beforeEach(() => {
    host = fakeContainers();
    // Another container of the stack, which none of this concerns.
    host.add("other", { name: "test-other", image: "other:1", status: "running" });
  });
  afterEach(() => {
    assert.deepEqual(host.violations(), []);
    assert.equal(host.of("other", "status"), "running");
    assert.deepEqual(host.leftovers(), []);
    host.remove();
  });
  const add = (behaviour: Behaviour, image = "web:2"): void => {
    host.add("new", { image, behaviour });
  };
  const addOld = (): void => {
    host.add("old", { image: "web:1", status: "running" });
  };
  const of = (id: string, ...what: readonly string[]): string[] =>
    what.map((each) => host.of(id, each));

  it("limits its processes first, waits until it is healthy, sets it up and asks it", async () => {
    add("slow");
    const { code, stdout, stderr } = await host.run(START_FIRST);
    assert.deepEqual([code, stdout, stderr], [0, "", ""]);
    assert.deepEqual(of("new", "status", "pids", "set-up"), ["running", "50", "yes"]);
    const calls = host.calls().filter((call) => !NOTES.test(call));
    assert.deepEqual(
      [...new Set(calls)],
      [
        "update --pids-limit 50 new",
        "start new",
        "exec new check",
        "exec new setup",
        "exec new ask it's",
      ],
    );
  });

  it("has nothing to do for one that runs and works, and sets it up again", async () => {
    host.add("new", { image: "web:2", status: "running" });
    assert.equal((await host.run(START_FIRST)).code, 0);
    assert.ok(host.calls().includes("exec new setup"));
    assert.ok(!host.calls().some((call) => /^(?:start|stop) /.test(call)));
  });

  it("asks a page where the container has no program that could ask", async () => {
    add("works");
    const script = scriptOf({ question: { port: 80, path: "/status" } });
    assert.equal((await host.run(script)).code, 0);
    const asked = host.calls().find((call) => call.startsWith("run ")) ?? "";
    for (const words of [
      "--network container:new",
      "--cap-drop ALL",
      "--read-only",
      "tools:1",
      "http://127.0.0.1:80/status",
    ])
      assert.ok(asked.includes(words), `${words} in ${asked}`);
  });

  it("is calm for a while where nothing can be asked", async () => {
    add("mute");
    const script = scriptOf({
      health: undefined as never,
      question: undefined as never,
      exemptions: [{ control: "healthCheck", value: false, reason: "it has no program for it" }],
    });
    assert.equal((await host.run(script)).code, 0);
    assert.deepEqual(host.running(), ["new", "other"]);
  });

  const failures: readonly (readonly [Behaviour, string])[] = [
    ["exits", "is exited, with code 3"],
    ["loops", "keeps exiting, with code 3"],
    ["mute", "is not ready after 55 seconds"],
    ["idle", "runs, but does not answer correctly"],
  ];
  for (const [behaviour, why] of failures) {
    it(`fails for one that ${why}, with its last lines`, async () => {
      add(behaviour);
      const { code, stderr } = await host.run(START_FIRST);
      assert.equal(code, 1);
      assert.equal(
        stderr,
        `web: the new container ${why}; its last log lines:\n  | the last words of new\n`,
      );
      assert.notEqual(host.of("new", "status"), "running");
    });

    it(`leaves the old one alone beside a new one that ${why}`, async () => {
      addOld();
      add(behaviour);
      const { code, stderr } = await host.run(START_FIRST);
      assert.equal(code, 1);
      assert.match(stderr, /\nweb: the previous container was not touched\n$/);
      assert.deepEqual(host.running(), ["old", "other"]);
      assert.ok(!host.calls().some((call) => /^(?:start|stop|update|exec) .*old/.test(call)));
    });
  }

  it("fails for one that cannot be started", async () => {
    addOld();
    add("refused");
    const { code, stderr } = await host.run(START_FIRST);
    assert.equal(code, 1);
    assert.match(stderr, /web: could not be started/);
    assert.deepEqual(host.running(), ["old", "other"]);
  });

  it("lets the old one run beside a new one that works, for Pulumi to remove", async () => {
    addOld();
    add("works");
    assert.equal((await host.run(START_FIRST)).code, 0);
    assert.deepEqual(host.running(), ["new", "old", "other"]);
  });
});

describe("the switch to a container that shares data with the old one", () => {
  let host: FakeContainers;
  beforeEach(() => {
    host = fakeContainers();
  });
  afterEach(() => {
    assert.deepEqual(host.violations(), []);
    host.remove();
  });
  const OLD = { image: "web:1", volume: VOLUME } as const;
  const switchTo = (behaviour: Behaviour, image = "web:2"): Promise<Result> => {
    fill(host, behaviour, image);
    return host.run(STOP_FIRST);
  };
  const KEPT = "test-web-before";
  const markers = (): string[] => host.volumes().filter((name) => name !== VOLUME);
  const formatOf = (volume: string): string | undefined => host.read(volume, "format")?.trim();

  it("stops the old one, keeps a copy of its data, and starts the new one", async () => {
    const { code, stderr } = await switchTo("works");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(host.running(), ["new"]);
    assert.equal(formatOf(VOLUME), "2");
    assert.equal(host.read(KEPT, "0/format")?.trim(), "1");
    assert.equal(host.read(VOLUME, "rows"), "all of them\n");
    // Cleanup removes them once the whole stack works.
    assert.deepEqual(markers(), [KEPT, "test-web-copied", "test-web-switched"]);
    const order = host.calls().filter((call) => /^(?:stop|start|run) /.test(call));
    assert.deepEqual(
      order.map((call) => call.replace(/^run .*/s, "copy")),
      ["stop -t 20 old", "copy", "start new"],
    );
  });

  it("copies without a network, as little as it can", async () => {
    await switchTo("works");
    const copy = host.calls().find((call) => call.startsWith("run ")) ?? "";
    for (const words of [
      "--network none",
      "--cap-drop ALL",
      "--security-opt no-new-privileges",
      "--read-only",
      `--volume ${VOLUME}:/from:ro`,
      `--volume ${KEPT}:/to`,
      "--entrypoint /bin/sh tools:1",
    ])
      assert.ok(copy.includes(words), `${words} in ${copy}`);
  });

  it("copies nothing where the image stays", async () => {
    const { code } = await switchTo("works", "web:1");
    assert.equal(code, 0);
    assert.deepEqual(host.running(), ["new"]);
    assert.ok(!host.calls().some((call) => call.startsWith("run ")));
  });

  it("copies nothing where a newer image changes nothing that the older one could not read", async () => {
    fill(host, "works");
    const script = scriptOf({ mounts: [{ ...DATA[0], copy: "never" }] });
    assert.equal((await host.run(script)).code, 0);
    assert.ok(!host.calls().some((call) => call.startsWith("run ")));
  });

  for (const behaviour of ["exits", "loops", "mute", "idle", "refused"] as const)
    for (const image of ["web:1", "web:2"])
      it(`puts the old one back, with its data, where the new one of ${image === "web:1" ? "the same" : "another"} image ${behaviour}`, async () => {
        const { code, stderr } = await switchTo(behaviour, image);
        assert.equal(code, 1);
        assert.match(
          stderr,
          /\nweb: RETURNED: the previous container runs again, with its data as of \d\d:\d\d:\d\d UTC\n$/,
        );
        assert.deepEqual(host.running(), ["old"]);
        assert.equal(formatOf(VOLUME), "1");
        assert.equal(host.read(VOLUME, "rows"), "all of them\n");
        assert.deepEqual(markers(), []);
      });

  it("says where the old one does not come back either", async () => {
    fill(host, "exits");
    host.behave("old", "mute");
    const { code, stderr } = await host.run(STOP_FIRST);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /\nweb: NOT RETURNED: the previous container is not ready after 55 seconds\n {2}\| the last words of old\n$/,
    );
    assert.doesNotMatch(stderr, /: RETURNED/);
  });

  it("does not start the new one where the data could not be copied", async () => {
    fill(host, "works");
    host.failCopies();
    const { code, stderr } = await host.run(STOP_FIRST);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^web: its data could not be copied, so it was not replaced\nweb: RETURNED/,
    );
    assert.deepEqual(host.running(), ["old"]);
    assert.ok(!host.calls().includes("start new"));
    assert.deepEqual(markers(), []);
  });

  it("leaves one stopped that had been stopped before", async () => {
    host.add("old", { ...OLD, status: "exited" });
    host.add("new", { ...OLD, image: "web:2", behaviour: "exits", format: 2 });
    const { code, stderr } = await host.run(STOP_FIRST);
    assert.equal(code, 1);
    assert.match(stderr, /was not running before and stays stopped/);
    assert.deepEqual(host.running(), []);
    assert.equal(formatOf(VOLUME), "1");
  });

  it("replaces the one that ran last, not one that never ran or ran earlier", async () => {
    host.add("a1", { ...OLD, status: "exited" });
    host.add("b2", { ...OLD, status: "running" });
    host.add("c3", { ...OLD, status: "created" });
    host.add("new", { ...OLD, image: "web:2", behaviour: "exits", format: 2 });
    await host.run(STOP_FIRST);
    assert.deepEqual(host.running(), ["b2"]);
  });

  it("goes on with its own data once it has worked, however it has stopped since", async () => {
    await switchTo("works");
    host.write(VOLUME, "rows", "all of them and more\n");
    // Something else of the stack failed, so nothing was cleaned up.
    await host.run("docker stop new");
    const { code } = await host.run(STOP_FIRST);
    assert.equal(code, 0);
    assert.deepEqual(host.running(), ["new"]);
    assert.equal(host.read(VOLUME, "rows"), "all of them and more\n");
  });

  it("gives the place back to the old one, with its data, and never lets both run", async () => {
    await switchTo("works");
    const script = `${startFunctions(settingsOf({ mounts: DATA }))}${START_LIBRARY}give_back\n`;
    const { code, stderr } = await host.run(script);
    assert.equal(code, 0, stderr);
    assert.deepEqual(host.running(), ["old"]);
    assert.equal(formatOf(VOLUME), "1");
    assert.deepEqual(markers(), []);
  });

  const MACHINE =
    "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || :) $(readlink /proc/self/ns/pid || :)";
  const lockedBy = (holder: string): string =>
    `docker create --name test-web-lock --label "hardened.holder=${holder}" tools:1 - >/dev/null\n`;

  it("waits for an earlier script, whoever runs it, and leaves it its lock where it does not end", async () => {
    fill(host, "works");
    const { code, stderr } = await host.run(
      `lock_seconds=20\n${lockedBy(`$PPID ${MACHINE}`)}HOME=/nowhere\n(\n${STOP_FIRST}) && exit 9\nexit 0\n`,
    );
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /waiting .*earlier script .*\n.*process \d+ of the host, still works on it/,
    );
    assert.deepEqual(host.running(), ["old"]);
    assert.deepEqual(host.leftovers(), ["test-web-lock"]);
  });

  it("does not take the lock of somebody whose process it cannot see", async () => {
    fill(host, "works");
    const boot = MACHINE.split(" $(readlink")[0] ?? "";
    const { code } = await host.run(
      `lock_seconds=20\n${lockedBy(`999999999 ${boot} pid:[1]`)}${STOP_FIRST}`,
    );
    assert.equal(code, 1);
    assert.deepEqual(host.running(), ["old"]);
  });

  for (const [title, holder] of [
    ["of another boot of the host", "$PPID another-boot pid:[1]"],
    ["whose process has ended", `999999999 ${MACHINE}`],
  ] as const)
    it(`takes the lock of a script ${title}`, async () => {
      fill(host, "works");
      const { code, stderr } = await host.run(`${lockedBy(holder)}${STOP_FIRST}`);
      assert.equal(code, 0, stderr);
      assert.deepEqual(host.running(), ["new"]);
      assert.deepEqual(host.leftovers(), []);
    });

  it("starts at once where no other one has ever run", async () => {
    host.add("c3", { ...OLD, status: "created" });
    host.add("new", { ...OLD, image: "web:2" });
    assert.equal((await host.run(STOP_FIRST)).code, 0);
    assert.deepEqual(host.running(), ["new"]);
    assert.deepEqual(markers(), []);
  });
});

/** One that runs with data of version 1, and a new one that makes version 2 of it, where its image is another. */
function fill(host: FakeContainers, behaviour: Behaviour, image = "web:2"): void {
  const shared = { volume: VOLUME };
  host.add("old", { ...shared, image: "web:1", status: "running" });
  host.add("new", { ...shared, image, behaviour, format: image === "web:1" ? 1 : 2 });
  host.write(VOLUME, "rows", "all of them\n");
}

describe("a start that is cut off and run again", () => {
  interface Case {
    readonly script: string;
    readonly behaviour: Behaviour;
    readonly image: string;
    /** What runs in the end. */
    readonly running: readonly string[];
  }
  const cases: Readonly<Record<string, Case>> = {
    "a new one beside the old one": {
      script: START_FIRST,
      behaviour: "works",
      image: "web:2",
      running: ["new", "old"],
    },
    "a new one beside the old one that does not work": {
      script: START_FIRST,
      behaviour: "exits",
      image: "web:2",
      running: ["old"],
    },
    "a switch": { script: STOP_FIRST, behaviour: "works", image: "web:2", running: ["new"] },
    "a switch to the same image": {
      script: STOP_FIRST,
      behaviour: "works",
      image: "web:1",
      running: ["new"],
    },
    "a switch to one that ends": {
      script: STOP_FIRST,
      behaviour: "exits",
      image: "web:2",
      running: ["old"],
    },
    "a switch to one that runs and does not work": {
      script: STOP_FIRST,
      behaviour: "idle",
      image: "web:2",
      running: ["old"],
    },
    "a switch to one of the same image that ends": {
      script: STOP_FIRST,
      behaviour: "exits",
      image: "web:1",
      running: ["old"],
    },
  };

  const prepared = ({ script, behaviour, image }: Case): FakeContainers => {
    const host = fakeContainers();
    if (script === STOP_FIRST) fill(host, behaviour, image);
    else {
      host.add("old", { image: "web:1", status: "running" });
      host.add("new", { image, behaviour });
    }
    return host;
  };

  /** After each call that changes something, and in the middle of each copy. */
  async function killsOf(one: Case): Promise<Kill[]> {
    const host = prepared(one);
    try {
      await host.run(one.script);
      return host.changes().flatMap((call, index): Kill[] => {
        return [...(call.startsWith("run ") ? [`${index + 1}-` as const] : []), `${index + 1}`];
      });
    } finally {
      host.remove();
    }
  }

  /** What is wrong after a run that is killed there, and another one. */
  async function problemsOf(one: Case, kill: Kill): Promise<string[]> {
    const { script, image, running } = one;
    const host = prepared(one);
    try {
      assert.equal((await host.run(script, kill)).code, 137, `not killed at ${kill}`);
      const cutOff = host.calls().at(-1) ?? "";
      const { code, stderr } = await host.run(script);
      const works = running.includes("new");
      const shared = script === STOP_FIRST;
      const expected = {
        running,
        code: works ? 0 : 1,
        violations: [],
        format: shared ? (works && image === "web:2" ? "2" : "1") : undefined,
        rows: shared ? "all of them\n" : undefined,
        leftovers: [],
      };
      const got = {
        running: host.running(),
        code,
        violations: host.violations(),
        format: host.read(VOLUME, "format")?.trim(),
        rows: host.read(VOLUME, "rows"),
        leftovers: host.leftovers(),
      };
      if (JSON.stringify(got) === JSON.stringify(expected)) return [];
      return [`killed at "${cutOff}": ${JSON.stringify(got)}\n${stderr}`];
    } finally {
      host.remove();
    }
  }

  for (const [title, one] of Object.entries(cases))
    it(`ends as if it had not been, wherever that was: ${title}`, async function () {
      this.timeout(300_000);
      const problems: string[] = [];
      const kills = await killsOf(one);
      assert.ok(kills.length >= 3, kills.join(" "));
      for (const kill of someMoments(title, kills)) problems.push(...(await problemsOf(one, kill)));
      assert.deepEqual(problems, []);
    });
});

describe("a switch during which docker fails once", () => {
  for (const [behaviour, outcomes] of [
    ["works", ["new 2", "old 1"]],
    ["exits", ["old 1"]],
  ] as const)
    it(`ends with one container and its data, whenever that is, with a new one that ${behaviour}`, async function () {
      this.timeout(300_000);
      const first = fakeContainers();
      fill(first, behaviour);
      await first.run(STOP_FIRST);
      const calls = first.calls();
      first.remove();
      const problems: string[] = [];
      for (const [index, call] of someMoments(behaviour, [...calls.entries()])) {
        const host = fakeContainers();
        fill(host, behaviour);
        const { stderr } = await host.run(STOP_FIRST, undefined, index + 1);
        const got = `${host.running().join(" and ")} ${host.read(VOLUME, "format")?.trim() ?? ""}`;
        const rows = host.read(VOLUME, "rows");
        const violations = host.violations();
        if (
          !(outcomes as readonly string[]).includes(got) ||
          rows !== "all of them\n" ||
          violations.length > 0
        )
          problems.push(`"${call}" fails: ${got}, ${violations.join("; ")}\n${stderr}`);
        host.remove();
      }
      assert.deepEqual(problems, []);
    });
});

describe("a start that is cut off, and then that of another container", () => {
  const NEXT = scriptOf({ mounts: DATA, image: "web:1" }, "next");
  for (const behaviour of ["exits", "idle"] as const)
    it(`goes on with the data from before one that ${behaviour}, wherever that was`, async function () {
      this.timeout(120_000);
      const filled = (): FakeContainers => {
        const host = fakeContainers();
        fill(host, behaviour);
        host.add("next", { image: "web:1", volume: VOLUME });
        return host;
      };
      const first = filled();
      await first.run(STOP_FIRST);
      const kills = first.changes().flatMap((call, index): Kill[] => {
        if (!/^(?:start|stop|run|volume (?:create|rm)) /.test(call)) return [];
        return call.startsWith("run ") ? [`${index + 1}-`, `${index + 1}`] : [`${index + 1}`];
      });
      first.remove();
      assert.ok(kills.length >= 8, kills.join(" "));
      for (const kill of someMoments(behaviour, kills)) {
        const host = filled();
        await host.run(STOP_FIRST, kill);
        const cutOff = host.calls().at(-1) ?? "";
        const { code, stderr } = await host.run(NEXT);
        assert.deepEqual(
          [
            code,
            host.running(),
            host.violations(),
            host.read(VOLUME, "format"),
            host.read(VOLUME, "rows"),
          ],
          [0, ["next"], [], "1\n", "all of them\n"],
          `killed at "${cutOff}"\n${stderr}`,
        );
        host.remove();
      }
    });
});

describe("a script that has to end what it has begun", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "detached-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("says what it says on stderr, in order, and has its own exit code", async () => {
    const script = "echo one\necho two >&2\n(exit 7)\necho never\n";
    const { code, stdout, stderr } = await run("sh", ["-s"], { input: detached(script) });
    assert.deepEqual([code, stdout, stderr], [7, "", "one\ntwo\n"]);
  });

  it("sees what is exported in front of it, whatever its own text quotes", async () => {
    const script = `export new=abc\n${detached(`echo "$new" 'it'\\''s'\n`)}`;
    const { code, stderr } = await run("sh", ["-s"], { input: script });
    assert.deepEqual([code, stderr], [0, "abc it's\n"]);
  });

  it("goes on to its end where the shell that has started it is killed", async () => {
    const done = join(folder, "done");
    const script = detached(`echo begun\nsleep 1\necho some more\necho done >${quote(done)}\n`);
    const child = spawn("sh", ["-s"], {
      env: plainEnvironment,
      stdio: ["pipe", "ignore", "pipe"],
      detached: true,
    });
    child.stdin.end(script);
    await new Promise((resolve) => child.stderr.once("data", resolve));
    const { pid = assert.fail() } = child;
    child.stderr.destroy();
    for (const signal of ["SIGHUP", "SIGKILL"] as const) process.kill(-pid, signal);
    await pause(200);
    const until = Date.now() + 8000;
    while (!existsSync(done) && Date.now() < until) await pause(50);
    assert.equal(readFileSync(done, "utf8"), "done\n");
  });
});

describe("a start that waits for the health check of the image", () => {
  const functions = startFunctions(settingsOf({ health: { command: [] } }));
  for (const [state, code, why] of [
    ["healthy", 0, ""],
    ["starting", 1, ""],
    ["none", 1, "has no health check, because its image has none (HEALTHCHECK); write one under"],
  ] as const)
    it(`believes Docker that it is ${state}`, async () => {
      const script = `docker() { echo ${state}; }\n${functions}why=\nHEALTH new; said=$?\nprintf '%s %s' $said "$why"\n`;
      const { stdout } = await run("sh", ["-s"], { input: script });
      assert.ok(stdout.startsWith(`${code} ${why}`), stdout);
    });
});
