/** The script as the host runs it, with a docker command that answers what a row says. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ImageNeeds, preflightScript } from "../../host/preflight";
import { assertLines } from "../support/lines";
import { plainEnvironment, Result, run } from "../support/run";

interface Engine {
  readonly version: string;
  /** Minor version of the API 1.x, and the oldest that the engine still takes. */
  readonly api: number;
  readonly oldest: number;
  readonly architecture: string;
  readonly root: string;
  readonly containerdStore: boolean;
  /** Socket of its containerd; undefined where the engine does not say. */
  readonly containerd?: string;
  /** The line of its configuration about its root. */
  readonly containerdConfig?: string;
  readonly rootless: boolean;
  /** Control groups that the kernel has not. */
  readonly without: readonly string[];
  readonly freeMiB: number;
  /** Of another file system than {@link root}. */
  readonly freeMiBOfContainerd: number;
  /** Images that are there already. */
  readonly images: readonly string[];
}

const ENGINE: Engine = {
  version: "28.3.0",
  api: 51,
  oldest: 24,
  architecture: "amd64",
  root: "/var/lib/docker",
  containerdStore: false,
  containerd: "/var/run/docker/containerd/containerd.sock",
  rootless: false,
  without: [],
  freeMiB: 5000,
  freeMiBOfContainerd: 6000,
  images: [],
};

const DIGEST = `@sha256:${"1".repeat(64)}`;
const REMEDY = "use a newer image";
const image = (service: string, said: Partial<ImageNeeds> = {}): ImageNeeds => ({
  service,
  image: `${service}:1${DIGEST}`,
  diskMiB: 100,
  ...said,
});
const OLD = image("old", { newestApi: 42, remedy: REMEDY });
const NEW = image("new", { oldestApi: 44, remedy: REMEDY });
const LARGE = image("large", { diskMiB: 1300 });

const CONTAINERD = "/run/containerd/containerd.sock";

/** What is needed, what the host is, and every line that it gets; none where it fits. */
const HOSTS: readonly (readonly [readonly ImageNeeds[], Partial<Engine>, ...string[]])[] = [
  [[image("plain"), OLD, NEW], {}],
  [[], { version: "20.10.24", api: 41, oldest: 12 }],
  [
    [],
    { version: "19.03.15", api: 40, oldest: 12 },
    "docker: Engine 19.03.15 is too old, expected 20.10 or newer; upgrade it",
  ],
  [
    [],
    { architecture: "arm64" },
    "docker: the host is linux/arm64, the configuration says linux/amd64; set pinned-stack:platform",
  ],
  [[OLD], { oldest: 42 }],
  [
    [OLD],
    { version: "29.1.0", api: 52, oldest: 43 },
    `old: old:1 … up to 1.42, … 1.43 or newer (Engine 29.1.0); ${REMEDY}`,
  ],
  [[NEW], { api: 44 }],
  [
    [NEW],
    { version: "20.10.24", api: 43, oldest: 12 },
    `new: new:1 … 1.44 or newer, … up to 1.43 (Engine 20.10.24); ${REMEDY}`,
  ],
  [[], { rootless: true, without: ["memory"] }, "docker: … rootless … use the system's engine"],
  [
    [],
    { without: ["memory", "cpu"] },
    "docker: this host cannot limit what a container uses; control groups that it lacks: memory cpu; enable them … restart the host",
  ],
  [[LARGE], { freeMiB: 1812 }],
  [
    [LARGE],
    { freeMiB: 1811 },
    "docker: 1811 MiB free in /var/lib/docker, expected 1812 MiB … docker image prune",
  ],
  [[LARGE], { freeMiB: 600, images: [LARGE.image] }],
  // The containerd store keeps layers compressed and unpacked.
  [[LARGE], { containerdStore: true, freeMiB: 2787, freeMiBOfContainerd: 0 }],
  [
    [LARGE],
    { containerdStore: true, freeMiB: 2786 },
    "docker: 2786 MiB free in /var/lib/docker, expected 2787 MiB for the images to pull; free some with: docker image prune",
  ],
  ...[CONTAINERD, `/var${CONTAINERD}`, ""].map(
    (containerd) =>
      [
        [LARGE],
        { containerdStore: true, containerd, freeMiBOfContainerd: 2786 },
        "docker: 2786 MiB free in /var/lib/containerd, expected 2787 MiB for the images to pull; free some with: docker image prune",
      ] as const,
  ),
  // Nor where containerd's own configuration says that they are elsewhere.
  ...["root = '/srv/images'", 'root="/srv/images" # a larger disk'].map(
    (containerdConfig) =>
      [
        [LARGE],
        { containerdStore: true, containerd: CONTAINERD, containerdConfig, freeMiBOfContainerd: 1 },
        "docker: 1 MiB free in /srv/images, expected 2787 MiB for the images to pull; free some with: docker image prune",
      ] as const,
  ),
  // The classic store keeps images in Docker's folder, whichever containerd runs them.
  [[LARGE], { containerd: CONTAINERD, freeMiBOfContainerd: 0 }],
  // All at once.
  [
    [image("it's", { newestApi: 40 }), image("b", { newestApi: 41 })],
    { version: "29.1.0", api: 52, oldest: 44, containerdStore: true, architecture: "arm64" },
    "docker: the host is linux/arm64, the configuration says linux/amd64; set pinned-stack:platform",
    "it's: it's:1 … up to 1.40, … 1.44 or newer (Engine 29.1.0)",
    "b: b:1 … up to 1.41, … 1.44 or newer (Engine 29.1.0)",
  ],
];

const dockerCommand = (engine: Engine): string => `#!/bin/sh
case "$1 $2" in
'version --format') echo '${engine.version} 1.${engine.api} 1.${engine.oldest} ${engine.architecture}' ;;
'info --format') case $3 in
  *DockerRootDir*) echo '${engine.root}' ;;
  *MemoryLimit*) echo '${engine.without.map((name) => ` ${name}`).join("")}' ;;
  *SecurityOptions*) echo 'name=seccomp,profile=builtin ${engine.rootless ? "name=rootless " : ""}' ;;
  *Containerd.Address*) ${engine.containerd ? `echo '${engine.containerd}'` : "echo; echo 'template: nil pointer' >&2; exit 1"} ;;
  *) echo '${engine.containerdStore ? "io.containerd.snapshotter.v1 " : "extfs true "}' ;;
  esac ;;
'image inspect') case ' ${engine.images.join(" ")} ' in *" $3 "*) exit 0 ;; *) exit 1 ;; esac ;;
*) echo "unexpected: docker $*" >&2; exit 9 ;;
esac
`;

describe("the preflight's script", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "preflight-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const program = async (name: string, text: string): Promise<void> => {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  };
  const preflight = (needs: readonly ImageNeeds[]): Promise<Result> =>
    run("sh", ["-eu", "-s"], {
      input: preflightScript({ platform: "linux/amd64", needs }),
      env: { ...plainEnvironment, PATH: `${folder}:${plainEnvironment.PATH ?? ""}` },
    });

  for (const [needs, host, ...lines] of HOSTS)
    it(`${lines.length === 0 ? "passes" : "stops"} ${needs.map(({ service }) => service).join(", ") || "nothing"} on ${JSON.stringify(host)}`, async () => {
      const engine = { ...ENGINE, ...host };
      await program("docker", dockerCommand(engine));
      await program(
        "df",
        `#!/bin/sh\ncase $2 in ${engine.root}) free=${engine.freeMiB} ;; /var/lib/containerd | /srv/images) free=${engine.freeMiBOfContainerd} ;; esac\necho head\necho "x 1 1 $free 1% /"\n`,
      );
      const { containerdConfig = "" } = engine;
      // The script reads this machine's file: a program stands in its place.
      const config = `version = 3\n${containerdConfig}\n[plugins]\n  root = "/nowhere"\n`;
      await writeFile(join(folder, "config.toml"), config);
      await program("sed", `#!/bin/sh\nexec /bin/sed -n "$2" ${join(folder, "config.toml")}\n`);
      const { code, stdout, stderr } = await preflight(needs);
      assertLines(stderr.split("\n").filter(Boolean), lines);
      assert.equal(code, lines.length === 0 ? 0 : 1);
      assert.match(stdout, new RegExp(`^engine=${engine.version}\napi=1\\.${engine.api}\n`));
    });

  it("says what the engine's client says where the engine does not answer", async () => {
    await program("docker", "#!/bin/sh\necho 'permission denied while trying' >&2\nexit 1\n");
    const { code, stdout, stderr } = await preflight([]);
    assert.deepEqual(
      [code, stdout, stderr],
      [1, "", "docker: the engine does not answer: permission denied while trying\n"],
    );
  });

  it("does not guess where the engine says something else", async () => {
    await program("docker", "#!/bin/sh\necho '28.3.0 latest 1.24 amd64'\n");
    const { code, stderr } = await preflight([]);
    assert.deepEqual(
      [code, stderr],
      [1, "docker: cannot read the engine's API version from: 28.3.0 latest 1.24 amd64\n"],
    );
  });
});
