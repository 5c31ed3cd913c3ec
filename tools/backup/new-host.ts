/** The host that a stack is restored to after its own is lost. */
import { readStackFile } from "../../config/file/read";
import { hostAccess } from "../../host/address";
import { hostShell } from "../../host/shell";
import { quote } from "../../host/shell-quote";
import { PROJECT_FOLDER } from "../cli/command";
import { beforeChanges, Refused } from "../deploy/context";
import { loadStack } from "../model/load";

/** Rejects with a {@link Refused} where a container or a data volume of the stack is on the host. */
export const refuseUnlessEmpty = (stack: string, signal: AbortSignal): Promise<void> =>
  beforeChanges(async () => {
    const { config, model } = loadStack(readStackFile(stack, PROJECT_FOLDER), {
      placeholders: true,
    });
    if (!config.services.backup.enabled)
      throw new Refused(
        `stack ${stack} has no backups; enable services.backup with the repository of the lost host (docs/backups.md)`,
      );
    const label = quote(`label=pinned-stack.stack=${model.stack}`);
    const { code, stdout, stderr } = await hostShell(hostAccess(config.host))(
      `docker ps -aq --filter ${label}\ndocker volume ls -q --filter ${label}\n`,
      { signal },
    );
    if (code !== 0) throw new Refused(`the host cannot be asked: ${stderr.trim()}`);
    if (stdout.trim() !== "")
      throw new Refused(
        `the host has containers or volumes of stack ${stack}, so it is no new one; to replace their data, leave out --to-new-host`,
      );
  });
