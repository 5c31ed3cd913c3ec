import { SECRET_NAMES, SecretName } from "../../../config/schema";
import { filesFor, RecordedContainer } from "../../model/containers";
import { placeholder } from "../../model/synth";

/** A secret by its name in the configuration, and everybody who reads it. */
export interface SecretView {
  readonly name: SecretName;
  readonly readers: readonly SecretReader[];
}

export interface SecretReader {
  readonly container: string;
  /** A file that only the container's user can read; a variable also shows in `docker inspect`. */
  readonly by: "file" | "environment";
  /** The file's path in the container, or the variable's name. */
  readonly at: string;
}

/** Secrets that something reads. The model must have been made with placeholders. */
export function secretViews(containers: readonly RecordedContainer[]): SecretView[] {
  return SECRET_NAMES.map((name) => ({
    name,
    readers: containers.flatMap((container) => readers(container, name, containers)),
  })).filter((secret) => secret.readers.length > 0);
}

function readers(
  container: RecordedContainer,
  secret: SecretName,
  containers: readonly RecordedContainer[],
): SecretReader[] {
  const { name, inputs } = container;
  return [
    ...(inputs.envs ?? [])
      .filter((line) => line.endsWith(`=${placeholder(secret)}`))
      .map((line): SecretReader => ({
        container: name,
        by: "environment",
        at: line.split("=", 1)[0] ?? "",
      })),
    ...filesFor(container, containers)
      .filter(({ content }) => content === placeholder(secret))
      .map(({ file }): SecretReader => ({ container: name, by: "file", at: file })),
  ];
}
