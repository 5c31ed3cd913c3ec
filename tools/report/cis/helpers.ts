/** Init containers as components/hardened/{file,data}-volume.ts create them, for the CIS report. Pure. */
import { INIT_LIMITS, Mount } from "../../../components/hardened/model";
import { Exemption, HARDENED } from "../../../components/hardened/policy";
import { StackContainer } from "../../../components/model";
import { ContainerFacts } from "./facts";

export interface Helper {
  readonly name: string;
  readonly image: string;
  readonly user: string;
  readonly capabilities: readonly string[];
  /** If false, Docker only copies files into its volume. */
  readonly starts: boolean;
  readonly mount: Extract<Mount, { readonly volume: string }>;
}

export const helpersOf = ({ mounts, image, toolImage }: StackContainer): Helper[] =>
  mounts.flatMap((mount): Helper[] => {
    const chown = { image: toolImage, user: "0:0", capabilities: ["CAP_CHOWN"], starts: true };
    if (mount.kind === "secrets") return [{ name: `${mount.volume}-init`, ...chown, mount }];
    if (mount.kind === "files") {
      if (mount.live === true) return [];
      const never = { image, user: HARDENED.user, capabilities: [], starts: false };
      return [{ name: `${mount.volume}-init`, ...never, mount }];
    }
    if (mount.kind !== "data" || !mount.chown) return [];
    const capabilities = [...chown.capabilities, "CAP_DAC_READ_SEARCH"];
    return [{ name: `${mount.volume}-owner`, ...chown, capabilities, mount }];
  });

export const helperFacts = (helper: Helper): ContainerFacts => ({
  name: helper.name,
  image: helper.image,
  command: helper.starts ? ["/bin/chown"] : [],
  user: helper.user,
  capDrop: ["ALL"],
  capAdd: helper.capabilities,
  privileged: false,
  readOnlyRootfs: false,
  securityOpts: ["no-new-privileges:true"],
  memory: INIT_LIMITS.memoryMiB * 1024 ** 2,
  cpus: INIT_LIMITS.cpus,
  cpuShares: 0,
  pidsLimit: 0,
  ulimits: [],
  mounts: [
    {
      kind: "volume",
      source: helper.mount.volume,
      target: helper.mount.path,
      writable: true,
      propagation: "",
    },
  ],
  devices: [],
  networks: ["none"],
  namespaces: { pid: "", ipc: "", uts: "", user: "" },
  cgroupParent: "",
  restart: { policy: "no", retries: 0 },
  ports: [],
  healthCheck: false,
  init: true,
});

/** Why an init container deviates from the policy. */
export const helperExemptions = ({ capabilities, starts }: Helper): Exemption[] => [
  ...(capabilities.length === 0
    ? []
    : [
        {
          control: "capabilities",
          value: capabilities,
          reason: "gives its volume to the user of the service; of root's rights it has only these",
        } as const,
      ]),
  {
    control: "readOnlyRootfs",
    value: false,
    reason: "Docker copies no files through a container with a read-only root, even into a volume",
  },
  {
    control: "healthCheck",
    value: false,
    reason: starts
      ? "runs one chown and exits; the service starts only after exit code 0"
      : "never starts; Docker only copies files into its volume",
  },
];
