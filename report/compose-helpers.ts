/** One-shot containers that fill a volume or give it to a user, then end. Pure. */
import { inStack, RecordedContainer } from "../model/containers";
import { plain } from "./compose-text";

export interface ComposeFile {
  /** Its name in the Compose file. */
  readonly name: string;
  readonly target: string;
  readonly content: string;
}

export class ComposeError extends Error {
  override readonly name = "ComposeError";
}

/** The files of a loader, under names of their own. Throws a {@link ComposeError} for a file that is no text. */
export function inlineFiles({ inputs, resource }: RecordedContainer, stack: string): ComposeFile[] {
  const prefix = inStack(resource, stack).replace(/-loader$/, "");
  return (inputs.uploads ?? []).map(({ file, content }) => {
    if (content === undefined)
      throw new ComposeError(
        `${file}: a Compose file holds no bytes, only texts; leave services.homepage.folder out for the export and mount your site yourself`,
      );
    const name = file.slice(1).replace(/[^A-Za-z0-9._-]+/g, "-");
    return { name: `${prefix}-${name}`, target: file, content: plain(content) };
  });
}

export function helper(container: RecordedContainer, stack: string, platform: string): object {
  const { inputs } = container;
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
    mem_limit: "64m",
    memswap_limit: "64m",
    restart: "no",
    configs: inlineFiles(container, stack).map(({ name, target }) => ({
      source: name,
      target,
      mode: "0444",
    })),
    volumes: (inputs.volumes ?? []).map(({ volumeName, containerPath }) => ({
      type: "volume",
      source: inStack(volumeName ?? "", stack),
      target: containerPath,
    })),
  };
}
