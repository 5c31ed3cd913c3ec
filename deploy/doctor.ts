/** All the doctor's checks in order; a deployment begins with the first part of them. */
import { ConfigError, Secret, StackConfig } from "../config";
import { hostAccess } from "../host/address";
import { imageNeeds } from "../image-needs";
import { StackFile, readStackFile } from "../model/stack-file";
import { Model, synth } from "../model/synth";
import { PROJECT_FOLDER } from "../scripts/cli";
import { Check, ok, problem, problemLine, unsure } from "./checks";
import { asStackFile, PlainConfig } from "./configuration";
import { Engine, EngineMissing, isNoStack, openEngine } from "./engine";
import { unfinished } from "./history";
import { hostChecks, hostCheckScript, HostQuestions, portsOf } from "./host-check";
import { HostError, HostShell, hostShell } from "./host-shell";
import { dnsChecks, registryChecks } from "./outside-checks";

/** What the checks found out on their way; a part is missing where its check failed. */
export interface Findings {
  readonly checks: readonly Check[];
  readonly model?: Model;
  readonly engine?: Engine;
  readonly config?: PlainConfig;
}

export interface ExamineOptions {
  /** Make the stack when the backend has none of that name. Default false. */
  readonly create?: boolean;
  readonly signal?: AbortSignal;
  /** Called with each check as soon as it is done. */
  readonly onCheck?: (check: Check) => void;
}

/** Configuration, engine, passphrase and host: what a deployment cannot do without. */
export async function examine(stack: string, options: ExamineOptions = {}): Promise<Findings> {
  const checks: Check[] = [];
  const note = (...found: readonly Check[]): void => {
    checks.push(...found);
    found.forEach((check) => options.onCheck?.(check));
  };
  const file = readStackFile(stack, PROJECT_FOLDER);
  const model = await modelOf(file, note);
  const { engine, config } = await engineOf(file, options, note);
  if (model !== undefined) note(...(await askHost(model, options.signal)));
  return {
    checks,
    ...(model && { model }),
    ...(engine && { engine }),
    ...(config && { config }),
  };
}

/** What a deployment finds out by itself, or what may be wrong without stopping one. */
export async function examineOutside(
  { config }: Model,
  plain: StackConfig | undefined,
  signal?: AbortSignal,
): Promise<Check[]> {
  const [registries, dns] = await Promise.all([
    // With the passwords of private registries, where they could be read.
    registryChecks(plain ?? config, signal),
    dnsChecks(config),
  ]);
  return [...registries, ...dns];
}

async function modelOf(
  file: StackFile,
  note: (...found: readonly Check[]) => void,
): Promise<Model | undefined> {
  try {
    const model = await synth(file);
    note(ok("config", `Pulumi.${file.stack}.yaml: ${model.outputs.restrictions.length} services`));
    return model;
  } catch (error) {
    if (error instanceof ConfigError)
      note(...error.problems.map((line) => problemLine("config", line)));
    else note(problem("config", error instanceof Error ? error.message : String(error)));
    return undefined;
  }
}

async function engineOf(
  file: StackFile,
  { create = false }: ExamineOptions,
  note: (...found: readonly Check[]) => void,
): Promise<{ readonly engine?: Engine; readonly config?: PlainConfig }> {
  const { stack } = file;
  let engine: Engine;
  try {
    engine = await openEngine(stack, { create });
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    if (error instanceof EngineMissing) {
      note(
        ...error.problems.map((line) =>
          problem("pulumi", line, "npm install, with a connection to the internet"),
        ),
      );
    } else if (isNoStack(error)) {
      note(ok("pulumi", "the CLI and its plugins are there"));
      note(ok("state", `nothing is deployed yet; npm run deploy -- --stack ${stack} begins`));
    } else if (isPassphrase(said)) note(passphraseProblem(stack));
    else
      note(
        problem("pulumi", lastLine(said), "check the backend in Pulumi.yaml or PULUMI_BACKEND_URL"),
      );
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
    note(isPassphrase(said) ? passphraseProblem(stack) : problem("pulumi", lastLine(said)));
    return {};
  }
}

async function stateCheck(engine: Engine): Promise<Check> {
  const [state, history] = await Promise.all([engine.state(), engine.history(false)]);
  const broken = unfinished(history);
  const again = `npm run deploy -- --stack ${engine.stack}`;
  if (state.pending.length > 0)
    return unsure("state", `the last run was cut off while ${state.pending.join(", ")}`, again);
  if (broken !== undefined)
    return unsure(
      "state",
      `deployment ${broken.number} of ${broken.start.toISOString()} did not come to its end`,
      again,
    );
  return ok("state", `${state.resources.length} resources, nothing pending`);
}

const isPassphrase = (said: string): boolean => /passphrase/i.test(said);

const passphraseProblem = (stack: string): Check =>
  process.env.PULUMI_CONFIG_PASSPHRASE === undefined &&
  process.env.PULUMI_CONFIG_PASSPHRASE_FILE === undefined
    ? problem(
        "passphrase",
        `the secrets of ${stack} are encrypted with one, and none is set`,
        "export PULUMI_CONFIG_PASSPHRASE_FILE=/path/to/a/file with it, or PULUMI_CONFIG_PASSPHRASE",
      )
    : problem(
        "passphrase",
        `it does not open the secrets of Pulumi.${stack}.yaml`,
        "set the one that the stack was made with in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
      );

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

/** One connection for everything that only the host knows. */
async function askHost({ stack, config }: Model, signal?: AbortSignal): Promise<Check[]> {
  const access = hostAccess(config.host);
  const shell: HostShell = hostShell(access);
  const questions: HostQuestions = {
    stack,
    platform: config.platform,
    needs: imageNeeds(config.images),
    ports: portsOf(config),
  };
  try {
    const answer = await shell(hostCheckScript(questions), { ...(signal && { signal }) });
    return hostChecks(questions, access.label, answer, Date.now());
  } catch (error) {
    if (error instanceof HostError) return [problemLine("host", error.message)];
    throw error;
  }
}

/** Every secret of a configuration, for masking. */
export const secretsOf = ({ secrets, registries }: StackConfig): string[] => [
  ...Object.values(secrets).map((secret: Secret) => secret.reveal()),
  ...Object.values(registries).flatMap(({ password }) =>
    password === undefined ? [] : [password],
  ),
];

/** The program on the configuration in clear: with it the model knows the registries' passwords, too. */
export const plainModel = (stack: string, config: PlainConfig): Promise<Model> =>
  synth(asStackFile(stack, `${PROJECT_FOLDER}/Pulumi.${stack}.yaml`, config));
