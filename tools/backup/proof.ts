/** When a backup was last restored on trial: the container `backup` remembers it, and the start page shows it. */
import { askScript } from "../../components/upgrade/backup";
import { HostShell } from "../../host/shell";
import { Databases } from "../deploy/host/dump";

/** Notes that the backup of this time was proved now. */
export async function noteProof(
  { shell, loaded, signal, log }: Databases,
  time: string,
): Promise<void> {
  const { stack } = loaded.model;
  const { code, stderr } = await shell(askScript(stack, "noted", "proved", time), { signal });
  if (code !== 0) log(`the proof could not be noted: ${stderr.trim()}`);
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
  signal?: AbortSignal,
): Promise<Proof | undefined> {
  const { stdout } = await shell(askScript(stack, "proved"), { signal });
  const [, at = "", backup = ""] = /^(\d{9,11}) (\d{8}T\d{6}Z)$/m.exec(stdout) ?? [];
  return at === "" ? undefined : { at: Number(at) * 1000, backup };
}
