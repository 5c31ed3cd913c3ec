import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { keepPicture, visit } from "../support/browser";
import { answer, startProbe, type ProbeReport } from "../support/probe";
import { IMAGES, missing } from "../support/requirements";
import { plainEnvironment, run, succeeded, type Result } from "../support/run";
import { until } from "../support/until";
import { startWorld, useWorld, type World } from "../support/world";

const NGINX = IMAGES.homepage;
const PORTAINER = IMAGES.portainer;

/** The options every container of the program gets, as far as nginx is concerned. */
const LOCKED_DOWN = [
  "--user=101:101",
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges",
  "--read-only",
  "--tmpfs=/var/cache/nginx:uid=101,gid=101",
  "--tmpfs=/run:uid=101,gid=101",
];

async function startNginx(world: World, name: string, ...more: string[]): Promise<number> {
  const port = await world.publishedPort();
  const publish = `--publish=127.0.0.1:${port}:80`;
  const image = await world.pinned(NGINX);
  await world.docker.ask(
    "run",
    "--detach",
    `--name=${name}`,
    publish,
    ...LOCKED_DOWN,
    ...more,
    image,
  );
  return port;
}

const answers200 = (port: number): Promise<true> =>
  until(
    `port ${port}`,
    async () => (await answer(`http://127.0.0.1:${port}/`)) === "200" || undefined,
  );

describe("the tests' own world", function () {
  this.timeout(60_000);
  const world = useWorld({ images: [NGINX, PORTAINER], browser: true });

  it("has a Docker daemon of its own, with nothing in it and the usual socket inside", async () => {
    const { docker, host } = world();
    assert.equal(await docker.ask("ps", "--all", "--quiet"), "");
    assert.equal(await docker.ask("image", "ls", "--quiet"), "");
    const outside = await docker.ask("info", "--format", "{{.ID}}");
    const inside = await host.run("docker", ["info", "--format", "{{.ID}}"]);
    assert.equal(inside.stdout.trim(), outside);
  });

  it("tells the digest of a tag as the daemon sees it", async () => {
    const { docker, registry } = world();
    const name = `${registry.name}/library/nginx`;
    await docker.ask("pull", "--quiet", `${registry.name}/${NGINX}`);
    const digests = await docker.ask("image", "ls", "--format={{.Digest}}", name);
    assert.match(digests, /^sha256:[0-9a-f]{64}$/);
    assert.equal(await world().digest(NGINX), digests);
    assert.equal(await world().pinned(NGINX), `${registry.name}/${NGINX}@${digests}`);
  });

  it("serves a locked-down nginx from a network of its own on a published loopback port", async () => {
    const { docker } = world();
    await docker.ask("network", "create", "web");
    const port = await startNginx(world(), "nginx-open", "--network=web");
    await answers200(port);
    assert.equal(await docker.ask("exec", "nginx-open", "id", "-u"), "101");
  });

  it("keeps an internal network away from other networks and lets its members talk", async () => {
    const { docker, host } = world();
    await docker.ask("network", "create", "--internal", "inner");
    await docker.ask("network", "create", "other");
    await startNginx(world(), "nginx-inner", "--network=inner");
    const format = '--format={{(index .NetworkSettings.Networks "inner").IPAddress}}';
    const address = await docker.ask("inspect", format, "nginx-inner");
    const image = await world().pinned(NGINX);
    const reach = async (network: string): Promise<number> => {
      const connect = ["nc", "-w", "2", address, "80", "-e", "true"];
      const args = ["run", "--rm", `--network=${network}`, "--entrypoint=", image, ...connect];
      return (await docker.cli(args)).code;
    };
    await until("an answer inside", async () => (await reach("inner")) === 0 || undefined);
    assert.equal(await reach("other"), 1);
    const firewall = await host.run("iptables", ["--list-rules", "FORWARD"]);
    assert.match(firewall.stdout, /^-P FORWARD DROP$/m);
  });

  it("gives its own daemon's socket to a container that mounts the usual path", async () => {
    const { docker } = world();
    const socket = "/var/run/docker.sock";
    const image = await world().pinned(NGINX);
    const look = ["--entrypoint=stat", image, "-c", "%i %g", socket];
    const mounted = await docker.ask("run", "--rm", `--volume=${socket}:${socket}:ro`, ...look);
    const { ino, gid } = await stat(docker.socket);
    assert.equal(mounted, `${ino} ${gid}`);
    assert.equal(gid, 60124);
  });

  it("counts what a visitor misses while a container restarts", async () => {
    const port = await startNginx(world(), "nginx-probed");
    await answers200(port);
    const url = `http://127.0.0.1:${port}/`;
    const probe = startProbe({ url, every: 20 });
    const saw = (key: keyof ProbeReport, atLeast: number): Promise<true> =>
      until(`${key} ${atLeast}`, () => {
        const { [key]: value } = probe.report();
        return Promise.resolve((typeof value === "number" && value >= atLeast) || undefined);
      });
    await saw("requests", 5);
    assert.deepEqual(probe.report().answers, { "200": probe.report().requests });
    await world().docker.ask("stop", "nginx-probed");
    await saw("failures", 3);
    await world().docker.ask("start", "nginx-probed");
    await answers200(port);
    const report = await probe.stop();
    assert.ok(report.failures >= 3 && report.failures < report.requests, JSON.stringify(report));
    assert.ok(report.longestGap >= 40 && report.longestGap < 30_000, JSON.stringify(report));
  });

  it("sends the Host header it is told to", async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.headers.host === "home.example.test" ? 204 : 404;
      response.end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    assert.equal(await answer(`http://127.0.0.1:${port}/`, "home.example.test"), "204");
    assert.equal(await answer(`http://127.0.0.1:${port}/`), "404");
    server.close();
    await once(server, "close");
    assert.equal(await answer(`http://127.0.0.1:${port}/`), "ECONNREFUSED");
  });

  it("shows a page to a real browser under the name it is served under", async () => {
    const port = await startNginx(world(), "nginx-seen");
    await answers200(port);
    const [title, path] = await visit(
      `http://home.example.test:${port}/`,
      async (page) => [await page.title(), await keepPicture(page, "world-nginx")] as const,
    );
    assert.notEqual(title, "");
    assert.ok((await stat(path)).size > 1000);
  });

  it("refuses connections while the registry is stopped and serves the same port afterwards", async () => {
    const { registry } = world();
    const before = await world().digest(NGINX);
    await registry.stop();
    assert.equal(await answer(`${registry.url}/v2/`), "ECONNREFUSED");
    await registry.start();
    assert.equal(await world().digest(NGINX), before);
  });

  it("logs every request the registry gets", async () => {
    const count = async (): Promise<number> =>
      (await world().registry.requests()).filter(({ method }) => method === "HEAD").length;
    const before = await count();
    await world().digest(NGINX);
    assert.equal(
      await until("the log", async () => ((await count()) > before ? await count() : undefined)),
      before + 1,
    );
  });
});

describe("image variants", function () {
  this.timeout(60_000);
  const world = useWorld({ images: [NGINX, PORTAINER] });

  const runVariant = async (
    image: string,
    digest: string,
    ...options: string[]
  ): Promise<Result> => {
    const reference = `${world().registry.name}/${image}@${digest}`;
    return world().docker.cli(["run", ...options, reference]);
  };

  it("rebuild gives a new digest each time, and the old one can come back", async () => {
    const old = await world().digest(NGINX);
    const first = await world().variant(NGINX, "rebuild");
    const second = await world().variant(NGINX, "rebuild");
    assert.equal(new Set([old, first, second]).size, 3);
    assert.equal(await world().digest(NGINX), second);
    await world().point(NGINX, old);
    assert.equal(await world().digest(NGINX), old);
    const { code, stderr } = await runVariant(NGINX, second, "--rm", "--entrypoint=id");
    assert.equal(code, 0, stderr);
  });

  it("reindex moves the tag around the same manifest", async () => {
    const first = await world().variant(NGINX, "reindex", "indexed");
    const second = await world().variant(NGINX, "reindex", "indexed");
    assert.notEqual(first, second);
    const manifest = async (digest: string): Promise<unknown> => {
      const url = `${world().registry.url}/v2/library/nginx/manifests/${digest}`;
      const accept = "application/vnd.oci.image.index.v1+json";
      const index = (await (await fetch(url, { headers: { accept } })).json()) as {
        readonly manifests: readonly { readonly digest: string }[];
      };
      return index.manifests[0]?.digest;
    };
    assert.equal(await manifest(first), await world().digest(NGINX));
    assert.equal(await manifest(second), await world().digest(NGINX));
    const { code, stderr } = await runVariant(NGINX, second, "--rm", "--entrypoint=id");
    assert.equal(code, 0, stderr);
  });

  for (const image of [NGINX, PORTAINER])
    it(`exits ends ${image} with code 1 under the full restrictions`, async () => {
      const digest = await world().variant(image, "exits", "exits");
      const result = await runVariant(image, digest, "--rm", ...LOCKED_DOWN);
      assert.equal(result.code, 1);
      assert.match(result.stderr, /this image is broken on purpose/);
    });

  it("unhealthy runs on and never becomes healthy", async () => {
    const digest = await world().variant(NGINX, "unhealthy", "unhealthy");
    const check = [
      "--health-cmd=wget -q -O /dev/null http://127.0.0.1/",
      "--health-interval=1s",
      "--health-retries=1",
    ];
    const { code, stderr } = await runVariant(
      NGINX,
      digest,
      "--detach",
      "--name=sick",
      ...check,
      ...LOCKED_DOWN,
    );
    assert.equal(code, 0, stderr);
    const format = "--format={{.State.Status}} {{.State.Health.Status}}";
    const state = (): Promise<string> => world().docker.ask("inspect", format, "sick");
    await until("a failed check", async () =>
      (await state()) === "running unhealthy" ? true : undefined,
    );
    await world().docker.ask("stop", "sick");
  });

  it("otherPlatform says it is for arm64", async () => {
    const digest = await world().variant(NGINX, "otherPlatform", "arm64");
    const reference = `${world().registry.name}/library/nginx@${digest}`;
    await world().docker.ask("pull", reference);
    const format = "--format={{.Os}}/{{.Architecture}}";
    assert.equal(await world().docker.ask("image", "inspect", format, reference), "linux/arm64");
  });
});

describe("the own host over SSH", function () {
  this.timeout(60_000);
  const world = useWorld();

  const ssh = (hostKey: string, ...command: string[]): Promise<Result> => {
    const options = [
      "BatchMode=yes",
      "StrictHostKeyChecking=yes",
      "UserKnownHostsFile=/dev/null",
      "GlobalKnownHostsFile=/dev/null",
      `KnownHostsCommand=/bin/echo %H ${hostKey}`,
    ].flatMap((option) => ["-o", option]);
    const { user, port, agent } = world().ssh;
    const env = { ...plainEnvironment, SSH_AUTH_SOCK: agent };
    return run("ssh", [...options, "-p", `${port}`, `${user}@127.0.0.1`, "--", ...command], {
      env,
    });
  };

  it("lets the user in with the agent's key, to the own daemon and not as root", async () => {
    const before = await world().ssh.logins();
    const { stdout } = succeeded(
      "ssh",
      await ssh(world().ssh.hostKey, "id -un && docker info --format '{{.ID}}'"),
    );
    const id = await world().docker.ask("info", "--format={{.ID}}");
    assert.deepEqual(stdout.trim().split("\n"), ["pinnedtest", id]);
    assert.equal(await world().ssh.logins(), before + 1);
  });

  it("carries the Docker API by its socket's outer path too", async () => {
    const { docker } = world();
    const command = `docker --host ${docker.address} info --format '{{.ID}}'`;
    const { stdout } = succeeded("ssh", await ssh(world().ssh.hostKey, command));
    assert.equal(stdout.trim(), await docker.ask("info", "--format={{.ID}}"));
  });

  it("is refused by the client when the host key is another", async () => {
    const before = await world().ssh.logins();
    const { code, stderr } = await ssh(world().ssh.wrongHostKey, "true");
    assert.equal(code, 255);
    assert.match(stderr, /Host key verification failed/);
    assert.equal(await world().ssh.logins(), before);
  });

  it("leaves this machine's accounts, interfaces and firewall alone", async () => {
    assert.doesNotMatch(await readFile("/etc/passwd", "utf8"), /pinnedtest/);
    const network = await world().docker.ask("network", "create", "kept-inside");
    const bridge = `br-${network.slice(0, 12)}`;
    // All chains: newer engines name a bridge in chains of their own, not in FORWARD.
    const inside = await world().host.run("iptables", ["--list-rules"]);
    assert.ok(inside.stdout.includes(bridge), inside.stdout);
    const outside = await run("iptables", ["--list-rules"]);
    assert.equal(outside.stdout.includes(bridge), false);
    const interfaces = await run("ip", ["-o", "link"]);
    assert.equal(interfaces.stdout.includes(bridge), false);
  });
});

/** Two resources: a network, and a command that asks the host. */
const PROGRAM = `
import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
const config = new pulumi.Config();
if (config.get("address") === undefined) throw new pulumi.RunError("address: is missing");
const provider = new docker.Provider("host", {
  host: config.require("address"),
  sshOpts: config.getObject<string[]>("sshOpts") ?? [],
});
const network = new docker.Network("network", { name: "from-pulumi" }, { provider });
const asked = new command.local.Command("ask", {
  create: "echo hello; cat",
  stdin: config.requireSecret("word"),
}, { additionalSecretOutputs: ["stdout"] });
export const name = network.name;
export const said = asked.stdout;
`;

describe("the Pulumi runner", function () {
  this.timeout(180_000);
  const world = useWorld({ pulumi: true });
  let project: string;

  before(async () => {
    project = join(world().host.directory, "throw-away");
    await mkdir(project);
    const write = (name: string, text: string): Promise<void> =>
      writeFile(join(project, name), text);
    await write("Pulumi.yaml", "name: throw-away\nruntime: nodejs\nmain: index.ts\n");
    await write("package.json", '{ "name": "throw-away", "private": true }\n');
    await write("tsconfig.json", await readFile(resolve("tsconfig.json"), "utf8"));
    await write("index.ts", PROGRAM);
    await symlink(resolve("node_modules"), join(project, "node_modules"));
  });

  const roundTrip = async (yaml: string): Promise<void> => {
    const { docker } = world();
    const stack = await world().stack({ project });
    await stack.configure(yaml);
    await stack.setSecret("throw-away:word", "canary-7f3a");
    succeeded("preview", await stack.preview());
    assert.equal(await docker.ask("network", "ls", "--quiet", "--filter=name=from-pulumi"), "");
    succeeded("up", await stack.up());
    assert.notEqual(await docker.ask("network", "ls", "--quiet", "--filter=name=from-pulumi"), "");
    assert.deepEqual(await stack.outputs(), { name: "from-pulumi", said: "hello\ncanary-7f3a" });
    assert.doesNotMatch(await stack.exportState(), /canary-7f3a/);
    const again = await stack.preview("--refresh", "--expect-no-changes");
    assert.equal(again.code, 0, again.stdout);
    succeeded("destroy", await stack.destroy());
    assert.equal(await docker.ask("network", "ls", "--quiet", "--filter=name=from-pulumi"), "");
  };

  it("takes a stack from preview to destroy on the socket", () =>
    roundTrip(`config:\n  throw-away:address: ${world().docker.address}\n`));

  it("takes a stack from preview to destroy over SSH", async () => {
    const { address, hostKey } = world().ssh;
    const sshOpts = [
      "-o",
      "StrictHostKeyChecking=yes",
      "-o",
      "UserKnownHostsFile=/dev/null",
      "-o",
      `KnownHostsCommand=/bin/echo %H ${hostKey}`,
    ];
    await roundTrip(
      `config:\n  throw-away:address: ${address}\n  throw-away:sshOpts: ${JSON.stringify(sshOpts)}\n`,
    );
    assert.ok((await world().ssh.logins()) > 0);
  });

  it("tells a failure by its exit code and what the program said", async () => {
    const stack = await world().stack({ project });
    const result = await stack.preview();
    assert.notEqual(result.code, 0);
    assert.match(result.stdout, /error: address: is missing/);
  });
});

describe("the end of the world", function () {
  this.timeout(60_000);
  before(async function () {
    const absent = await missing();
    if (absent.length > 0) this.skip();
  });

  it("leaves nothing behind after a stop, and a second one starts as well", async () => {
    const startAndStop = async (): Promise<boolean> => {
      const world = await startWorld();
      await world.stop();
      return existsSync(world.host.directory);
    };
    assert.equal(await startAndStop(), false);
    assert.equal(await startAndStop(), false);
  });

  for (const signal of ["SIGINT", "SIGKILL"] as const)
    it(`leaves nothing behind when the tests end by ${signal}`, async () => {
      const support = resolve("tests/support/world");
      const script = `require(${JSON.stringify(support)}).startWorld().then((w) => console.log(w.host.directory))`;
      const tests = spawn(process.execPath, ["-r", require.resolve("tsx/cjs"), "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [directory] = (await once(createInterface(tests.stdout), "line")) as [string];
      assert.equal(existsSync(directory), true);
      tests.kill(signal);
      await once(tests, "exit");
      await until("the directory to go", () =>
        Promise.resolve(existsSync(directory) ? undefined : true),
      );
      const mounts = await readFile("/proc/mounts", "utf8");
      assert.equal(mounts.includes(directory), false);
      const users = await run("pgrep", ["--full", directory]);
      assert.equal(users.stdout, "");
    });
});
