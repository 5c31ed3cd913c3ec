/**
 * The labels that these components set by themselves: what a container or volume is for, and which containers replace each
 * other. `container` runs, `files` and `data` are volumes. What the scripts on the host make for
 * a while is `helper`, `lock`, `trial` or `before` (fill-volume.ts, start.sh, trial.sh).
 */
export const ROLE_LABEL = "hardened.role";
export const NAME_LABEL = "hardened.name";
export type Role = "container" | "files" | "data";

/** Labels in the form that docker.Container, docker.Volume and docker.Network take. */
export const labelList = (
  labels: Readonly<Record<string, string>>,
  role?: Role,
): { readonly label: string; readonly value: string }[] =>
  Object.entries({ ...labels, ...(role && { [ROLE_LABEL]: role }) }).map(([label, value]) => ({
    label,
    value,
  }));
