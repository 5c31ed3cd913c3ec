/** What cAdvisor measures, and what it does not see. */
import assert from "node:assert/strict";

import { services } from "../../support/inspect";
import { until } from "../../support/until";
import { DOMAIN, STACK, type Whole } from "./whole";

/** Options of mounts by path in the container, from /proc/PID/mountinfo (proc(5)). Not those in the container's own memory. */
const mountsOf = (text: string): readonly { readonly path: string; readonly options: string }[] =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.includes(" - tmpfs "))
    .map((line) => {
      const [, , , , path = "", options = ""] = line.split(" ");
      return { path, options };
    });

export function metrics(whole: () => Whole): void {
  it("cover every container by its name", async function () {
    this.timeout(60_000);
    const names = Object.keys(await services(whole().world, STACK));
    const missing = (body: string, figure: string): string[] =>
      names.filter(
        (name) =>
          !new RegExp(
            `^${figure}\\{[^}]*id="/pinned-stack/${STACK}/${name}"[^}]*\\} [0-9.e+]+`,
            "m",
          ).test(body),
      );
    await until(
      "figures of all containers",
      async () => {
        const { status, body } = await whole().ask(`cadvisor.${DOMAIN}`, "/metrics");
        assert.equal(status, 200);
        return ["container_memory_usage_bytes", "container_cpu_usage_seconds_total"].every(
          (figure) => missing(body, figure).length === 0,
        )
          ? true
          : undefined;
      },
      45_000,
    );
  });

  it("show nothing of the host but its control groups, and of these only the stack's own", async () => {
    const { world } = whole();
    const { cadvisor } = await services(world, STACK);
    const binds = cadvisor?.Mounts.map(({ Source, Destination }) => [Source, Destination]).sort();
    const folders = ["blkio", "cpu", "cpuacct", "memory", "pids"].map(
      (name) => `/sys/fs/cgroup/${name}`,
    );
    assert.deepEqual(
      binds,
      folders.map((folder) => [folder, folder]),
    );
    const { body } = await whole().ask(`cadvisor.${DOMAIN}`, "/metrics");
    const ids = new Set([...body.matchAll(/ ?\bid="([^"]*)"/g)].map(([, id = ""]) => id));
    assert.deepEqual(
      [...ids].filter((id) => id !== "/" && !id.startsWith(`/pinned-stack/${STACK}/`)),
      [],
    );
  });

  it("cannot be used to change a limit, not even by root without capabilities", async () => {
    const { world } = whole();
    const { cadvisor } = await services(world, STACK);
    assert.ok(cadvisor);
    const { stdout } = await world.host.run("cat", [`/proc/${cadvisor.State.Pid}/mountinfo`]);
    const below = mountsOf(stdout).filter(({ path }) => path.startsWith("/sys"));
    assert.ok(below.length >= 6, stdout);
    assert.deepEqual(
      below.filter(({ options }) => !options.split(",").includes("ro")),
      [],
    );
    const limit = `/sys/fs/cgroup/pids/pinned-stack/${STACK}/cadvisor/${cadvisor.Id}/pids.max`;
    const script = `cat ${limit}; echo 300 > ${limit}`;
    const result = await world.docker.cli([
      ...["exec", "--user=0:0", cadvisor.Id],
      ...["sh", "-c", script],
    ]);
    assert.equal(result.stdout, "200\n", result.stderr);
    assert.match(result.stderr, /Read-only file system/);
    assert.notEqual(result.code, 0);
  });
}
