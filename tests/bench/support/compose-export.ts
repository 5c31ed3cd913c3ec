/** The stack's own Compose export in a folder, ready to be started: secrets in files of their readers. */
import { chown, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { stringify } from "yaml";

import { readStackFile } from "../../../config/file/read";
import { loadStack } from "../../../tools/model/load";
import { composeExport as exportOf } from "../../../tools/report/compose/compose";
import { composeSecrets } from "../../../tools/report/compose/services";
import { writeExport } from "../../../tools/report/compose/write";
import { compose } from "../../support/compose";
import type { Result } from "../../support/run";
import type { World } from "../../support/world";

export interface ComposeExport {
  /** Runs `docker compose` on it. */
  readonly run: (...words: readonly string[]) => Promise<Result>;
  /** Writes it anew, from another configuration. */
  readonly write: (values: Readonly<Record<string, unknown>>) => Promise<void>;
}

export async function composeExport(
  { host, docker }: World,
  name: string,
  secrets: Readonly<Record<string, string>>,
): Promise<ComposeExport> {
  const folder = join(host.directory, name);
  await mkdir(join(folder, "secrets"), { recursive: true });
  const env = {
    DOCKER_SOCKET_GID: String((await stat(docker.socket)).gid),
    N8N_ENCRYPTION_KEY: secrets["n8nEncryptionKey"] ?? "",
  };
  const file = join(folder, "compose.yaml");
  return {
    run: (...words) => compose(docker, ["--file", file, ...words], env),
    write: async (values) => {
      const config = Object.fromEntries(
        Object.entries(values).map(([key, value]) => [`pinned-stack:${key}`, value]),
      );
      await writeFile(join(folder, `Pulumi.${name}.yaml`), stringify({ config }));
      const { model } = loadStack(readStackFile(name, folder), { placeholders: true });
      writeExport(folder, exportOf(model));
      for (const { name: secret, secret: key, owner } of composeSecrets(model.containers)) {
        const path = join(folder, "secrets", secret);
        await writeFile(path, secrets[key] ?? "", { mode: 0o400 });
        const [uid = 0, gid = 0] = owner.split(":").map(Number);
        await chown(path, uid, gid);
      }
    },
  };
}
