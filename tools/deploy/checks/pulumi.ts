/** The doctor's checks of Pulumi: the CLI and its plugins, the passphrase, and unfinished work in the state. */
import { StackFile } from "../../../config/file/read";
import { pulumiEnvironment } from "../../cli/pulumi-cli";
import { Check, ok, problem, splitFix, unknownCheck, allUnknown } from "./check";
import { PlainConfig } from "../../../config/file/edit";
import { PulumiStack, PulumiMissing, isNoStack, openStack } from "../pulumi/stack";
import { stackLocked } from "../pulumi/lock";
import { timestamp, unfinished } from "../pulumi/history";

/** Notes the results `pulumi`, `passphrase` and `state`. */
export async function checkPulumi(
  file: StackFile,
  { create = false }: { readonly create?: boolean },
  note: (...found: readonly Check[]) => void,
): Promise<{ readonly pulumi?: PulumiStack; readonly config?: PlainConfig }> {
  const { stack } = file;
  let pulumi: PulumiStack;
  try {
    pulumi = await openStack(stack, { create });
  } catch (error) {
    note(...openProblems(file, error));
    return {};
  }
  note(INSTALLED);
  try {
    const config = await pulumi.config();
    note(
      ok(
        "passphrase",
        config.secretKeys.length === 0
          ? "not needed, because no value is encrypted"
          : `decrypts ${config.secretKeys.length} secrets`,
      ),
    );
    note(await stateCheck(pulumi));
    return { pulumi, config };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    note(
      isPassphrase(message) ? passphraseProblem(stack) : problem("pulumi", lastLine(message)),
      unknownCheck("state", "not checked"),
    );
    return {};
  }
}

const INSTALLED = ok("pulumi", "the CLI and its plugins are installed");

function openProblems(file: StackFile, error: unknown): Check[] {
  const { stack } = file;
  const message = error instanceof Error ? error.message : String(error);
  if (isNoStack(error))
    return [
      INSTALLED,
      passphraseOfNewStack(file),
      ok("state", `nothing is deployed yet; to deploy: npm run deploy -- --stack ${stack}`),
    ];
  if (isPassphrase(message))
    return [INSTALLED, passphraseProblem(stack), unknownCheck("state", "not checked")];
  const problems =
    error instanceof PulumiMissing
      ? error.problems.map((line) =>
          problem("pulumi", line, "run npm install with an internet connection"),
        )
      : [
          problem(
            "pulumi",
            lastLine(message),
            "check the backend in Pulumi.yaml or PULUMI_BACKEND_URL",
          ),
        ];
  return [
    ...problems,
    ...allUnknown(["passphrase", "state"], "not checked, because Pulumi failed"),
  ];
}

/** Unfinished work of earlier runs. None of it is a problem, because a deployment completes it. */
export async function stateCheck(
  pulumi: Pick<PulumiStack, "stack" | "state" | "history" | "locks">,
): Promise<Check> {
  const [state, history, [holder]] = await Promise.all([
    pulumi.state(),
    pulumi.history(false),
    pulumi.locks(),
  ]);
  if (holder !== undefined) {
    const { text, fix } = splitFix(stackLocked(pulumi.stack, holder));
    return unknownCheck("state", text, fix);
  }
  const newest = unfinished(history);
  const fix = `npm run deploy -- --stack ${pulumi.stack}`;
  if (state.pending.length > 0)
    return unknownCheck(
      "state",
      `the last run was interrupted while ${state.pending.join(", ")}`,
      fix,
    );
  if (newest !== undefined)
    return unknownCheck(
      "state",
      `deployment ${newest.number} of ${timestamp(newest.start)} did not finish`,
      fix,
    );
  return ok("state", `${state.resources.length} resources, no pending operations`);
}

const isPassphrase = (message: string): boolean => /passphrase/i.test(message);

function passphraseProblem(stack: string): Check {
  return isPassphraseSet(stack)
    ? problem(
        "passphrase",
        `does not decrypt the secrets in Pulumi.${stack}.yaml`,
        "set the passphrase of the stack in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
      )
    : problem(
        "passphrase",
        `not set, but the secrets of stack ${stack} are encrypted`,
        "export PULUMI_CONFIG_PASSPHRASE_FILE=/path/to/file, or PULUMI_CONFIG_PASSPHRASE",
      );
}

/** A deployment creates the stack, and with it a key from the passphrase. */
export function passphraseOfNewStack({
  stack,
  secretKeys,
}: Pick<StackFile, "stack" | "secretKeys">): Check {
  if (stack === "dev") return ok("passphrase", "empty for stack dev, whose secrets are public");
  if (/^https:/.test(process.env.PULUMI_BACKEND_URL ?? ""))
    return unknownCheck(
      "passphrase",
      "not checked, because the backend may manage the key of the secrets",
    );
  if (!isPassphraseSet(stack)) return passphraseProblem(stack);
  return secretKeys.length === 0
    ? ok("passphrase", "set; a deployment creates the stack with it")
    : unknownCheck("passphrase", "set, but not checked before the stack exists");
}

function isPassphraseSet(stack: string): boolean {
  const env = pulumiEnvironment(stack);
  return (
    env.PULUMI_CONFIG_PASSPHRASE !== undefined || env.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined
  );
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";
