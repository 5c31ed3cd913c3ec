/** The checks of `npm run doctor`, in order. A deployment starts with {@link examine}. */
import { ConfigError, StackConfig } from "../../../config/config";
import { hostAccess } from "../../../host/address";
import { StackFile, readStackFile } from "../../../config/file/read";
import { LoadedStack, loadStack } from "../../model/load";
import { PROJECT_FOLDER } from "../../cli/command";
import { adoptionOf, adoptionProblem } from "../adopt";
import { takeInventory } from "../host/inventory";
import {
  Check,
  ok,
  problem,
  problemLine,
  allUnknown,
  hasProblem,
  splitFix,
  unknownCheck,
} from "./check";
import { PlainConfig } from "../../../config/file/edit";
import { PulumiStack } from "../pulumi/stack";
import { checkPulumi } from "./pulumi";
import { HostCheckRequest, hostChecks, hostCheckNames, hostCheckScript, portsOf } from "./host";
import { CheckedImage, checkImages } from "../../../images/signatures/check";
import { HostError, hostShell } from "../../../host/shell";
import { knownLines } from "../../trust/known";
import { dnsChecks, registryChecks } from "./network";

/** The results, and what the checks have loaded: undefined if its check failed. */
export interface Findings {
  readonly checks: readonly Check[];
  readonly loaded: LoadedStack | undefined;
  readonly pulumi: PulumiStack | undefined;
  readonly config: PlainConfig | undefined;
}

export interface ExamineOptions {
  /** Create the stack if the backend does not have it. Default false. */
  readonly create?: boolean;
  readonly signal?: AbortSignal;
  /** Called with each result. */
  readonly onCheck?: (check: Check) => void;
}

const NO_CONFIG = "not checked, because the configuration has problems";

/** Configuration, Pulumi, passphrase and host: a deployment fails without any of these. */
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
      ? allUnknown(["host", ...hostCheckNames([])], NO_CONFIG)
      : await checkHost(loaded, options.signal)),
  );
  return { checks, loaded, pulumi, config };
}

/**
 * Registries and DNS: a deployment detects these problems itself, or works in spite of them.
 *
 * @param decrypted the configuration with the passwords of registries, if the passphrase is known
 */
export async function examineOutside(
  loaded: LoadedStack | undefined,
  decrypted: StackConfig | undefined,
  signal?: AbortSignal,
): Promise<Check[]> {
  if (loaded === undefined)
    return allUnknown(["signature", "versions", "registry", "dns"], NO_CONFIG);
  const [signatures, registries, dns] = await Promise.all([
    signatureChecks(loaded.config),
    registryChecks(decrypted ?? loaded.config, signal),
    dnsChecks(loaded.config, loaded.model),
  ]);
  return [...signatures, ...knownChecks(loaded), ...registries, ...dns];
}

/** Never a problem: a deployment, and a return to an older one, must not depend on what became known today. */
function knownChecks(loaded: LoadedStack): readonly Check[] {
  const lines = knownLines(loaded, new Date());
  return lines.length === 0
    ? [
        ok(
          "versions",
          "no ended line and no hole that is not accepted is known of the pinned versions",
        ),
      ]
    : lines.map((line) => unknownCheck("versions", line));
}

/** Offline. A deployment checks what it deploys, which after a rollback is not the stack's file. */
async function signatureChecks(config: StackConfig): Promise<readonly Check[]> {
  const checked = await checkImages({ ...config, folder: PROJECT_FOLDER });
  const bad = checked.filter(({ judgement: { met, word } }) => !met || word === "refused");
  return bad.length === 0
    ? [ok("signature", countedWords(checked))]
    : bad.map(({ service, judgement: { met, word, text, remedy } }) => {
        const line = `${service}: ${word}: ${text}`;
        return met ? unknownCheck("signature", line) : problem("signature", line, remedy);
      });
}

/** `1 verified, 6 unsigned` */
function countedWords(checked: readonly CheckedImage[]): string {
  const words = checked.map(({ judgement }) => judgement.word);
  return [...new Set(words)]
    .map((word) => `${words.filter((one) => one === word).length} ${word}`)
    .join(", ");
}

/**
 * Whether Pulumi's state has lost what runs on the host. A deployment says so by itself. Empty where state or host cannot be
 * read, which other checks tell.
 */
export async function examineAdoption(
  { checks, loaded, pulumi }: Findings,
  signal?: AbortSignal,
): Promise<Check[]> {
  const isReadable = checks.some(({ name, status }) => name === "state" && status !== "problem");
  if (loaded === undefined || hasProblem(checks) || !isReadable) return [];
  const { stack } = loaded.model;
  const shell = hostShell(hostAccess(loaded.config.host));
  const [state, history, live] = await Promise.all([
    pulumi?.state() ?? { resources: [], pending: [] },
    pulumi?.history(false) ?? [],
    takeInventory(shell, stack, signal),
  ]);
  const adoption = adoptionOf(state, live, stack, history);
  if (adoption === undefined) return [];
  const { text, fix } = splitFix(adoptionProblem(stack, adoption));
  return [problem("adoption", text, fix)];
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

/** Runs all checks on the host over one connection. */
async function checkHost({ config, model }: LoadedStack, signal?: AbortSignal): Promise<Check[]> {
  const access = hostAccess(config.host);
  const request: HostCheckRequest = {
    stack: model.stack,
    platform: model.platform,
    needs: model.images.map(({ needs }) => needs),
    networks: model.networks.map(({ name }) => `${model.stack}-${name}`),
    networkPool: config.networkPool,
    ports: portsOf(config),
  };
  const startedAt = Date.now();
  try {
    const result = await hostShell(access)(hostCheckScript(request), { signal });
    return hostChecks(request, access.label, result, { from: startedAt, to: Date.now() });
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return [
      problemLine("host", error.message),
      ...allUnknown(
        hostCheckNames(request.ports),
        "not checked, because the host cannot be reached",
      ),
    ];
  }
}
