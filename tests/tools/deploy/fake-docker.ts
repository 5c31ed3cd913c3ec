/** A host for scripts: a shell with a home of its own, and in its PATH a `docker` that is a shell script. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { HostShell, hostShell } from "../../../host/shell";
import { hostAccess } from "../../../host/address";

export interface FakeHost {
  readonly shell: HostShell;
  /** $HOME of its scripts; the fake docker finds it there too. */
  readonly home: string;
  /** Every call of docker so far, its words in one line. */
  calls(): readonly string[];
  remove(): void;
}

/** @param docker body of the script: its words are `$@`, it may keep files in `$HOME` */
export function fakeHost(docker: string): FakeHost {
  const home = mkdtempSync(join(tmpdir(), "fake-host-"));
  const log = join(home, "calls");
  writeFileSync(log, "");
  writeFileSync(join(home, "docker"), `#!/bin/sh\necho "$*" >>'${log}'\n${docker}\n`, {
    mode: 0o755,
  });
  const local = hostShell(hostAccess({ address: "unix:///var/run/docker.sock" }));
  return {
    home,
    shell: (script, options) =>
      local(`export HOME='${home}' PATH='${home}':"$PATH"\n${script}`, options),
    calls: () => readFileSync(log, "utf8").split("\n").filter(Boolean),
    remove: () => {
      rmSync(home, { recursive: true, force: true });
    },
  };
}
