/** One Pulumi stack, through the Automation API and the CLI. */
import { EngineEvent, LocalWorkspace, Stack } from "@pulumi/pulumi/automation";

import { printLine, PROJECT_FOLDER } from "../../cli/command";
import { findCli, missingPlugins, pulumiEnvironment, withoutWrapper } from "../../cli/pulumi-cli";
import { ConfigMap, plainConfig, PlainConfig } from "../../../config/file/edit";
import { PulumiError, pulumiProcess } from "./process";
import { freeStack, StackLock, stackLocks } from "./lock";
import { allPages, parseHistory, PastUpdate } from "./history";
import { parseState, StackState, withRecordedOutputs } from "./state";

export interface RunOptions {
  /** Default: `Pulumi.<stack>.yaml`. */
  readonly configFile?: string;
  readonly signal?: AbortSignal;
  /** URNs of resources to skip. */
  readonly exclude?: readonly string[];
  /** URNs of the only resources to change. Default: all. */
  readonly target?: readonly string[];
  /** URNs of resources to replace although their inputs did not change. */
  readonly replace?: readonly string[];
  readonly onEvent?: (event: EngineEvent) => void;
}

export interface PulumiStack {
  readonly stack: string;
  /** The decrypted configuration. Rejects if the passphrase is wrong. */
  config(): Promise<PlainConfig>;
  /** Encrypts a value and writes it to `configFile`. */
  setSecret(configFile: string, key: string, value: string): Promise<void>;
  state(): Promise<StackState>;
  /** All updates, the oldest first. With `secrets` their configuration is decrypted. */
  history(secrets: boolean): Promise<readonly PastUpdate[]>;
  /** Records the start of the newest healthy deployment, or `none`. */
  setVerified(start: string): Promise<void>;
  /**
   * Holders of Pulumi's own locks on the stack; empty if there are none, or if the backend does not show them. Without those
   * that this machine's processes left behind: every change removes them first.
   */
  locks(): Promise<readonly string[]>;
  preview(options: RunOptions): Promise<readonly EngineEvent[]>;
  /** `environment`: variables that the program reads. With `target`, what components have recorded stays. */
  up(
    options: RunOptions & {
      readonly message: string;
      readonly environment?: Readonly<Record<string, string>>;
    },
  ): Promise<void>;
  /** Updates the state from the host, and clears pending creations. */
  refresh(options: Pick<RunOptions, "signal">): Promise<void>;
  unprotect(urn: string): Promise<void>;
}

/** The CLI or a plugin is missing. */
export class PulumiMissing extends PulumiError {
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** A stack tag, because Pulumi's state and history do not record health. */
const VERIFIED = "pinned-stack:verified";
/** Updates per page of the history. */
const PAGE_SIZE = 100;

/**
 * Opens the stack, or creates it with `create`. Does not change the user's selected stack. Rejects with
 * {@link PulumiMissing}, or with the error of the CLI.
 */
export async function openStack(
  stack: string,
  options: {
    readonly create?: boolean;
    /** Called when a lock that was left behind is removed. Default: writes to stderr. */
    readonly log?: (line: string) => void;
  } = {},
): Promise<PulumiStack> {
  const { log = printLine } = options;
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

  async function run(args: readonly string[], input?: string): Promise<string> {
    return (await command.runHere(args, input)).stdout;
  }

  const exported = async (): Promise<object> =>
    JSON.parse(await run(["stack", "export", "--stack", stack])) as object;

  let backend: Promise<string> | undefined;
  const locks = async (): Promise<readonly StackLock[]> => {
    backend ??= run(["whoami", "--json"]);
    return stackLocks((JSON.parse(await backend) as { readonly url: string }).url, stack);
  };
  /** A child that was killed, during this deployment or an earlier one, would make every change fail. */
  const free = async (): Promise<void> => {
    await freeStack(stack, await locks(), run, log);
  };

  return {
    stack,
    config: async () => {
      const json = await run(["config", "--stack", stack, "--json", "--show-secrets"]);
      return plainConfig(JSON.parse(json) as ConfigMap);
    },
    setSecret: async (configFile, key, value) => {
      const args = ["config", "set", "--stack", stack, "--config-file", configFile, "--secret"];
      await run([...args, key], value);
    },
    state: async () => parseState(await exported()),
    history: async (secrets) => {
      const args = ["stack", "history", "--stack", stack, "--json", "--full-dates"];
      if (secrets) args.push("--show-secrets");
      const pages = allPages(async (page) => {
        const paging = ["--page-size", String(PAGE_SIZE), "--page", String(page)];
        return JSON.parse(await run([...args, ...paging])) as unknown[];
      });
      const [updates, { [VERIFIED]: verified }] = await Promise.all([pages, tags()]);
      return parseHistory(updates, verified);
    },
    setVerified: async (start) => {
      await run(["stack", "tag", "set", VERIFIED, start, "--stack", stack]);
    },
    locks: async () => (await locks()).flatMap(({ holder, left }) => (left ? [] : [holder])),
    preview: async ({ configFile, signal, onEvent, exclude = [], replace = [] }) => {
      const events: EngineEvent[] = [];
      await selected.preview({
        ...(configFile !== undefined && { configFile }),
        ...(signal && { signal }),
        exclude: [...exclude],
        replace: [...replace],
        color: "never",
        onEvent: (event) => {
          events.push(event);
          onEvent?.(event);
        },
      });
      return events;
    },
    up: async (options) => {
      const { configFile, signal, onEvent, message, target, replace = [] } = options;
      await free();
      const before = target && (await exported());
      workspace.envVars = { ...options.environment };
      await selected.up({
        ...(configFile !== undefined && { configFile }),
        ...(signal && { signal }),
        ...(onEvent && { onEvent }),
        message,
        ...(target && { target: [...target] }),
        replace: [...replace],
        color: "never",
        suppressOutputs: true,
      });
      const corrected = before && withRecordedOutputs(before, await exported());
      if (corrected) await run(["stack", "import", "--stack", stack], JSON.stringify(corrected));
    },
    refresh: async ({ signal }) => {
      await free();
      await selected.refresh({
        ...(signal && { signal }),
        clearPendingCreates: true,
        color: "never",
        suppressOutputs: true,
      });
    },
    unprotect: async (urn) => {
      await free();
      await run(["state", "unprotect", "--stack", stack, "--yes", urn]);
    },
  };
}

/** Whether the CLI failed because the backend does not have the stack. */
export const isNoStack = (error: unknown): boolean =>
  error instanceof Error && /no stack named/.test(error.message);
