/** The doctor's look at Pulumi: the CLI and its plugins, the passphrase, and what an earlier run left in the state. */
import { StackFile } from "../../../config/file/read";
import { pulumiEnvironment } from "../../cli/pulumi-cli";
import { Check, ok, problem, splitFix, unsure, untold } from "./check";
import { PlainConfig } from "../../../config/file/edit";
import { Engine, EngineMissing, isNoStack, openEngine } from "../pulumi/stack";
import { engineLocked } from "../pulumi/lock";
import { moment, unfinished } from "../pulumi/history";

/** Notes a line each for `pulumi`, `passphrase` and `state`; gives what a deployment goes on with. */
export async function checkEngine(
  file: StackFile,
  { create = false }: { readonly create?: boolean },
  note: (...found: readonly Check[]) => void,
): Promise<{ readonly engine?: Engine; readonly config?: PlainConfig }> {
  const { stack } = file;
  let engine: Engine;
  try {
    engine = await openEngine(stack, { create });
  } catch (error) {
    note(...whyNot(file, error));
    return {};
  }
  note(ok("pulumi", "the CLI and its plugins are there"));
  try {
    const config = await engine.config();
    note(
      ok(
        "passphrase",
        config.secretKeys.length === 0
          ? "no secret needs it"
          : `it opens ${config.secretKeys.length} secrets`,
      ),
    );
    note(await stateCheck(engine));
    return { engine, config };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    note(
      isPassphrase(said) ? passphraseProblem(stack) : problem("pulumi", lastLine(said)),
      ...untold(["state"], "it was not looked at"),
    );
    return {};
  }
}

function whyNot(file: StackFile, error: unknown): Check[] {
  const { stack } = file;
  const said = error instanceof Error ? error.message : String(error);
  const there = ok("pulumi", "the CLI and its plugins are there");
  if (isNoStack(error))
    return [
      there,
      passphraseOfNewStack(file),
      ok("state", `nothing is deployed yet; npm run deploy -- --stack ${stack} begins`),
    ];
  if (isPassphrase(said))
    return [there, passphraseProblem(stack), ...untold(["state"], "it was not looked at")];
  const problems =
    error instanceof EngineMissing
      ? error.problems.map((line) =>
          problem("pulumi", line, "npm install, with a connection to the internet"),
        )
      : [
          problem(
            "pulumi",
            lastLine(said),
            "check the backend in Pulumi.yaml or PULUMI_BACKEND_URL",
          ),
        ];
  return [...problems, ...untold(["passphrase", "state"], "Pulumi could not be asked")];
}

/** What earlier runs left. Nothing of it is a problem: a deployment begins with it. */
export async function stateCheck(
  engine: Pick<Engine, "stack" | "state" | "history" | "locks">,
): Promise<Check> {
  const [state, history, [held]] = await Promise.all([
    engine.state(),
    engine.history(false),
    engine.locks(),
  ]);
  if (held !== undefined) {
    const { text, fix } = splitFix(engineLocked(engine.stack, held));
    return unsure("state", text, fix);
  }
  const broken = unfinished(history);
  const again = `npm run deploy -- --stack ${engine.stack}`;
  if (state.pending.length > 0)
    return unsure("state", `the last run was cut off while ${state.pending.join(", ")}`, again);
  if (broken !== undefined)
    return unsure(
      "state",
      `deployment ${broken.number} of ${moment(broken.start)} did not come to its end`,
      again,
    );
  return ok("state", `${state.resources.length} resources, nothing pending`);
}

const isPassphrase = (said: string): boolean => /passphrase/i.test(said);

function passphraseProblem(stack: string): Check {
  return isPassphraseSet(stack)
    ? problem(
        "passphrase",
        `it does not open the secrets of Pulumi.${stack}.yaml`,
        "set the one that the stack was made with in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
      )
    : problem(
        "passphrase",
        `the secrets of ${stack} are encrypted with one, and none is set`,
        "export PULUMI_CONFIG_PASSPHRASE_FILE=/path/to/a/file with it, or PULUMI_CONFIG_PASSPHRASE",
      );
}

/** A deployment makes the stack first, and with it the key from the passphrase. */
export function passphraseOfNewStack({
  stack,
  secretKeys,
}: Pick<StackFile, "stack" | "secretKeys">): Check {
  if (stack === "dev") return ok("passphrase", "the stack for trying things out has an empty one");
  if (/^https:/.test(process.env.PULUMI_BACKEND_URL ?? ""))
    return unsure("passphrase", "the backend may keep the key of the secrets by itself");
  if (!isPassphraseSet(stack)) return passphraseProblem(stack);
  return secretKeys.length === 0
    ? ok("passphrase", "one is set; the stack is made with it")
    : unsure("passphrase", "one is set; whether it opens the secrets shows when the stack is made");
}

function isPassphraseSet(stack: string): boolean {
  const env = pulumiEnvironment(stack);
  return (
    env.PULUMI_CONFIG_PASSPHRASE !== undefined || env.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined
  );
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";
