/** What a new major version of PostgreSQL does with its data and its clients, with a fake `docker`. */
import assert from "node:assert/strict";

import { startScript } from "../../../components/hardened/start";
import { nameOf, startHooks } from "../../../components/upgrade/hooks";
import { cleanupScript, returnScript } from "../../../components/upgrade/return";
import { FakeContainers, fakeContainers, Kill, someMoments } from "../../support/fake-containers";
import { modelOf, realServices } from "../../support/small-stack";

const { stack, containers } = modelOf(realServices("postgres", "n8n"));
const NAMES = containers.map(({ name }) => name);
const OLD_DATA = "test-postgres-15-data";
const DATA = "test-postgres-16-data";
const of = (name: string) => containers.find((one) => one.name === name) ?? assert.fail(name);

/** Starts container `id`, which is a `name` of the stack. */
const start = (name: string, id: string): string =>
  `export new=${id}\n${startScript({
    model: of(name),
    name: nameOf(stack, of(name)),
    toolImage: "tools:1",
    ...startHooks(stack, of(name), containers),
  })}`;
const MOVE = start("postgres", "new");
const CHANGES = /^(?:start|stop|run|volume (?:create|rm)|exec (?:-\S+ )*\S+ pg_restore)/;

/** PostgreSQL 15 with its client, and the new 16 with a volume of its own. */
function filled(behaviour: "works" | "exits" | "idle" = "works"): FakeContainers {
  const host = fakeContainers();
  host.add("old", {
    name: "test-postgres",
    image: "postgres:15",
    status: "running",
    volume: OLD_DATA,
  });
  host.write(OLD_DATA, "rows", "all of them\n");
  host.add("new", { name: "test-postgres", image: "postgres:16", volume: DATA, behaviour });
  host.add("client", { name: "test-n8n", image: "n8n:1", status: "running" });
  return host;
}

async function killsOf(host: FakeContainers, script: string): Promise<Kill[]> {
  try {
    await host.run(script);
    return host
      .changes()
      .flatMap((call, index): Kill[] => (CHANGES.test(call) ? [`${index + 1}`] : []));
  } finally {
    host.remove();
  }
}

describe("a move to another major version of PostgreSQL", function () {
  this.timeout(300_000);

  it("takes the data over while the client stands still, which then runs again", async () => {
    const host = filled();
    const { code, stderr } = await host.run(MOVE);
    assert.equal(code, 0, stderr);
    assert.deepEqual(host.running(), ["client", "new"]);
    assert.equal(host.read(DATA, "rows"), "all of them\n");
    const order = host.calls().filter((call) => /^(?:start|stop) /.test(call));
    assert.deepEqual(order, ["stop -t 60 client", "start new", "stop -t 120 old", "start client"]);
    assert.deepEqual(
      host.volumes().filter((name) => /-(?:held|incomplete)$/.test(name)),
      [],
    );
    host.remove();
  });

  for (const [behaviour, running] of [
    ["works", ["client", "new"]],
    ["exits", ["client", "old"]],
  ] as const)
    it(`starts the client again wherever it is cut off, with a new one that ${behaviour}`, async () => {
      const kills = await killsOf(filled(behaviour), MOVE);
      assert.ok(kills.length >= 8, kills.join(" "));
      const problems: string[] = [];
      for (const kill of someMoments(behaviour, kills)) {
        const host = filled(behaviour);
        assert.equal((await host.run(MOVE, kill)).code, 137, `not killed at ${kill}`);
        const cutOff = host.calls().at(-1) ?? "";
        const { code, stderr } = await host.run(MOVE);
        const rows = host.read(behaviour === "works" ? DATA : OLD_DATA, "rows");
        const got = [code, host.running(), rows, host.leftovers(), host.violations()];
        const expected = [behaviour === "works" ? 0 : 1, running, "all of them\n", [], []];
        if (JSON.stringify(got) !== JSON.stringify(expected))
          problems.push(`killed at "${cutOff}": ${JSON.stringify(got)}\n${stderr}`);
        host.remove();
      }
      assert.deepEqual(problems, []);
    });

  it("starts the client again on the return, wherever it is cut off", async () => {
    const kills = await killsOf(filled(), MOVE);
    const problems: string[] = [];
    for (const kill of someMoments("return", kills)) {
      const host = filled();
      await host.run(MOVE, kill);
      const cutOff = host.calls().at(-1) ?? "";
      const { code, stderr } = await host.run(returnScript(stack, containers, NAMES));
      const got = [code, host.running(), host.read(OLD_DATA, "rows"), host.violations()];
      const expected = [0, ["client", "old"], "all of them\n", []];
      if (JSON.stringify(got) !== JSON.stringify(expected))
        problems.push(`killed at "${cutOff}": ${JSON.stringify(got)}\n${stderr}`);
      host.remove();
    }
    assert.deepEqual(problems, []);
  });

  it("that was cut off never ends with two servers on the old data", async () => {
    const kills = await killsOf(filled(), MOVE);
    const problems: string[] = [];
    for (const kill of someMoments("next", kills)) {
      const host = filled();
      host.add("next", { name: "test-postgres", image: "postgres:15", volume: OLD_DATA });
      await host.run(MOVE, kill);
      const cutOff = host.calls().at(-1) ?? "";
      const { stderr } = await host.run(start("postgres", "next"));
      const running = host.running();
      if (!running.includes("client") || !running.includes("next") || host.violations().length > 0)
        problems.push(
          `killed at "${cutOff}": ${running.join(" ")} ${host.violations().join(" ")}\n${stderr}`,
        );
      host.remove();
    }
    assert.deepEqual(problems, []);
  });

  it("does not start on what is only a part of the data", async () => {
    const host = fakeContainers();
    host.add("new", { name: "test-postgres", image: "postgres:16", volume: DATA });
    const script = `docker volume create ${DATA}-incomplete\n${MOVE}`;
    const { code, stderr } = await host.run(script);
    assert.equal(code, 1);
    assert.match(stderr, /was to fill its data was interrupted.* deploy the version from before/);
    assert.deepEqual(host.running(), []);
    host.remove();
  });

  it("leaves no temporary folder where it fails", async () => {
    const host = filled("exits");
    const { code } = await host.run(`export TMPDIR="$FAKE/tmp"\nmkdir "$TMPDIR"\n${MOVE}`);
    assert.equal(code, 1);
    const { stdout } = await host.run('ls "$FAKE/tmp"');
    assert.equal(stdout, "");
    host.remove();
  });
});

describe("a return", () => {
  it("stops the new one that the run has recorded, whichever started last", async () => {
    const host = fakeContainers();
    const web = modelOf(realServices("homepage", "traefik"));
    const homepage =
      web.containers.find((one) => one.name === "homepage") ?? assert.fail("no homepage");
    host.add("old", { name: "test-homepage", image: "web:1", status: "running" });
    host.add("new", { name: "test-homepage", image: "web:2" });
    const script = startScript({ model: homepage, name: "test-homepage", toolImage: "tools:1" });
    assert.equal((await host.run(`export new=new\n${script}`)).code, 0);
    // As after a crash that Docker has restarted it from.
    await host.run("docker stop old\ndocker start old");
    const back = returnScript("test", [homepage], ["homepage"]);
    const { code, stderr } = await host.run(back);
    assert.equal(code, 0, stderr);
    assert.deepEqual(host.running(), ["old"]);
    assert.match(stderr, /homepage: RETURNED: only the previous container runs again/);
    host.remove();
  });

  it("stops what did not exist before, and nothing else", async () => {
    const host = fakeContainers();
    host.add("n8n", { name: "test-n8n", image: "n8n:2", status: "running" });
    host.add("server", { name: "test-postgres", image: "postgres:16", status: "running" });
    const { code, stderr } = await host.run(returnScript(stack, containers, ["postgres"]));
    assert.equal(code, 0, stderr);
    assert.deepEqual(host.running(), ["server"]);
    assert.match(stderr, /n8n: stopped, because it did not exist before/);
    host.remove();
  });
});

describe("the cleanup", () => {
  const kept = (host: FakeContainers): string[] =>
    host.volumes().filter((name) => name.startsWith("test-web"));
  const markers = (...more: readonly string[]): string =>
    ["before --label hardened.old=a --label hardened.volumes=test-data", ...more]
      .map((words) => words.split(" "))
      .map(
        ([name, ...labels]) =>
          `docker volume create --label hardened.role=before ${labels.join(" ")} test-web-${name}\n`,
      )
      .join("");

  for (const [what, more, rows] of [
    ["puts the data back of a service that went in the middle of a switch", ["copied"], "before"],
    ["forgets the copies of a service that went after it", ["copied", "switched"], "now"],
  ] as const)
    it(what, async () => {
      const host = fakeContainers();
      await host.run(markers(...more));
      host.write("test-data", "rows", "now\n");
      host.write("test-web-before", "0/rows", "before\n");
      const { code, stderr } = await host.run(cleanupScript(stack, containers));
      assert.equal(code, 0, stderr);
      assert.equal(host.read("test-data", "rows"), `${rows}\n`);
      assert.deepEqual(kept(host), []);
      assert.deepEqual(host.leftovers(), []);
      host.remove();
    });

  it("leaves those of a container alone that is still there", async () => {
    const host = fakeContainers();
    host.add("a", { image: "web:1", status: "exited" });
    await host.run(markers("copied"));
    assert.equal((await host.run(cleanupScript(stack, containers))).code, 0);
    assert.deepEqual(kept(host), ["test-web-before", "test-web-copied"]);
    host.remove();
  });
});
