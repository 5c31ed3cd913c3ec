import assert from "node:assert/strict";

import { CommandError } from "../../../../tools/cli/command";
import { inventoryScript, takeInventory } from "../../../../tools/deploy/host/inventory";
import { fakeHost, FakeHost } from "../fake-docker";

const BANNER = "echo 'Authorized use only.' >&2\n";
const container = (id: string): string =>
  JSON.stringify({
    container: {
      id,
      name: `/${id}`,
      image: "app:1",
      user: "1:1",
      labels: null,
      state: { Status: "running", ExitCode: 0, Health: null },
      mounts: null,
      networks: null,
      host: {
        CapAdd: null,
        CapDrop: null,
        SecurityOpt: null,
        Privileged: false,
        ReadonlyRootfs: true,
        PidsLimit: null,
        Memory: 0,
        MemorySwap: 0,
        NanoCpus: 0,
        Tmpfs: null,
        PortBindings: null,
        NetworkMode: "bridge",
        PidMode: "",
        IpcMode: "private",
      },
    },
  });
const network = JSON.stringify({ network: { id: "n", name: "s-net", internal: true } });
const limits = JSON.stringify({
  limits: { memory: true, swap: false, processes: true },
  cgroups: { driver: "systemd", version: "2" },
});

const env = (id: string, more: object): string =>
  JSON.stringify({ id, ...more, config: { Env: ["KEY=a=b", "EMPTY="], Cmd: null } });

/**
 * One network, one container with the stack's label, one that only joined it, and one in the namespaces of the first; what
 * \`more\` says comes first.
 */
const engine = (more = ""): string => `echo 'WARNING: no swap limit support' >&2
${more}
case "$1 $2" in
version*) ;;
info*) echo '${limits}';;
"network ls") echo n;;
"network inspect") echo '${network}';;
"ps -aq") case $* in *label=*) echo mine;; *network=*) echo mine; echo joined;; *) echo mine; echo other; echo spy;; esac;;
"container inspect") case $* in
  *'"process"'*) echo '{"process":${env("mine", { image: "i" })}}';;
  *'{{.Image}}'*) echo i;;
  *PidMode*) echo 'mine bridge  private'; echo 'other container:gone host private'; echo 'spy bridge container:by-name private';;
  *'{{.Id}}'*) case $* in *by-name) echo mine;; *) exit 1;; esac;;
  *) for id; do case $id in joined|mine|spy) echo '${container("ID")}' | sed "s/ID/$id/g";; esac; done;;
  esac;;
"image inspect") echo '{"image":${env("i", {})}}';;
*) exit 7;;
esac`;

describe("the inventory of a host", () => {
  let host: FakeHost;
  afterEach(() => {
    host.remove();
  });
  const shell = (docker: string) => {
    host = fakeHost(docker);
    return host.shell;
  };

  it("has every container once, whatever ssh and docker say besides", async () => {
    const { shell: ask } = (host = fakeHost(engine()));
    const found = await takeInventory((script, options) => ask(BANNER + script, options), "s");
    assert.deepEqual(
      found.containers.map(({ name }) => name),
      ["joined", "mine", "spy"],
    );
    assert.deepEqual(found.networks, [{ id: "n", name: "s-net", internal: true }]);
    assert.deepEqual(found.limits, { memory: true, swap: false, processes: true });
    assert.deepEqual(found.cgroups, { driver: "systemd", version: "2" });
    assert.match(host.calls().at(-1) ?? "", /^container inspect .* joined mine spy$/);
  });

  it("has what the stack's own containers run, and what their images would", async () => {
    const { containers } = await takeInventory(shell(engine()), "s");
    const [joined, mine] = containers;
    assert.equal(joined?.process, undefined);
    assert.deepEqual(mine?.process?.config.Env, { KEY: "a=b", EMPTY: "" });
    assert.deepEqual(mine.process.defaults?.Entrypoint, []);
    assert.match(host.calls().find((call) => call.includes('"process"')) ?? "", / mine$/);
  });

  it("does without an image that has been removed", async () => {
    const gone = `case "$1" in image) echo 'Error: No such image: i' >&2; exit 1;; esac`;
    const { containers } = await takeInventory(shell(engine(gone)), "s");
    const mine = containers.find(({ name }) => name === "mine");
    assert.deepEqual([mine?.process?.config.Cmd, mine?.process?.defaults], [[], undefined]);
  });

  it("does not ask what containers run where only their health counts", () => {
    assert.doesNotMatch(inventoryScript("s"), /\{"process"|\{"image"|PidMode/);
  });

  it("leaves out what goes while it is asked about", async () => {
    const gone = `case "$1 $*" in container*'"container"'*) echo '${container("mine")}'; echo 'Error: No such container: joined' >&2; exit 1;; esac`;
    const found = await takeInventory(shell(engine(gone)), "s");
    assert.deepEqual(
      found.containers.map(({ name }) => name),
      ["mine"],
    );
  });

  for (const [what, words] of [
    ["the engine", "version"],
    ["the list of containers", "ps"],
    ["the list of networks", "network ls"],
    ["a container", "container inspect"],
  ] as const)
    it(`fails when ${what} cannot be had, in docker's words alone`, async () => {
      const docker = engine(
        `case "$*" in "${words}"*) echo 'permission denied' >&2; exit 1;; esac`,
      );
      const fails = shell(docker);
      await assert.rejects(
        takeInventory((script, options) => fails(BANNER + script, options), "s"),
        (error) =>
          error instanceof CommandError &&
          /^docker on the host: (?:WARNING: no swap limit support )?permission denied$/.test(
            error.message,
          ),
      );
    });
});
