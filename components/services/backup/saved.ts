/** How the data of each container is saved. The one rule for the container that saves it and for the commands. Pure. */
import { Backup, Upgrade } from "../../model";
import { DataMount } from "../../hardened/model";

/** The container that dumps the databases. */
export const DUMPS = "postgres-dumps";
/** The volume in which the start page finds how old the backups are, and the text in it. */
export const STATUS = { volume: "backup-status", file: "backups.txt" } as const;
/** The name of the databases among the backups. */
export const DATABASES = "postgres";

/**
 * `dump`: the databases. `live`: may be copied while it is in use. `paused`, `stopped`: while the container stands still, which only
 * the command can see to. `command`: a command in the container writes a copy.
 */
export type Saving = "dump" | "live" | "paused" | "stopped" | "command";

/** How a data volume is saved; undefined where it is not. */
export function savingOf(
  container: { readonly name: string; readonly upgrade?: Upgrade; readonly backup?: Backup },
  copy: DataMount["copy"],
): Saving | undefined {
  const { name, upgrade, backup } = container;
  if (name === DUMPS) return "dump";
  // The files of a server of databases cannot be copied while it runs; its databases are dumped.
  if (upgrade?.serves !== undefined || (backup !== undefined && "none" in backup)) return undefined;
  if (backup !== undefined && "command" in backup) return "command";
  if (backup !== undefined) return "stopped";
  return copy === "paused" ? "paused" : "live";
}

/** A data volume of the stack and how it is saved. */
export interface SavedVolume {
  /** Name of the container that owns it, and of its backups; {@link DATABASES} for the dumps. */
  readonly name: string;
  /** Name in the stack: `n8n-data`. */
  readonly volume: string;
  readonly saving: Saving;
}
