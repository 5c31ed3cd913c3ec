/** One-shot containers that fill a volume or give it to a user, then end. Pure. */
import { inStack, RecordedContainer } from "../../model/containers";
import { ComposeFile } from "./files";
import { plain } from "./text";

export interface HelperContext {
  readonly stack: string;
  readonly platform: string;
  /** Those of all helpers. */
  readonly files: readonly ComposeFile[];
}

export function helper(
  { inputs, resource }: RecordedContainer,
  { stack, platform, files }: HelperContext,
): object {
  const own = files.filter((file) => file.helper === resource);
  const path = inputs.volumes?.[0]?.containerPath ?? "";
  const runs = inputs.start !== false;
  return {
    image: inputs.image,
    platform,
    // A loader that the program never starts has to end by itself here: it gives root what is root's already.
    user: runs ? inputs.user : "0:0",
    entrypoint: runs ? inputs.entrypoints : ["/bin/chown"],
    command: runs ? (inputs.command ?? []).map(plain) : ["-R", "0:0", path],
    network_mode: inputs.networkMode,
    cap_drop: inputs.capabilities?.drops ?? [],
    ...((inputs.capabilities?.adds ?? []).length > 0 && { cap_add: inputs.capabilities?.adds }),
    security_opt: inputs.securityOpts,
    ...(inputs.cpus !== undefined && { cpus: Number(inputs.cpus) }),
    mem_limit: "64m",
    memswap_limit: "64m",
    restart: "no",
    configs: own.map(({ name, target }) => ({ source: name, target, mode: "0444" })),
    volumes: (inputs.volumes ?? []).map(({ volumeName, containerPath }) => ({
      type: "volume",
      source: inStack(volumeName ?? "", stack),
      target: containerPath,
    })),
  };
}
