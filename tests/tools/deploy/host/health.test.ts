import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { createServer, Server } from "node:http";
import { AddressInfo } from "node:net";
import { join } from "node:path";
import { createServer as createSecureServer } from "node:tls";

import type { ContainerModel } from "../../../../components/hardened/model";
import { HostError, HostShell } from "../../../../host/shell";
import type { Inventory, LiveContainer } from "../../../../tools/deploy/host/inventory";
import { RouteProbe } from "../../../../tools/deploy/host/routes";
import { healthOf, probeScript, waitUntilHealthy } from "../../../../tools/deploy/host/health";
import { run } from "../../../support/run";
import { fakeHost, FakeHost } from "../fake-docker";

const live = (change: Partial<LiveContainer> = {}): LiveContainer =>
  ({
    id: "app",
    name: "app",
    labels: { "hardened.role": "container", "pinned-stack.container": "app" },
    state: { Status: "running", ExitCode: 0, Health: { Status: "healthy" } },
    ...change,
  }) as LiveContainer;
const inventory = (...containers: readonly LiveContainer[]): Inventory => ({
  containers,
  networks: [],
  limits: { memory: true, swap: true, processes: true },
});

describe("health after a deployment", () => {
  const app = { name: "app", controls: { healthCheck: true } } as ContainerModel;
  const plain = { name: "app", controls: { healthCheck: false } } as ContainerModel;
  const is = (Status: string, health?: string): LiveContainer =>
    live({
      state: { Status, ExitCode: 1, Health: health === undefined ? undefined : { Status: health } },
    });
  const good = "route=a.test 200\nroute=b.test 403\nroute=c.test 302\nroute=d.test ---";
  const cases: readonly (readonly [
    string,
    ContainerModel,
    readonly LiveContainer[],
    string,
    readonly string[],
  ])[] = [
    ["good", app, [live()], good, []],
    ["good without a check", plain, [is("running")], "", []],
    ["not good", app, [], "", ["app does not exist"]],
    ["not good", app, [is("exited")], "", ["app is exited with code 1"]],
    ["not good", app, [is("restarting")], "", ["app is restarting"]],
    ["not good", app, [is("running", "unhealthy")], "", ["app is unhealthy"]],
    ["not good", app, [is("created")], "", ["app is created"]],
    ["not good", plain, [live(), live()], "", ["app has 2 running containers"]],
    ["not good", plain, [is("running"), is("restarting")], "", ["app has 2 running containers"]],
    ["good beside what a failed deployment left", app, [is("exited"), live()], "", []],
    ["good beside what was never started", app, [is("created"), live(), is("exited")], "", []],
    ["not good", app, [is("exited"), is("restarting")], "", ["app is restarting"]],
    ["not good", app, [is("exited"), is("created")], "", ["app is exited with code 1"]],
    [
      "not good",
      app,
      [live()],
      "route=a.test 502\nroute=b.test 404\nroute=c.test 000",
      ["a.test answers 502", "b.test answers 404", "c.test does not answer"],
    ],
  ];
  for (const [how, declared, containers, routes, problems] of cases)
    it(`is ${how}${problems.length === 0 ? "" : `: ${problems.join(", ")}`}`, () => {
      assert.deepEqual(healthOf([declared], inventory(...containers), routes).problems, problems);
    });

  it("does not fail for a certificate that is still to come", () => {
    const { problems, notes } = healthOf([app], inventory(live()), "route=a.test uncertified");
    assert.deepEqual([problems, notes.length], [[], 1]);
    assert.match(notes[0] ?? "", /^a\.test has no certificate yet; .*log/);
  });

  describe("is looked at again", () => {
    const answers = (...given: readonly (string | Error)[]): HostShell => {
      let index = 0;
      return () => {
        const answer = given[Math.min(index++, given.length - 1)];
        if (answer instanceof Error) return Promise.reject(answer);
        return Promise.resolve({ code: 0, stdout: answer ?? "", stderr: "" });
      };
    };
    const lost = new HostError("ssh deploy@h: the connection ended");

    it("until the connection is back", async () => {
      const { problems } = await waitUntilHealthy(answers(lost, "route=a.test 200"), "s", [], []);
      assert.deepEqual(problems, []);
    });

    it("until the patience is over, and a connection that stays lost is a failure", async () => {
      const { problems } = await waitUntilHealthy(answers(lost), "s", [], [], { timeoutMs: 10 });
      assert.deepEqual(problems, ["ssh deploy@h: the connection ended"]);
    });
  });
});

/** The programs that the script needs besides the one it asks with. */
const TOOLS = ["sh", "sed", "head", "timeout"];

describe("a request for a route", function () {
  this.timeout(30_000);
  let host: FakeHost;
  let plain: Server;
  let secure: import("node:tls").Server;
  const hosts: (string | undefined)[] = [];
  const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

  before(async () => {
    plain = createServer((request, response) => {
      hosts.push(request.headers.host);
      response.writeHead(request.url === "/" ? 301 : 200, { location: "https://nowhere.test/" });
      response.end();
    });
    // As Traefik does for a name without a certificate: not even a handshake.
    secure = createSecureServer({
      SNICallback: (_, done) => {
        done(new Error("unknown"));
      },
    });
    secure.on("tlsClientError", () => undefined);
    for (const server of [plain, secure])
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host = fakeHost('case "$1" in ps) ;; *) exit 1;; esac');
  });
  after(() => {
    plain.close();
    secure.close();
    host.remove();
  });

  const probe = (change: Partial<RouteProbe> = {}): RouteProbe => ({
    host: "a.test",
    scheme: "http",
    port: portOf(plain),
    address: "127.0.0.1",
    path: "/page",
    ...change,
  });
  /** Runs the script where only one program can ask. */
  const askWith = async (program: string | undefined, asked: RouteProbe): Promise<string> => {
    const folder = join(host.home, `bin-${program ?? "none"}`);
    mkdirSync(folder, { recursive: true });
    for (const tool of [...TOOLS, ...(program === undefined ? [] : [program])]) {
      const path = (await run("sh", ["-c", `command -v ${tool}`])).stdout.trim();
      try {
        symlinkSync(path, join(folder, tool));
      } catch {
        // It is there from the request before.
      }
    }
    const script = `PATH='${folder}:${host.home}'\n${probeScript("s", [asked])}`;
    const { stdout, stderr } = await host.shell(script);
    assert.equal(stderr, "");
    return stdout.trim();
  };
  const has = async (program: string): Promise<boolean> =>
    (await run("sh", ["-c", `command -v ${program}`])).code === 0;

  for (const program of ["curl", "wget"]) {
    it(`goes to the published address under the name of the route, with ${program}`, async function () {
      if (!(await has(program))) this.skip();
      hosts.length = 0;
      assert.equal(await askWith(program, probe()), "route=a.test 200");
      assert.match(hosts[0] ?? "", /^a\.test(?::\d+)?$/);
    });

    it(`tells a port that nobody listens on, with ${program}`, async function () {
      if (!(await has(program))) this.skip();
      assert.equal(await askWith(program, probe({ port: 1 })), "route=a.test 000");
    });
  }

  const secured = (): RouteProbe =>
    probe({ scheme: "https", port: portOf(secure), redirectPort: portOf(plain) });

  it("tells a name without a certificate from a Traefik that is away", async function () {
    if (!(await has("curl"))) this.skip();
    assert.equal(await askWith("curl", secured()), "route=a.test uncertified");
    assert.equal(
      await askWith("curl", { ...secured(), port: 1, redirectPort: 1 }),
      "route=a.test 000",
    );
  });

  it("says nothing about certificates where it cannot ask by name", async function () {
    if (!(await has("wget"))) this.skip();
    assert.equal(await askWith("wget", secured()), "route=a.test ---");
  });

  it("is given up where nothing can ask", async () => {
    assert.equal(await askWith(undefined, probe()), "route=a.test ---");
  });
});
