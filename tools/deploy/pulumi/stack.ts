/** Pulumi for one stack, over the Automation API. The only file of a deployment that starts it. */
import { EngineEvent, LocalWorkspace, Stack } from "@pulumi/pulumi/automation";

import { PROJECT_FOLDER } from "../../cli/command";
import { findCli, missingPlugins, pulumiEnvironment } from "../../cli/pulumi-cli";
import { ConfigMap, plainConfig, PlainConfig } from "../../../config/file/edit";
import { PulumiError, pulumiProcess, withoutWrapper } from "./process";
import { stackLocks } from "./lock";
import { allPages, parseHistory, PastUpdate } from "./history";
import { parseState, StackState } from "./state";

export interface RunOptions {
  /** Another configuration than `Pulumi.<stack>.yaml`. */
  readonly configFile?: string;
  readonly signal?: AbortSignal;
  /** Resources to leave alone. */
  readonly exclude?: readonly string[];
  /** Resources to make anew though nothing about them changed. */
  readonly replace?: readonly string[];
  readonly onEvent?: (event: EngineEvent) => void;
}

export interface PulumiStack {
  readonly stack: string;
  /** The configuration in clear, as the program gets it. Rejects when the passphrase does not fit. */
  config(): Promise<PlainConfig>;
  /** What is encrypted is written through the CLI's stdin. */
  setSecret(configFile: string, key: string, value: string): Promise<void>;
  state(): Promise<StackState>;
  /** All updates, the oldest first; with `secrets` their configuration is in clear. */
  history(secrets: boolean): Promise<readonly PastUpdate[]>;
  /** Keeps a record of the newest deployment that was found healthy: its start, or `none`. */
  setVerified(start: string): Promise<void>;
  /** Pulumi's own locks on the stack, in words; empty when there is none or the backend cannot tell. */
  locks(): Promise<readonly string[]>;
  preview(options: RunOptions): Promise<readonly EngineEvent[]>;
  up(options: RunOptions & { readonly message: string }): Promise<void>;
  /** Brings the state up to what is on the host, and forgets creations whose end is not known. */
  refresh(options: Pick<RunOptions, "signal">): Promise<void>;
  unprotect(urn: string): Promise<void>;
}

/** What keeps Pulumi from running, one line each. */
export class PulumiMissing extends PulumiError {
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** A tag of the stack, beside the state: the state itself says nothing about health. */
const VERIFIED = "pinned-stack:verified";
/** Updates that the CLI gives at once. */
const PAGE = 100;

/**
 * Looks whether the stack is there; with `create` it is made. The stack that the user has selected stays selected: every
 * call names its own. Rejects with {@link PulumiMissing}, or with what the CLI says.
 */
export async function openStack(
  stack: string,
  options: { readonly create?: boolean } = {},
): Promise<PulumiStack> {
  const env = pulumiEnvironment(stack);
  const cli = await findCli(env);
  if ("missing" in cli) throw new PulumiMissing([cli.missing]);
  const missing = await missingPlugins(cli.program, env);
  if (missing.length > 0) throw new PulumiMissing(missing);
  const command = await pulumiProcess(withoutWrapper(cli.program, env), env);
  const workspace = await LocalWorkspace.create({
    workDir: PROJECT_FOLDER,
    pulumiCommand: command,
  });
  workspace.selectStack = () => Promise.resolve();
  const tags = async (): Promise<Readonly<Partial<Record<string, string>>>> =>
    JSON.parse(await run(["stack", "tag", "ls", "--stack", stack, "--json"])) as Record<
      string,
      string
    >;
  await tags().catch(async (error: unknown) => {
    if (options.create !== true || !isNoStack(error)) throw error;
    await run(["stack", "init", "--stack", stack, "--no-select"]);
  });
  const selected = await Stack.select(stack, workspace);
  const file = (configFile?: string): { configFile?: string } =>
    configFile === undefined ? {} : { configFile };

  async function run(args: readonly string[], signal?: AbortSignal): Promise<string> {
    return (await command.run([...args], PROJECT_FOLDER, {}, undefined, undefined, signal)).stdout;
  }

  return {
    stack,
    config: async () => {
      const said = await run(["config", "--stack", stack, "--json", "--show-secrets"]);
      return plainConfig(JSON.parse(said) as ConfigMap);
    },
    setSecret: async (configFile, key, value) => {
      const words = ["config", "set", "--stack", stack, "--config-file", configFile, "--secret"];
      await command.withInput([...words, key], value);
    },
    state: async () =>
      parseState(JSON.parse(await run(["stack", "export", "--stack", stack])) as unknown),
    history: async (secrets) => {
      const words = ["stack", "history", "--stack", stack, "--json", "--full-dates"];
      if (secrets) words.push("--show-secrets");
      const pages = allPages(async (page) => {
        const part = ["--page-size", String(PAGE), "--page", String(page)];
        return JSON.parse(await run([...words, ...part])) as unknown[];
      });
      const [updates, known] = await Promise.all([pages, tags()]);
      return parseHistory(updates, known[VERIFIED]);
    },
    setVerified: async (start) => {
      await run(["stack", "tag", "set", VERIFIED, start, "--stack", stack]);
    },
    locks: async () => {
      const { url } = JSON.parse(await run(["whoami", "--json"])) as { readonly url: string };
      return stackLocks(url, stack);
    },
    preview: async ({ configFile, signal, exclude = [], replace = [] }) => {
      const events: EngineEvent[] = [];
      await selected.preview({
        ...file(configFile),
        ...(signal && { signal }),
        exclude: [...exclude],
        replace: [...replace],
        color: "never",
        onEvent: (event) => events.push(event),
      });
      return events;
    },
    up: async ({ configFile, signal, onEvent, message, replace = [] }) => {
      await selected.up({
        ...file(configFile),
        ...(signal && { signal }),
        ...(onEvent && { onEvent }),
        message,
        replace: [...replace],
        color: "never",
        suppressOutputs: true,
      });
    },
    refresh: async ({ signal }) => {
      await selected.refresh({
        ...(signal && { signal }),
        clearPendingCreates: true,
        color: "never",
        suppressOutputs: true,
      });
    },
    unprotect: async (urn) => {
      await run(["state", "unprotect", "--stack", stack, "--yes", urn]);
    },
  };
}

/** Whether the CLI says that the backend has no stack of that name. */
export const isNoStack = (error: unknown): boolean =>
  error instanceof Error && /no stack named/.test(error.message);
