/** Tells the recipients of a stack, whose URLs only Pulumi can decrypt. Nothing here fails a command. */
import {
  ConfigMap,
  isReadable,
  NOTIFY,
  plainConfig,
  PlainConfig,
  secretTexts,
} from "../../config/file/edit";
import { readStackFile } from "../../config/file/read";
import { fromJson } from "../../config/file/yaml";
import { KEYS } from "../../config/schema";
import { ENCRYPTED } from "../../text/messages";
import { maskOf } from "../../text/redact";
import { printLine, PROJECT_FOLDER } from "../cli/command";
import { findCli, pulumiEnvironment, run, withoutWrapper } from "../cli/pulumi-cli";
import { Recipient, send, Sending } from "../notify/notify";

/** Time limit of the Pulumi CLI, ms. */
const DECRYPT_MS = 30_000;

export interface TellOptions {
  /** That of the stack file. Default: the project. */
  readonly folder?: string;
  /** Prints a warning. Default: to stderr. */
  readonly warn?: (line: string) => void;
  /** The decrypted configuration. Default: from the Pulumi CLI. */
  readonly decrypt?: (stack: string) => Promise<PlainConfig>;
  readonly limitMs?: number;
}

/** Resolves to the number of deliveries. Never rejects: each problem is one warning. */
export async function tell(
  stack: string,
  notices: Sending["notices"],
  options: TellOptions = {},
): Promise<number> {
  const { warn = printLine } = options;
  if (notices.length === 0) return 0;
  try {
    const found = await recipientsOf(stack, options);
    if (found === undefined) return 0;
    const { limitMs } = options;
    const { delivered, problems } = await send({
      ...{ stack, notices, ...found },
      ...(limitMs !== undefined && { limitMs }),
    });
    for (const line of problems) warn(`warning: ${line}`);
    return delivered;
  } catch (error) {
    // The messages of the CLI and of the stack file name no value.
    const why = error instanceof CannotDecrypt ? error.message : "the stack file cannot be read";
    warn(`warning: notify: nothing was sent: ${why}`);
    return 0;
  }
}

class CannotDecrypt extends Error {}

/** Undefined without recipients. */
async function recipientsOf(
  stack: string,
  { folder = PROJECT_FOLDER, decrypt = decrypted }: TellOptions,
): Promise<Pick<Sending, "recipients" | "mask"> | undefined> {
  const file = readStackFile(stack, folder);
  const asWritten = { values: file.config, secretKeys: file.secretKeys };
  const recipients = recipientsIn(asWritten);
  if (recipients.length === 0) return undefined;
  if (!recipients.some(({ url }) => url === ENCRYPTED))
    return { recipients, mask: maskOf(secretTexts(asWritten)) };
  const config = await decrypt(stack);
  return { recipients: recipientsIn(config), mask: maskOf(secretTexts(config)) };
}

/** The valid entries: a deployment that fails for a bad one must be told to the others. */
function recipientsIn({ values }: PlainConfig): Recipient[] {
  const given = fromJson(values[NOTIFY] ?? "");
  return (Array.isArray(given) ? given : []).flatMap((entry) => {
    const { success, data } = KEYS.notify.schema.safeParse([entry]);
    return success ? data : [];
  });
}

async function decrypted(stack: string): Promise<PlainConfig> {
  const env = pulumiEnvironment(stack);
  const cli = await findCli(env);
  if ("missing" in cli) throw new CannotDecrypt(cli.missing);
  const { code, stdout } = await run(
    withoutWrapper(cli.program, env),
    ["config", "--stack", stack, "--json", "--show-secrets"],
    { env, timeoutMs: DECRYPT_MS },
  );
  const config = code === 0 ? plainConfig(JSON.parse(stdout) as ConfigMap) : undefined;
  if (config === undefined || !isReadable(config))
    throw new CannotDecrypt(
      "Pulumi cannot decrypt the URLs; set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
    );
  return config;
}
