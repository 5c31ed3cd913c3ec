import { ContainerInputs, inStack, labelOf, RecordedContainer } from "../../model/containers";
import { isSecret, Model, VOLUME } from "../../model/synth";

export interface VolumeView {
  /** Without the stack's name; of `files` and `secrets` Docker's has a random end. */
  readonly name: string;
  /** `data` outlives every deployment. `files` and `secrets` are made anew whenever their content changes. */
  readonly role: "data" | "files" | "secrets";
  /** `uid:gid`, or who decides it. */
  readonly owner: string;
  readonly mounts: readonly VolumeMount[];
  /** Paths of the files that the program puts there. */
  readonly files: readonly string[];
}

export interface VolumeMount {
  readonly container: string;
  readonly path: string;
  readonly readOnly: boolean;
}

const ROLES = ["data", "secrets", "files"];

export function volumeViews(
  { resources, stack }: Model,
  containers: readonly RecordedContainer[],
): VolumeView[] {
  return resources
    .filter(({ type }) => type === VOLUME)
    .map(({ name, inputs }) => {
      const volume = typeof inputs.name === "string" ? inputs.name : name;
      const users = containers.filter((container) => mountOf(container.inputs, volume));
      const loader = users.find(({ role }) => role === "loader")?.inputs;
      const isData = labelOf(inputs as unknown as ContainerInputs, "role") === "data";
      const files = loader?.uploads ?? [];
      return {
        name: inStack(volume, stack),
        role: isData ? "data" : files.some(isSecretFile) ? "secrets" : "files",
        owner: ownerSetBy(loader) ?? (isData ? "as the image has it" : "root"),
        mounts: users
          .filter(({ role }) => role === "service")
          .map(({ name: container, inputs: own }) => {
            const mount = mountOf(own, volume);
            return {
              container,
              path: mount?.containerPath ?? "",
              readOnly: mount?.readOnly === true,
            };
          }),
        files: isData ? [] : files.map(({ file }) => file),
      } as const;
    })
    .sort((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role) || (a.name < b.name ? -1 : 1));
}

const mountOf = ({ volumes }: ContainerInputs, volume: string) =>
  volumes?.find(({ volumeName }) => volumeName === volume);

const isSecretFile = ({ content }: { readonly content?: string }): boolean => isSecret(content);

/** A helper that starts does one thing: `chown -R <owner> <path>`. */
const ownerSetBy = (loader: ContainerInputs | undefined): string | undefined =>
  loader?.start === false ? undefined : loader?.command?.[1];
