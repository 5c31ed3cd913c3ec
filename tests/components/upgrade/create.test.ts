/** `docker create` of a trial, as the shell runs it: every control of the policy, and nothing that reaches further. */
import assert from "node:assert/strict";

import { containerModel, ContainerSpec } from "../../../components/hardened/model";
import { Controls, Exemption, HARDENED } from "../../../components/hardened/policy";
import { createScript, CreateOptions } from "../../../components/upgrade/create";
import { run } from "../../support/run";
import { REASON } from "../../support/small-stack";

/** Prints each word of `docker create` in a line, and what KEY is then; knows one variable of the deployed container. */
const DOCKER = `set -eu
docker() {
  case $1 in
    inspect) [ "$4" = id-7 ] && printf 'PATH=/bin\\nKEY=canary=1 2\\nOTHER_KEY=no\\n';;
    create) for word in "$@"; do printf '%s\\n' "$word"; done; printf 'KEY is %s\\n' "\${KEY:-not set}";;
  esac
}
volume_at() { printf 'volume of %s at %s' "$1" "$2"; }
id_0=id-7
data_volume=trial-data
`;

const OPTIONS: CreateOptions = {
  before: "--name trial-1 --network trial",
  data: { "/data": "$data_volume" },
  like: "id_0",
};

async function wordsOf(
  spec: Partial<ContainerSpec> = {},
  options: Partial<CreateOptions> = {},
): Promise<{ readonly words: string[]; readonly key: string; readonly script: string }> {
  const model = containerModel({
    name: "web",
    image: "web:1",
    health: { command: ["check"] },
    networks: [{ name: "web-db", internal: true }],
    ...spec,
  });
  const script = createScript(model, { ...OPTIONS, ...options });
  const { code, stdout, stderr } = await run("sh", ["-c", DOCKER + script]);
  assert.deepEqual([code, stderr], [0, ""]);
  const words = stdout.trimEnd().split("\n");
  return { words, key: words.pop() ?? "", script };
}

/** What a container of its own settings adds to the words of one that sets nothing, and what of these it lacks. */
async function differences(spec: Partial<ContainerSpec>): Promise<[added: string, gone: string]> {
  const [{ words: plain }, { words }] = [await wordsOf(), await wordsOf(spec)];
  const without = (all: readonly string[], those: readonly string[]): string => {
    const left = [...those];
    return all
      .filter((word) => {
        const at = left.indexOf(word);
        if (at !== -1) left.splice(at, 1);
        return at === -1;
      })
      .join(" ");
  };
  return [without(words, plain), without(plain, words)];
}

const exempt = (exemption: Omit<Exemption, "reason">) => ({
  exemptions: [{ ...exemption, reason: REASON } as Exemption],
});

/** A row for each control: settings, words that it adds, words that it takes away. */
const CONTROLS: Readonly<
  Record<keyof Controls, readonly [Partial<ContainerSpec>, string, string]>
> = {
  user: [exempt({ control: "user", value: "0:0" }), "0:0", "65532:65532"],
  capabilities: [
    exempt({ control: "capabilities", value: ["CAP_CHOWN", "CAP_FOWNER"] }),
    "--cap-add CAP_CHOWN --cap-add CAP_FOWNER",
    "",
  ],
  readOnlyRootfs: [exempt({ control: "readOnlyRootfs", value: false }), "", "--read-only"],
  noNewPrivileges: [
    exempt({ control: "noNewPrivileges", value: false }),
    "",
    "--security-opt no-new-privileges:true",
  ],
  memoryMiB: [{ memoryMiB: 64 }, "64m 64m", "256m 256m"],
  cpus: [{ cpus: 2 }, "2", "0.5"],
  pidsLimit: [{ pidsLimit: 50 }, "50", "200"],
  openFiles: [{ openFiles: 1024 }, "nofile=1024:1024", "nofile=4096:4096"],
  environmentSecrets: [
    {
      secretEnvironment: { KEY: "theKey" },
      ...exempt({ control: "environmentSecrets", value: ["KEY"] }),
    },
    "--env KEY",
    "",
  ],
  // The script asks for it; Docker's own check would only cost.
  healthCheck: [
    { health: undefined as never, ...exempt({ control: "healthCheck", value: false }) },
    "",
    "",
  ],
  // What reaches beyond the trial stays out.
  dockerSocket: [
    {
      mounts: [{ kind: "socket", source: "/run/docker.sock", path: "/var/run/docker.sock" }],
      ...exempt({ control: "dockerSocket", value: true }),
    },
    "",
    "",
  ],
  hostPaths: [
    {
      mounts: [{ kind: "host", source: "/sys", path: "/host" }],
      ...exempt({ control: "hostPaths", value: ["/sys"] }),
    },
    "",
    "",
  ],
  writableHostPaths: [
    {
      mounts: [{ kind: "host", source: "/srv", path: "/srv", writable: true }],
      ...exempt({ control: "writableHostPaths", value: ["/srv"] }),
    },
    "",
    "",
  ],
  devices: [
    {
      devices: [{ source: "/dev/ttyUSB0", path: "/dev/ttyUSB0" }],
      ...exempt({ control: "devices", value: ["/dev/ttyUSB0"] }),
    },
    "",
    "",
  ],
  hostCgroups: [{ ...exempt({ control: "hostCgroups", value: true }) }, "", ""],
  publishedPorts: [
    {
      ports: [{ address: "127.0.0.1", published: 8080, internal: 80 }],
      ...exempt({ control: "publishedPorts", value: [80] }),
    },
    "",
    "",
  ],
  outsideNetworks: [
    {
      networks: [{ name: "egress", internal: false }],
      ...exempt({ control: "outsideNetworks", value: ["egress"] }),
    },
    "",
    "",
  ],
};

describe("a container for a trial", () => {
  it("is under the whole policy where it sets nothing", async () => {
    const { words } = await wordsOf();
    assert.deepEqual(
      words.join(" "),
      [
        "create --name trial-1 --network trial --dns 127.0.0.1 --restart no --no-healthcheck --log-driver json-file --log-opt max-size=10m",
        "--user 65532:65532 --cap-drop ALL --security-opt no-new-privileges:true --read-only --ipc private",
        "--memory 256m --memory-swap 256m --cpus 0.5 --pids-limit 200 --ulimit nofile=4096:4096 web:1",
      ].join(" "),
    );
    assert.deepEqual(Object.keys(CONTROLS).sort(), Object.keys(HARDENED).sort());
  });

  for (const [control, [spec, added, gone]] of Object.entries(CONTROLS))
    it(`${added === "" && gone === "" ? "takes nothing of" : "differs by"} ${control}`, async () => {
      assert.deepEqual(await differences(spec), [added, gone]);
    });

  const settings: readonly (readonly [string, Partial<ContainerSpec>, string])[] = [
    ["its environment", { environment: { A: "it's $HOME", B: "" } }, "--env A=it's $HOME --env B="],
    ["shared memory", { shmMiB: 128 }, "--shm-size 128m"],
    [
      "its writable folders",
      { user: "101:102", tmpfs: { "/tmp": 16 } },
      "101:102 --tmpfs /tmp:rw,noexec,nosuid,nodev,size=16m,uid=101,gid=102",
    ],
    [
      "a copy in place of its data",
      { mounts: [{ kind: "data", volume: "web-data", path: "/data", chown: false }] },
      "--volume trial-data:/data",
    ],
    [
      "files and secrets of the deployed one, read-only",
      {
        mounts: [
          { kind: "files", volume: "web-files", path: "/etc/web", files: { a: "b" } },
          { kind: "secrets", volume: "web-keys", path: "/run/keys", files: { a: { secret: "k" } } },
        ],
      },
      "--volume volume of id-7 at /etc/web:/etc/web:ro --volume volume of id-7 at /run/keys:/run/keys:ro",
    ],
    [
      "its entry point and its command",
      { entrypoint: ["/bin/web", "serve"], command: ["--port", "80; id"] },
      "--entrypoint /bin/web serve --port 80; id",
    ],
  ];
  for (const [title, spec, added] of settings)
    it(`has ${title}`, async () => {
      assert.equal((await differences(spec))[0], added);
    });

  it("runs another command of its image where it is asked to", async () => {
    const spec = { entrypoint: ["/bin/web"], command: ["serve"] };
    const { words } = await wordsOf(spec, { command: ["export", "--all"] });
    assert.deepEqual(words.slice(-3), ["web:1", "export", "--all"]);
  });

  it("has a secret of its environment by name only, with the value of the deployed one", async () => {
    const [spec] = CONTROLS.environmentSecrets;
    const { words, key } = await wordsOf(spec);
    assert.doesNotMatch(words.join(" "), /canary/);
    assert.equal(key, "KEY is canary=1 2");
  });
});
