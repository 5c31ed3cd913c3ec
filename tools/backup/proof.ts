/** When a backup was last restored on trial: a small file beside the dumps on the host. */
import { folderScript } from "../../components/upgrade/dump";
import { StackConfig } from "../../config/config";
import { quote } from "../../host/shell-quote";
import { HostShell } from "../../host/shell";
import { Databases } from "../deploy/host/dump";

const FILE = "last-proved";

/** Notes that the backup of this time was proved now. */
export async function noteProof(
  { shell, loaded, signal, log }: Databases,
  time: string,
): Promise<void> {
  const { model, config } = loaded;
  const line = `${new Date().toISOString()} ${time}`;
  const { code, stderr } = await shell(
    `${folderScript(model.stack, config.backups)}umask 077
mkdir -p "$folder"
printf '%s\\n' ${quote(line)} >"$folder"/${quote(`.${model.stack}-${FILE}.new`)}
mv "$folder"/${quote(`.${model.stack}-${FILE}.new`)} "$folder"/${quote(`${model.stack}-${FILE}`)}
`,
    { signal },
  );
  if (code !== 0) log(`the proof could not be noted on the host: ${stderr.trim()}`);
}

export interface Proof {
  /** When it was proved, ms since the epoch. */
  readonly at: number;
  /** The backup: `20261127T033000Z`. */
  readonly backup: string;
}

/** Undefined where there was none. */
export async function readProof(
  shell: HostShell,
  stack: string,
  backups: StackConfig["backups"],
  signal?: AbortSignal,
): Promise<Proof | undefined> {
  const { stdout } = await shell(
    `${folderScript(stack, backups)}cat "$folder"/${quote(`${stack}-${FILE}`)} 2>/dev/null || :\n`,
    { signal },
  );
  const [, at = "", backup = ""] = /^(\S{20,30}) (\d{8}T\d{6}Z)$/m.exec(stdout) ?? [];
  const parsed = Date.parse(at);
  return Number.isNaN(parsed) ? undefined : { at: parsed, backup };
}
