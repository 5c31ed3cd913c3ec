/**
 * The one label that these components set by themselves: what a container or volume is for. `container` runs, `init` fills
 * a volume and ends, `files` and `data` are volumes.
 */
export const ROLE_LABEL = "hardened.role";
export type Role = "container" | "init" | "files" | "data";

/** Labels as docker's resources take them. */
export const labelList = (
  labels: Readonly<Record<string, string>>,
  role?: Role,
): { readonly label: string; readonly value: string }[] =>
  Object.entries({ ...labels, ...(role && { [ROLE_LABEL]: role }) }).map(([label, value]) => ({
    label,
    value,
  }));
