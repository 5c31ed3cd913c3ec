/** What previews and deployments of the seven services cost, beside an empty program and Docker Compose. */

import { columns } from "../../tools/cli/command";
import { composePlugin } from "../support/compose";
import {
  newDeployment,
  onSocket,
  overSsh,
  pinnedImages,
  SERVICE_IMAGES,
  type Deployment,
  type ServiceImage,
} from "../support/deployment";
import { answer, startProbe, type ProbeReport } from "../support/probe";
import { commandWords } from "../support/project-command";
import { IMAGES } from "../support/requirements";
import { run as runProgram, succeeded, type Result } from "../support/run";
import { until } from "../support/until";
import type { World } from "../support/world";
import type { Bench } from "./run";
import { composeExport, type ComposeExport } from "./support/compose-export";
import { benchStack, inWorld, MEMORY } from "./support/engine-world";
import { inTurns, seconds, twoDigits, type Contender } from "./support/measure";

const ROUNDS = 5;
const DOMAIN = "bench.test";
const SECRETS = {
  postgresPassword: "bench-postgres-password",
  n8nDatabasePassword: "bench-database-password",
  n8nEncryptionKey: "bench-encryption-key-0123456789abcdef",
  portainerPassword: "bench-portainer-password",
} as const;

/** What is changed, and the page that tells whether it is away. */
const CHANGES: readonly (readonly [ServiceImage, string, string])[] = [
  ["homepage", DOMAIN, "/"],
  ["n8n", `n8n.${DOMAIN}`, "/healthz"],
  ["postgres", `n8n.${DOMAIN}`, "/healthz/readiness"],
];

type Print = (text: string) => void;

export const bench: Bench = {
  title: `the seven services on a local engine, images pulled before; median of ${ROUNDS} runs where nothing changes`,
  run: (print) =>
    inWorld({ images: Object.values(IMAGES), pulumi: true }, async (world) => {
      const images = await pinnedImages(world);
      for (const image of Object.values(images))
        succeeded("docker pull", await world.docker.cli(["pull", "--quiet", image]));
      const ours = await deployment(world, "bench", onSocket(world), images);
      const theirs = composePlugin() === undefined ? undefined : await exported(world, images);
      const first = [await seconds("pulumi up", () => ours.up())];
      if (theirs !== undefined)
        first.push(await seconds("compose up", () => theirs.run("up", "--detach", "--wait")));
      print(
        `first deployment: pulumi up ${twoDigits(first[0] ?? NaN)} s, docker compose up ${first[1] === undefined ? "not installed" : `${twoDigits(first[1])} s`}\n`,
      );
      await nothingChanges(print, world, ours, theirs, images.homepage ?? "");
      await oneImageChanges(print, world, ours, theirs);
      succeeded("pulumi destroy", await ours.destroy("--exclude-protected"));
      if (theirs !== undefined) succeeded("compose down", await theirs.run("down"));
      await withSsh(print, world, images);
    }),
};

interface Ours extends Deployment {
  readonly port: number;
}

async function deployment(
  world: World,
  name: string,
  access: Readonly<Record<string, unknown>>,
  images: Readonly<Record<string, string>>,
): Promise<Ours> {
  const port = await world.publishedPort();
  const values = stackValues(world, port, images);
  const made = await newDeployment(world, {
    name,
    values: { ...access, ...values },
    secrets: SECRETS,
    env: MEMORY.env,
  });
  return { ...made, port };
}

const stackValues = (
  world: World,
  port: number,
  images: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> => ({
  domain: DOMAIN,
  publish: { address: "127.0.0.1", http: port },
  images,
  registries: { [world.registry.name]: { insecure: true } },
  services: { cadvisor: { enabled: true } },
  adminAllow: ["0.0.0.0/0"],
  checkTags: false,
});

interface Theirs extends ComposeExport {
  readonly port: number;
  readonly pin: (images: Readonly<Record<string, string>>) => Promise<void>;
}

async function exported(world: World, images: Readonly<Record<string, string>>): Promise<Theirs> {
  const port = await world.publishedPort();
  const made = await composeExport(world, "exported", SECRETS);
  let current = images;
  const pin = async (changed: Readonly<Record<string, string>>): Promise<void> => {
    current = { ...current, ...changed };
    await made.write({ ...onSocket(world), ...stackValues(world, port, current) });
  };
  await pin({});
  return { ...made, port, pin };
}

/** What the same providers cost for seven services without any of the policy. */
const BARE = "seven bare containers with the same providers, preview";

async function nothingChanges(
  print: Print,
  world: World,
  ours: Ours,
  theirs: Theirs | undefined,
  image: string,
): Promise<void> {
  const env = { BENCH_DOCKER: world.docker.address, BENCH_IMAGE: image };
  const [empty, plain] = [
    await benchStack(world, "empty", env),
    await benchStack(world, "plain", env),
  ];
  for (const stack of [empty, plain]) {
    await stack.configure("config: {}\n");
    succeeded("pulumi up", await stack.up());
  }
  const quiet = "--expect-no-changes";
  const contenders: readonly Contender[] = [
    { name: "an empty program with the same providers, preview", work: () => empty.preview(quiet) },
    { name: BARE, work: () => plain.preview(quiet) },
    { name: "pinned-stack, preview", work: () => ours.preview(quiet) },
    { name: "pinned-stack, preview --refresh", work: () => ours.preview(quiet, "--refresh") },
    { name: "pinned-stack, up", work: () => ours.up(quiet) },
    ...(theirs === undefined
      ? []
      : [
          { name: "docker compose config", work: () => theirs.run("config", "--quiet") },
          { name: "docker compose up", work: () => theirs.run("up", "--detach", "--wait") },
        ]),
  ];
  const times = await inTurns(ROUNDS, contenders);
  const yardstick = times[contenders.findIndex(({ name }) => name === BARE)] ?? NaN;
  print(
    columns([
      ["nothing changes", "s", "ratio"],
      ...contenders.map(({ name }, index) => {
        const time = times[index] ?? NaN;
        return [name, twoDigits(time), `x${twoDigits(time / yardstick)}`];
      }),
    ]),
  );
  succeeded("pulumi preview", await ours.preview(quiet));
  print(`\nthe program's process needs ${MEMORY.newest()} MiB at most`);
  for (const stack of [empty, plain]) succeeded("pulumi destroy", await stack.destroy());
}

async function oneImageChanges(
  print: Print,
  world: World,
  ours: Ours,
  theirs: Theirs | undefined,
): Promise<void> {
  const rows: string[][] = [];
  for (const [service, host, path] of CHANGES) {
    await world.variant(SERVICE_IMAGES[service], "rebuild");
    const image = await world.pinned(SERVICE_IMAGES[service]);
    succeeded("docker pull", await world.docker.cli(["pull", "--quiet", image]));
    await ours.pin({ [service]: image });
    rows.push([
      `${service}, pulumi up`,
      ...(await visited(ours.port, host, path, () => ours.up())),
    ]);
    if (theirs === undefined) continue;
    await theirs.pin({ [service]: image });
    const change = (): Promise<Result> => theirs.run("up", "--detach", "--wait");
    rows.push([
      `${service}, docker compose up`,
      ...(await visited(theirs.port, host, path, change)),
    ]);
  }
  print(`\n${columns([["one image changes", "s", "failed requests", "longest gap ms"], ...rows])}`);
}

/** A request every 100 ms while a command runs, and until the page is back. */
async function visited(
  port: number,
  host: string,
  path: string,
  command: () => Promise<Result>,
): Promise<string[]> {
  const url = `http://127.0.0.1:${port}${path}`;
  const probe = startProbe({ url, host, every: 100 });
  const time = await seconds("the change", command);
  await until(url, async () => ((await answer(url, host)) === "200" ? true : undefined), 60_000);
  return [twoDigits(time), ...gap(await probe.stop())];
}

const gap = ({ requests, failures, longestGap }: ProbeReport): string[] => [
  `${failures} of ${requests}`,
  failures === 0 ? "none" : String(longestGap),
];

async function withSsh(
  print: Print,
  world: World,
  images: Readonly<Record<string, string>>,
): Promise<void> {
  const stack = await deployment(world, "remote", overSsh(world), images);
  const rows: string[][] = [];
  const note = async (name: string, work: () => Promise<Result>, code = 0): Promise<Result> => {
    const before = await world.ssh.logins();
    const result = await work();
    if (result.code !== code) succeeded(name, result);
    const logins = (await world.ssh.logins()) - before;
    rows.push([name, twoDigits(result.ms / 1000), String(logins)]);
    return result;
  };
  const deploy = (): Promise<Result> =>
    runProgram(process.execPath, [...commandWords("deploy"), "--stack", stack.name, "--yes"], {
      cwd: stack.stack.project,
      env: stack.stack.env,
      timeout: 300_000,
    });
  await note("pulumi up, the first", () => stack.up());
  await note("pulumi preview, nothing changes", () => stack.preview("--expect-no-changes"));
  await note("pulumi up, nothing changes", () => stack.up("--expect-no-changes"));
  await note("npm run deploy, nothing changes", deploy);
  await world.variant(SERVICE_IMAGES.homepage, "rebuild");
  await stack.pin({ homepage: await world.pinned(SERVICE_IMAGES.homepage) });
  await note("npm run deploy, the homepage's image changes", deploy);
  await world.variant(SERVICE_IMAGES.homepage, "exits");
  await stack.pin({ homepage: await world.pinned(SERVICE_IMAGES.homepage) });
  const bad = await note("npm run deploy, an image that exits, and back", deploy, 1);
  print(`\n${columns([["over SSH", "s", "logins"], ...rows])}`);
  const [failed, restored] = [/^(\d+):(\d\d) what failed/m, /^(\d+):(\d\d) outcome/m].map(
    (stage) => {
      const [, minutes, rest] = stage.exec(bad.stderr) ?? [];
      return Number(minutes) * 60 + Number(rest);
    },
  );
  print(
    `\nfrom the failure to the last good deployment again: ${(restored ?? NaN) - (failed ?? NaN)} s`,
  );
}
