import { SecretName } from "../../../config/schema";
import { RecordedContainer } from "../../model/containers";
import { secretViews } from "../view/secrets";

/** A secret that is supplied as a file; each reader has one of its own, because a file has one owner. */
export interface ComposeSecret {
  /** Its name in the Compose file, and of the file: `n8n-database-password`. */
  readonly name: string;
  readonly secret: SecretName;
  readonly reader: string;
  /** `uid:gid` of the reader. */
  readonly owner: string;
  readonly target: string;
}

export function composeSecrets(containers: readonly RecordedContainer[]): ComposeSecret[] {
  return secretViews(containers).flatMap(({ name: secret, readers }) =>
    readers
      .filter(({ by }) => by === "file")
      .map(({ container, at }) => ({
        name: fileName(container, at),
        secret,
        reader: container,
        owner: containers.find(({ name }) => name === container)?.inputs.user ?? "",
        target: at,
      })),
  );
}

const fileName = (container: string, path: string): string =>
  `${container}-${path.slice(path.lastIndexOf("/") + 1)}`;

/** Secrets in variables, by the variable. */
export const secretVariables = (
  containers: readonly RecordedContainer[],
): { readonly variable: string; readonly secret: SecretName }[] =>
  secretViews(containers).flatMap(({ name: secret, readers }) =>
    readers.filter(({ by }) => by === "environment").map(({ at }) => ({ variable: at, secret })),
  );
