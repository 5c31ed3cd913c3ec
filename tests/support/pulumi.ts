/** Runs the real Pulumi CLI on a copy of a project, with a state, a home and a temporary folder of its own. */
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { plainEnvironment, run, succeeded, type Result } from "./run";

export const PULUMI_VERSION = "3.259.0";
const userHome = process.env["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
export const pulumiBinaries = join(userHome, "versions", PULUMI_VERSION, "bin");
export const pulumiPlugins = join(userHome, "plugins");

export interface PulumiOptions {
  /** The project to copy, as a rule this repository. */
  readonly project: string;
  /** An empty or absent folder for everything: project, state, home, temporary files. */
  readonly directory: string;
  /** Stack name. Default `test`. */
  readonly stack?: string;
  /** Added to the environment: `SSH_AUTH_SOCK`, `DOCKER_HOST` … */
  readonly env?: NodeJS.ProcessEnv;
  /** A folder of programs that its commands find first. */
  readonly programs?: string;
  /** Seconds a command may take. Default 300. */
  readonly seconds?: number;
}

/** A stack that exists in its own file backend. Commands tell their exit code; only those that say so reject. */
export interface PulumiStack {
  /** The copied project: configuration may be edited here. `Pulumi.<stack>.yaml` is the stack's. */
  readonly project: string;
  /** The environment of its commands, for other programs that belong to the project. */
  readonly env: NodeJS.ProcessEnv;
  /** Writes `Pulumi.<stack>.yaml`. An empty passphrase needs no `encryptionsalt` until there is a secret. */
  configure(yaml: string): Promise<void>;
  /** `pulumi config set --secret`, the value by standard input. Rejects. */
  setSecret(key: string, value: string): Promise<void>;
  preview(...args: readonly string[]): Promise<Result>;
  up(...args: readonly string[]): Promise<Result>;
  refresh(...args: readonly string[]): Promise<Result>;
  destroy(...args: readonly string[]): Promise<Result>;
  /** All outputs, secret ones in clear. Rejects. */
  outputs(): Promise<Readonly<Record<string, unknown>>>;
  /** The state as JSON text, secrets encrypted. Rejects. */
  exportState(): Promise<string>;
  /** Any other command. */
  pulumi(...args: readonly string[]): Promise<Result>;
}

const NOT_COPIED = new Set([".git", "node_modules", "coverage", "test-output"]);

export async function newStack(options: PulumiOptions): Promise<PulumiStack> {
  const { directory, stack = "test" } = options;
  const project = join(directory, "project");
  const home = join(directory, "home");
  for (const name of ["state", "home", "tmp"])
    await mkdir(join(directory, name), { recursive: true });
  // A copy, because `pulumi stack init` writes beside Pulumi.yaml and knows no --config-file.
  await cp(options.project, project, {
    recursive: true,
    filter: (source) => source === options.project || !NOT_COPIED.has(basename(source)),
  });
  await symlink(join(options.project, "node_modules"), join(project, "node_modules"));
  for (const name of ["plugins", "versions"]) await symlink(join(userHome, name), join(home, name));

  const env: NodeJS.ProcessEnv = {
    ...plainEnvironment,
    PATH: [pulumiBinaries, options.programs, plainEnvironment["PATH"]].filter(Boolean).join(":"),
    HOME: homedir(),
    TMPDIR: join(directory, "tmp"),
    PULUMI_HOME: home,
    PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "",
    PULUMI_SKIP_UPDATE_CHECK: "1",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "1",
    PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK: "1",
    ...options.env,
  };
  const timeout = (options.seconds ?? 300) * 1000;
  const pulumi = (args: readonly string[], input?: string): Promise<Result> =>
    run(join(pulumiBinaries, "pulumi"), [...args, "--non-interactive", "--color=never"], {
      cwd: project,
      env,
      timeout,
      ...(input !== undefined && { input }),
    });
  const onStack =
    (command: string, ...always: readonly string[]) =>
    (...args: readonly string[]) =>
      pulumi([command, `--stack=${stack}`, ...always, ...args]);

  succeeded("pulumi stack init", await pulumi(["stack", "init", stack]));
  return {
    project,
    env,
    configure: (yaml) => writeFile(join(project, `Pulumi.${stack}.yaml`), yaml),
    setSecret: async (key, value) => {
      const args = ["config", "set", `--stack=${stack}`, "--secret", "--path", key];
      succeeded(`pulumi config set --secret ${key}`, await pulumi(args, value));
    },
    preview: onStack("preview"),
    up: onStack("up", "--yes", "--skip-preview"),
    refresh: onStack("refresh", "--yes", "--skip-preview"),
    destroy: onStack("destroy", "--yes", "--skip-preview"),
    outputs: async () => {
      const args = ["stack", "output", `--stack=${stack}`, "--json", "--show-secrets"];
      const { stdout } = succeeded("pulumi stack output", await pulumi(args));
      return JSON.parse(stdout) as Readonly<Record<string, unknown>>;
    },
    exportState: async () =>
      succeeded("pulumi stack export", await pulumi(["stack", "export", `--stack=${stack}`]))
        .stdout,
    pulumi: (...args) => pulumi(args),
  };
}
