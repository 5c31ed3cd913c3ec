/** Pulumi's engine for one stack, over the Automation API. The only file of the deployment that starts it. */
import { EngineEvent, LocalWorkspace, Stack } from "@pulumi/pulumi/automation";

import { PROJECT_FOLDER } from "../scripts/cli";
import { findCli, missingPlugins, pulumiEnvironment } from "../scripts/pulumi-cli";
import { ConfigMap, plainConfig, PlainConfig } from "./configuration";
import { EngineError, pulumiProcess, withoutWrapper } from "./pulumi-process";
import { parseState, StackState } from "./state";
import { parseHistory, PastUpdate } from "./history";

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

export interface Engine {
  readonly stack: string;
  /** The configuration in clear, as the program gets it. Rejects when the passphrase does not fit. */
  config(configFile?: string): Promise<PlainConfig>;
  /** What is encrypted is written through the CLI's stdin. */
  setSecret(configFile: string, key: string, value: string): Promise<void>;
  state(): Promise<StackState>;
  /** All updates, the oldest first; with `secrets` their configuration is in clear. */
  history(secrets: boolean): Promise<readonly PastUpdate[]>;
  preview(options: RunOptions): Promise<readonly EngineEvent[]>;
  up(options: RunOptions & { readonly message: string }): Promise<void>;
  /** Brings the state up to what is on the host, and forgets creations whose end is not known. */
  refresh(options: RunOptions): Promise<void>;
  unprotect(urn: string): Promise<void>;
  /** Removes the engine's own lock. */
  cancel(): Promise<void>;
}

/** What keeps the engine from running, one line each. */
export class EngineMissing extends EngineError {
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** Selects the stack, or makes it with `create`. Rejects with {@link EngineMissing}, or with what the CLI says. */
export async function openEngine(
  stack: string,
  options: { readonly create?: boolean } = {},
): Promise<Engine> {
  const env = pulumiEnvironment(stack);
  const cli = await findCli(env);
  if ("missing" in cli) throw new EngineMissing([cli.missing]);
  const missing = await missingPlugins(cli.program, env);
  if (missing.length > 0) throw new EngineMissing(missing);
  const command = await pulumiProcess(withoutWrapper(cli.program, env), env);
  const workspace = await LocalWorkspace.create({
    workDir: PROJECT_FOLDER,
    pulumiCommand: command,
  });
  const select = options.create === true ? ["--create"] : [];
  await run(["stack", "select", "--stack", stack, ...select]);
  const selected = await Stack.select(stack, workspace);
  const file = (configFile?: string): { configFile?: string } =>
    configFile === undefined ? {} : { configFile };

  async function run(args: readonly string[], signal?: AbortSignal): Promise<string> {
    return (await command.run([...args], PROJECT_FOLDER, {}, undefined, undefined, signal)).stdout;
  }

  return {
    stack,
    config: async (configFile) => {
      const from = configFile === undefined ? [] : ["--config-file", configFile];
      const said = await run(["config", "--stack", stack, "--json", "--show-secrets", ...from]);
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
      const text = await run([...words, ...(secrets ? ["--show-secrets"] : [])]);
      return parseHistory(JSON.parse(text) as unknown);
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
    refresh: async ({ configFile, signal }) => {
      await selected.refresh({
        ...file(configFile),
        ...(signal && { signal }),
        clearPendingCreates: true,
        color: "never",
        suppressOutputs: true,
      });
    },
    unprotect: async (urn) => {
      await run(["state", "unprotect", "--stack", stack, "--yes", urn]);
    },
    cancel: async () => {
      await run(["cancel", "--stack", stack, "--yes"]);
    },
  };
}
