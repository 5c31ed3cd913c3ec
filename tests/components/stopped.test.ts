import assert from "node:assert/strict";

import { stoppedContainers } from "../../components/stopped";
import { hostAccess } from "../../host/address";
import { HostShell, ShellResult } from "../../host/shell";
import { record } from "../support/pulumi-mocks";

const HOST = { stack: "prod", access: hostAccess({ address: "unix:///var/run/docker.sock" }) };

/** What is found on a host whose shell answers this, and the scripts that were run on it. */
async function found(
  answer: Partial<ShellResult>,
  { preview = false, isDeployed = true }: { preview?: boolean; isDeployed?: boolean } = {},
): Promise<{ readonly stopped: Readonly<Record<string, string>>; readonly scripts: string[] }> {
  const scripts: string[] = [];
  const shell: HostShell = (script) => {
    scripts.push(script);
    return Promise.resolve({ code: 0, stdout: "", stderr: "", ...answer });
  };
  const { value } = await record(() => stoppedContainers(HOST, isDeployed, shell), {
    stack: "prod",
    preview,
  });
  return { stopped: value, scripts };
}

describe("the containers that have stopped since they were deployed", () => {
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    ["none where all run", "web running\nn8n running\n", []],
    [
      "those that ended or were stopped",
      "web exited\nn8n running\nportainer dead\n",
      ["web", "portainer"],
    ],
    ["one that was never started", "web created\n", ["web"]],
    ["none that is between two starts, or stands still", "web restarting\nn8n paused\n", []],
    ["those of which a failed deployment has left several", "web exited\nweb running\n", ["web"]],
    ["none where there is no container", "", []],
  ];
  for (const [title, stdout, names] of rows)
    it(`are ${title}`, async () => {
      const { stopped } = await found({ stdout });
      assert.deepEqual(Object.keys(stopped), names);
    });

  it("have the present time, so that another stop is another text", async () => {
    const before = new Date().toISOString();
    const { web = "" } = (await found({ stdout: "web exited\n" })).stopped;
    assert.ok(web >= before && web <= new Date().toISOString(), web);
  });

  it("are asked for once, among those of the stack that keep running", async () => {
    const { scripts } = await found({});
    assert.deepEqual(scripts, [
      `docker ps -a --filter 'label=pinned-stack.stack=prod' --filter label=hardened.role=container --format '{{.Label "pinned-stack.container"}} {{.State}}'\n`,
    ]);
  });

  it("are not asked for in a preview, nor before the first deployment", async () => {
    const stdout = "web exited\n";
    assert.deepEqual(await found({ stdout }, { preview: true }), { stopped: {}, scripts: [] });
    const first = { isDeployed: false };
    assert.deepEqual(await found({ stdout }, first), { stopped: {}, scripts: [] });
  });

  it("are no reason to go on where the host says nothing", async () => {
    await assert.rejects(found({ code: 1, stderr: "Cannot connect to the Docker daemon\n" }), {
      message: "the containers of this machine: Cannot connect to the Docker daemon",
    });
  });
});
