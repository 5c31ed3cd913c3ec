/** What the tests of hardened containers share: a host, and the expectation that the whole policy applies. */
import assert from "node:assert/strict";

import * as command from "@pulumi/command";

import { CommandRunner } from "../../components/hardened/command-runner";
import { ContainerModel, Mount } from "../../components/hardened/model";
import { Controls, EXEMPTIBLE, HARDENED, isRoot } from "../../components/hardened/policy";

/** As DockerHost: a command with a script. */
export const HOST: CommandRunner = {
  command: (name, { script, triggers, once }, opts) =>
    new command.local.Command(
      name,
      { stdin: script, triggers, ...(once === true && { update: ":" }) },
      opts,
    ),
  cgroups: () => assert.fail("nobody asks"),
};

/** In what a container differs from one that says nothing. */
export interface Differences extends Partial<
  Pick<ContainerModel, "secretEnvironment" | "tmpfs" | "dependsOn" | "order">
> {
  /** Those that only an exemption changes need one, for exactly this value. */
  readonly controls?: Partial<Controls>;
  /** One line each, see {@link mountLine}. */
  readonly mounts?: readonly string[];
  /** Names of its networks. */
  readonly networks?: readonly string[];
  /** `address:published:internal` */
  readonly ports?: readonly string[];
}

/** The container is under the whole policy and reaches nothing, except for these differences. */
export function expectHardened(container: ContainerModel, differences: Differences = {}): void {
  const { controls = {}, ...rest } = differences;
  const exempt = EXEMPTIBLE.filter(
    (control) => control in controls && (control !== "user" || isRoot(controls.user ?? "")),
  );
  assert.deepEqual(
    {
      controls: container.controls,
      exemptions: Object.fromEntries(
        container.exemptions.map(({ control, value }) => [control, value]),
      ),
      secretEnvironment: container.secretEnvironment,
      tmpfs: container.tmpfs,
      dependsOn: container.dependsOn,
      order: container.order,
      mounts: container.mounts.map(mountLine),
      networks: container.networks.map(({ name }) => name),
      ports: container.ports.map(
        ({ address, published, internal }) => `${address}:${published}:${internal}`,
      ),
    },
    {
      secretEnvironment: {},
      tmpfs: {},
      dependsOn: [],
      order: "start-first",
      mounts: [],
      networks: [],
      ports: [],
      ...rest,
      controls: { ...HARDENED, ...controls },
      exemptions: Object.fromEntries(exempt.map((control) => [control, controls[control]])),
    },
  );
}

/** `secrets web-keys /run/keys: key=theSecret`, `data web-data /data (chown)`, `host /sys /host/sys` */
export function mountLine(mount: Mount): string {
  switch (mount.kind) {
    case "data":
      return `data ${mount.volume} ${mount.path}${mount.chown ? " (chown)" : ""}`;
    case "host":
    case "socket":
      return `${mount.kind} ${mount.source} ${mount.path}`;
    default: {
      const files = Object.entries(mount.files).map(([file, content]) =>
        typeof content === "object" && "secret" in content ? `${file}=${content.secret}` : file,
      );
      return `${mount.kind} ${mount.volume} ${mount.path}: ${files.join(" ")}`;
    }
  }
}
