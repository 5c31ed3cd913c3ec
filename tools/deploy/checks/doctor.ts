/** All the doctor's checks in order; a deployment begins with the first part of them. */
import { ConfigError, StackConfig } from "../../../config/config";
import { hostAccess } from "../../../host/address";
import { StackFile, readStackFile } from "../../../config/file/read";
import { LoadedStack, loadStack } from "../../model/load";
import { PROJECT_FOLDER } from "../../cli/command";
import { Check, ok, problem, problemLine, allUnknown } from "./check";
import { PlainConfig } from "../../../config/file/edit";
import { PulumiStack } from "../pulumi/stack";
import { checkPulumi } from "./pulumi";
import { hostChecks, hostCheckScript, hostLines, HostQuestions, portsOf } from "./host";
import { HostError, hostShell } from "../host/shell";
import { dnsChecks, registryChecks } from "./network";

/** What the checks found out on their way; a part is missing where its check failed. */
export interface Findings {
  readonly checks: readonly Check[];
  readonly loaded?: LoadedStack;
  readonly pulumi?: PulumiStack;
  readonly config?: PlainConfig;
}

export interface ExamineOptions {
  /** Make the stack when the backend has none of that name. Default false. */
  readonly create?: boolean;
  readonly signal?: AbortSignal;
  /** Called with each check as soon as it is done. */
  readonly onCheck?: (check: Check) => void;
}

const NO_CONFIG = "depends on the configuration, which has problems";

/** Configuration, pulumi, passphrase and host: what a deployment cannot do without. */
export async function examine(stack: string, options: ExamineOptions = {}): Promise<Findings> {
  const checks: Check[] = [];
  const note = (...found: readonly Check[]): void => {
    checks.push(...found);
    found.forEach((check) => options.onCheck?.(check));
  };
  const file = readStackFile(stack, PROJECT_FOLDER);
  const loaded = load(file, note);
  const { pulumi, config } = await checkPulumi(file, options, note);
  note(
    ...(loaded === undefined
      ? allUnknown(["host", ...hostLines([])], NO_CONFIG)
      : await askHost(loaded, options.signal)),
  );
  return {
    checks,
    ...(loaded && { loaded }),
    ...(pulumi && { pulumi }),
    ...(config && { config }),
  };
}

/** What a deployment finds out by itself, or what may be wrong without stopping one. */
export async function examineOutside(
  loaded: LoadedStack | undefined,
  plain: StackConfig | undefined,
  signal?: AbortSignal,
): Promise<Check[]> {
  if (loaded === undefined) return allUnknown(["registry", "dns"], NO_CONFIG);
  const [registries, dns] = await Promise.all([
    // With the passwords of private registries, where they could be read.
    registryChecks(plain ?? loaded.config, signal),
    dnsChecks(loaded.config, loaded.model),
  ]);
  return [...registries, ...dns];
}

function load(
  file: StackFile,
  note: (...found: readonly Check[]) => void,
): LoadedStack | undefined {
  try {
    const loaded = loadStack(file);
    note(ok("config", `Pulumi.${file.stack}.yaml: ${loaded.model.images.length} services`));
    return loaded;
  } catch (error) {
    if (error instanceof ConfigError)
      note(...error.problems.map((line) => problemLine("config", line)));
    else note(problem("config", error instanceof Error ? error.message : String(error)));
    return undefined;
  }
}

/** One connection for everything that only the host knows. */
async function askHost({ config, model }: LoadedStack, signal?: AbortSignal): Promise<Check[]> {
  const access = hostAccess(config.host);
  const questions: HostQuestions = {
    stack: model.stack,
    platform: model.platform,
    needs: model.images.map(({ needs }) => needs),
    ports: portsOf(config),
  };
  const from = Date.now();
  try {
    const answer = await hostShell(access)(hostCheckScript(questions), {
      ...(signal && { signal }),
    });
    return hostChecks(questions, access.label, answer, { from, to: Date.now() });
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return [
      problemLine("host", error.message),
      ...allUnknown(hostLines(questions.ports), "the host could not be asked"),
    ];
  }
}
