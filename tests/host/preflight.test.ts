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
  readonly freeMiB: number;
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
  freeMiB: 5000,
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
const CLASSIC = image("classic", { classicStore: true, remedy: REMEDY });
const FOLDER = image("folder", { dockerFolder: "/var/lib/docker" });
const LARGE = image("large", { diskMiB: 1300 });

/** What is needed, what the host is, and every line that it gets; none where it fits. */
const HOSTS: readonly (readonly [readonly ImageNeeds[], Partial<Engine>, ...string[]])[] = [
  [[image("plain"), OLD, NEW, CLASSIC, FOLDER], {}],
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
  [[CLASSIC], { containerdStore: true }, `classic: classic:1 … containerd image store … ${REMEDY}`],
  [
    [FOLDER],
    { root: "/data/docker" },
    "folder: folder:1 … /var/lib/docker, … /data/docker; … services.folder.enabled: false",
  ],
  [[LARGE], { freeMiB: 1812 }],
  [
    [LARGE],
    { freeMiB: 1811 },
    "docker: 1811 MiB free in /var/lib/docker, expected 1812 MiB … docker image prune",
  ],
  [[LARGE], { freeMiB: 600, images: [LARGE.image] }],
  // All at once.
  [
    [image("it's", { newestApi: 40 }), image("b", { newestApi: 41, classicStore: true })],
    { version: "29.1.0", api: 52, oldest: 44, containerdStore: true, architecture: "arm64" },
    "docker: the host is linux/arm64, the configuration says linux/amd64; set pinned-stack:platform",
    "it's: it's:1 … up to 1.40, … 1.44 or newer (Engine 29.1.0)",
    "b: b:1 … up to 1.41, … 1.44 or newer (Engine 29.1.0)",
    "b: b:1 … containerd image store …",
  ],
];

const dockerCommand = (engine: Engine): string => `#!/bin/sh
case "$1 $2" in
'version --format') echo '${engine.version} 1.${engine.api} 1.${engine.oldest} ${engine.architecture}' ;;
'info --format') case $3 in
  *DockerRootDir*) echo '${engine.root}' ;;
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
      await program("df", `#!/bin/sh\necho head\necho "x 1 1 ${engine.freeMiB} 1% /"\n`);
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
