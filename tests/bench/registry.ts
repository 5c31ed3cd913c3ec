/** How much asking for digests costs, beside what else asks for them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { planPins } from "../../tools/pin/plan";
import { columns } from "../../tools/cli/command";
import { selfSignedCertificate } from "../support/certificate";
import { plainEnvironment, run } from "../support/run";
import type { Bench } from "./run";
import {
  RegistryWorld,
  type BenchImage,
  type Counts,
  type WorldOptions,
} from "./support/registry-world";

const DELAY_MS = 50;
const ROUNDS = 5;

/**
 * What registries do with a request for several repositories. The others never send one, so they cost the same
 * everywhere; two worlds are enough of them.
 */
const WORLDS: readonly (Pick<WorldOptions, "severalScopes" | "tokens"> & {
  readonly grants: string;
  readonly others: boolean;
})[] = [
  { severalScopes: "all", tokens: "jwt", others: true, grants: "one token per registry" },
  { severalScopes: "first", tokens: "jwt", others: true, grants: "one token per repository" },
  {
    severalScopes: "first",
    tokens: "opaque",
    others: false,
    grants: "one token per repository, as its use for another one shows",
  },
  {
    severalScopes: "refused",
    tokens: "jwt",
    others: false,
    grants: "one token per repository, more are refused",
  },
];

/** Stacks that grow, on three registries still. */
const SIZES = [7, 21, 70] as const;

/** One way to get the digests of all images. Resolves to how many of them are right. */
interface Contender {
  readonly name: string;
  readonly work: () => Promise<number>;
}

interface Measured {
  readonly name: string;
  readonly counts: Counts;
  /** Median, ms. */
  readonly wall: number;
  readonly right: number;
}

export const bench: Bench = {
  title: `seven tags on three registries over https, ${DELAY_MS} ms added to each request, median of ${ROUNDS} runs`,
  run: async (print) => {
    const tls = selfSignedCertificate();
    if (tls === undefined) throw new Error("registry: needs the openssl command for a certificate");
    const folder = mkdtempSync(join(tmpdir(), "bench-"));
    const ca = join(folder, "ca.pem");
    writeFileSync(ca, tls.cert);
    try {
      for (const { grants, others, ...tokens } of WORLDS) {
        const world = await RegistryWorld.start({ delayMs: DELAY_MS, tls, ...tokens });
        try {
          const pins = (moved: number): readonly string[] =>
            world.images.map(
              ({ service, name, now, before }, n) =>
                `${service}: ${name}@${n < moved ? before : now}`,
            );
          const contenders = [
            ours("nothing changed", pins(0), world.images, tls.cert),
            ours("one changed, explained", pins(1), world.images, tls.cert),
            ...(others ? [command(pins(0), folder, ca), ...peers(world.images, ca)] : []),
          ];
          print(`${grants}:\n${table(world, await measure(world, contenders))}\n`);
        } finally {
          await world.stop();
        }
      }
      print(`as a stack grows, one token per registry:\n${await growth(tls)}\n`);
      print(
        "pinned-stack: in a process that already runs, as a preview is one; all others with the start of their processes",
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

async function growth(tls: WorldOptions["tls"]): Promise<string> {
  const rows: string[][] = [];
  for (const size of SIZES) {
    const options = { delayMs: DELAY_MS, tls, severalScopes: "all", tokens: "jwt", size } as const;
    const world = await RegistryWorld.start(options);
    try {
      const pins = world.images.map(({ service, name, now }) => `${service}: ${name}@${now}`);
      const contender = ours("nothing changed", pins, world.images, tls.cert);
      for (const { counts, wall, right } of await measure(world, [contender]))
        rows.push([`${right} of ${size}`, `${total(counts)}`, wall.toFixed(0)]);
    } finally {
      await world.stop();
    }
  }
  return columns([["right", "requests", "ms"], ...rows]);
}

const total = ({ head, get, blob, token, other }: Counts): number =>
  head + get + blob + token + other;

/** In turns, so that whatever else the machine does meets all alike. */
async function measure(
  world: RegistryWorld,
  contenders: readonly Contender[],
): Promise<readonly Measured[]> {
  const measured = contenders.map(({ name }) => ({
    name,
    walls: [] as number[],
    seen: undefined as Omit<Measured, "name" | "wall"> | undefined,
  }));
  // The first round only warms up.
  for (let round = 0; round <= ROUNDS; round++)
    for (const [n, { work }] of contenders.entries()) {
      await world.counts();
      const started = performance.now();
      const right = await work();
      const wall = performance.now() - started;
      const entry = measured[n];
      if (round === 0 || entry === undefined) continue;
      entry.walls.push(wall);
      entry.seen = { counts: await world.counts(), right };
    }
  return measured.flatMap(({ name, walls, seen }) =>
    seen === undefined ? [] : [{ name, wall: median(walls), ...seen }],
  );
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;

/** What `npm run pin` does, in a process that already runs, as a preview is one. */
const ours = (
  title: string,
  lines: readonly string[],
  images: readonly BenchImage[],
  ca: string,
): Contender => ({
  name: `pinned-stack, ${title}`,
  work: async () => {
    const rows = await planPins({
      pins: lines.map((line) => {
        const at = line.indexOf(": ");
        const [service, image] = [line.slice(0, at), line.slice(at + 2)];
        return { service, image, span: { start: 0, end: 0, quote: "" } };
      }),
      tags: new Map(),
      policy: { minimumAge: 0, all: false, now: new Date() },
      platform: "linux/amd64",
      registries: {},
      ca,
    });
    return rows.filter(({ from, to }, n) => (to ?? from).endsWith(images[n]?.now ?? "none")).length;
  },
});

/** The same as a command of its own. */
function command(lines: readonly string[], folder: string, ca: string): Contender {
  writeFileSync(
    join(folder, "Pulumi.bench.yaml"),
    `config:\n  pinned-stack:images:\n${lines.map((line) => `    ${line}\n`).join("")}`,
  );
  const script = join(__dirname, "support", "pin-command.ts");
  const env = { ...plainEnvironment, NODE_EXTRA_CA_CERTS: ca };
  return {
    name: "pin --check as a command",
    work: async () => {
      const args = ["--require", "tsx/cjs", script, folder];
      const { stdout } = await run(process.execPath, args, { env, cwd: join(__dirname, "../..") });
      const { services } = JSON.parse(stdout) as { services: { status: string }[] };
      return services.filter(({ status }) => status === "as-pinned").length;
    },
  };
}

/** Whatever of these is installed, seven processes at once. */
function peers(images: readonly BenchImage[], ca: string): readonly Contender[] {
  const env = { ...plainEnvironment, SSL_CERT_FILE: ca };
  const peer = (program: string, words: (image: string) => readonly string[]): Contender[] => {
    if (!isInstalled(program)) return [];
    const title = [program, ...words("").filter((word) => /^[a-z]+$/.test(word))].join(" ");
    return [
      {
        name: `${title}, 7 at once`,
        work: async () => {
          const answers = await Promise.all(
            images.map(({ name }) => run(program, words(name), { env, timeout: 30_000 })),
          );
          return answers.filter(({ stdout }, n) => stdout.trim() === images[n]?.now).length;
        },
      },
    ];
  };
  return [
    ...peer("crane", (image) => ["digest", image]),
    ...peer("regctl", (image) => ["image", "digest", image]),
    ...peer("skopeo", (image) => [
      ...["inspect", "--no-tags", "--format", "{{.Digest}}"],
      `docker://${image}`,
    ]),
  ];
}

function isInstalled(program: string): boolean {
  try {
    execFileSync("which", [program], { env: plainEnvironment, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function table({ images }: RegistryWorld, measured: readonly Measured[]): string {
  const yardstick = measured.find(({ name }) => name.startsWith("crane")) ?? measured.at(-1);
  return columns([
    ["", "right", "requests", "HEAD", "token", "GET manifest", "GET blob", "ping", "ms", "ratio"],
    ...measured.map(({ name, counts, wall, right }) => [
      name,
      `${right}/${images.length}`,
      ...[total(counts), counts.head, counts.token, counts.get, counts.blob, counts.other].map(
        String,
      ),
      wall.toFixed(0),
      `x${(wall / (yardstick?.wall ?? NaN)).toFixed(2)}`,
    ]),
  ]);
}
