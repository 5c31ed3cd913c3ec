/** The only label that these components add: the {@link Role} of a container or volume. */
export const ROLE_LABEL = "hardened.role";
/** `container`: a long-running container. `init`: prepares a volume and exits. `files`, `data`: volumes. */
export type Role = "container" | "init" | "files" | "data";

/** Labels in the form that docker.Container, docker.Volume and docker.Network take. */
export const labelList = (
  labels: Readonly<Record<string, string>>,
  role?: Role,
): { readonly label: string; readonly value: string }[] =>
  Object.entries({ ...labels, ...(role && { [ROLE_LABEL]: role }) }).map(([label, value]) => ({
    label,
    value,
  }));
