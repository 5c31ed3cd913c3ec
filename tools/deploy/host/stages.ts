/** The stages before anything that runs is touched: images, rehearsal, dump. Each rejects when it fails. */
import { randomUUID } from "node:crypto";

import { StackConfig } from "../../../config/config";
import { StackModel } from "../../../components/model";
import { LoadedStack } from "../../model/load";
import { Refused, Run, UNTOUCHED } from "../context";
import { dumpFolder, dumpScript, NOT_RUNNING } from "./dump";
import { HostShell } from "./shell";
import { Plan } from "../plan/plan";
import { pullProblems, pullScript } from "./pull";
import { isRehearsed, rehearsalScript, rehearsedVolumes } from "./rehearsal";
import { routeProbes } from "./routes";

/** For all images together, ms. */
const PULL_MS = 30 * 60_000;

export async function pullImages(
  { shell, signal, talk }: Run,
  plan: Plan,
  { config }: LoadedStack,
): Promise<void> {
  const { platform, registries } = config;
  const images = Object.fromEntries(
    Object.entries(plan.images).filter(([service]) => plan.newImages.includes(service)),
  );
  if (Object.keys(images).length === 0) return;
  talk.stage("images");
  const { code, stdout, stderr } = await shell(pullScript({ images, platform, registries }), {
    signal,
    timeoutMs: PULL_MS,
    onLine: (line) => {
      if (line.startsWith("pulled="))
        talk.say(`pulled the image of ${line.slice("pulled=".length)}`);
    },
  });
  const problems = code === 0 ? pullProblems(stdout) : [stderr.trim()];
  if (problems.length > 0)
    throw new Refused([...problems.map((line) => `images.${line}`), UNTOUCHED].join("\n"));
}

/** Seconds in which the trial must be healthy. */
const REHEARSAL_SECONDS = 40;

export async function rehearse(
  { stack, shell, signal, talk }: Run,
  plan: Plan,
  model: StackModel,
): Promise<void> {
  for (const { name, service, action } of plan.containers) {
    const container = model.containers.find((one) => one.name === name);
    if (container === undefined || action !== "replaced" || !isRehearsed(service)) continue;
    talk.stage(`rehearsal of ${name}`);
    const run = `${stack}-rehearsal-${randomUUID().slice(0, 8)}`;
    const { mode } = model.ingress.tls;
    const { code, stderr } = await shell(
      rehearsalScript({
        stack,
        run,
        container,
        volumes: rehearsedVolumes(run, container),
        // With ACME a name without its certificate gets no answer at all.
        routes: mode === "acme" ? [] : routeProbes(model),
        scheme: mode === "none" ? "http" : "https",
        seconds: REHEARSAL_SECONDS,
      }),
      { signal, timeoutMs: (REHEARSAL_SECONDS + 60) * 1000 },
    );
    if (code !== 0) throw new Refused(`${stderr.trim()}\n${UNTOUCHED}`);
    talk.say(`${name} started and became healthy beside the running one`);
  }
}

const DUMP_MS = 60 * 60_000;

/** How a dump ended; `nothing`: no PostgreSQL runs. */
export type Dumped = { readonly folder: string } | { readonly problem: string } | "nothing";

/** Dumps the PostgreSQL that runs. Only under the stack's lock: it removes what an earlier one left unfinished. */
export async function dump(
  shell: HostShell,
  { stack, backups }: Pick<StackConfig, "stack" | "backups">,
  signal: AbortSignal,
): Promise<Dumped> {
  const { keep, directory } = backups;
  const script = dumpScript({
    stack,
    ...(directory !== undefined && { directory }),
    keep,
    now: new Date(),
  });
  const { code, stdout, stderr } = await shell(script, { signal, timeoutMs: DUMP_MS });
  if (code === NOT_RUNNING) return "nothing";
  const folder = dumpFolder(stdout);
  return code === 0 && folder !== undefined ? { folder } : { problem: stderr.trim() };
}

export async function dumpDatabases(run: Run, { config }: LoadedStack): Promise<void> {
  const { shell, signal, talk } = run;
  talk.stage("database dump");
  const dumped = await dump(shell, config, signal);
  if (dumped === "nothing")
    talk.say("no PostgreSQL is running, so there is nothing to dump from; its volume stays");
  else if ("folder" in dumped) talk.say(`the databases are in ${dumped.folder} on the host`);
  else
    throw new Refused(
      `the databases could not be dumped: ${dumped.problem}\n${UNTOUCHED}; to replace PostgreSQL without a dump, add --without-dump`,
    );
}
