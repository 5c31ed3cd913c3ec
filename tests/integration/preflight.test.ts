/** What the preflight says of hosts that a fake docker command cannot stand for. */
import assert from "node:assert/strict";
import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { preflightScript, type ImageNeeds } from "../../host/preflight";
import { startDockerd } from "../support/dockerd";
import { engine29 } from "../support/engine";
import { startOwnHost, type OwnHost } from "../support/own-host";
import { missing } from "../support/requirements";
import { succeeded, type Result } from "../support/run";
import { until } from "../support/until";

const CONTAINERD = "/var/lib/containerd";
const SOCKET = "/run/containerd/containerd.sock";
const LARGE: ImageNeeds = { service: "large", image: "large:1", diskMiB: 1000 };

describe("the preflight on Engine 29", function () {
  this.timeout(60_000);
  const engine = engine29("containerd");
  let host: OwnHost;

  before(async function () {
    const absent = await missing({ engine });
    if (absent.length === 0) return;
    console.log(`skipped: ${absent.map((name) => `no ${name}`).join("; ")}`);
    this.skip();
  });
  beforeEach(async () => {
    host = await startOwnHost({ programs: engine.folder });
  });
  afterEach(() => host.stop());

  const inside = async (command: string): Promise<string> =>
    succeeded(command, await host.run("sh", ["-c", command])).stdout.trim();
  const preflight = (needs: readonly ImageNeeds[]): Promise<Result> =>
    host.run("sh", ["-eu", "-s"], { input: preflightScript({ platform: "linux/amd64", needs }) });

  it("looks for space where a containerd that dockerd has not started keeps the images", async () => {
    await inside(`mkdir -p ${CONTAINERD}`);
    await inside(`mount -t tmpfs -o size=64m tmpfs ${CONTAINERD}`);
    const config = join(host.directory, "containerd.toml");
    await writeFile(config, "version = 2\n");
    await host.spawn("containerd", "containerd", ["--config", config]);
    await until("containerd", () => access(join(host.directory, SOCKET)).then(() => true));
    await startDockerd(host, { containerd: SOCKET }, engine);
    const used = async (): Promise<number> =>
      Number((await inside(`du -sk ${CONTAINERD}`)).split("\t")[0]);
    const before = await used();
    await inside("tar -C /bin -c busybox | docker import - example");
    assert.ok((await used()) - before > 1000);
    const { code, stderr } = await preflight([LARGE]);
    assert.match(
      stderr,
      /^docker: \d\d MiB free in \/var\/lib\/containerd, expected 2262 MiB for the images to pull; .*\n$/,
    );
    assert.equal(code, 1);
  });

  it("refuses a host whose control groups limit nothing", async function () {
    await inside("mount -t cgroup2 none /sys/fs/cgroup");
    // On a machine with cgroup v2 alone they do.
    if (/\bmemory\b/.test(await inside("cat /sys/fs/cgroup/cgroup.controllers"))) this.skip();
    await startDockerd(host, {}, engine);
    const { code, stderr } = await preflight([]);
    assert.match(stderr, /^docker: this host cannot limit .* it lacks: memory cpu pids; .*\n$/);
    assert.equal(code, 1);
  });
});
