import { createHash, scryptSync } from "node:crypto";

import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

/** A text, or bytes in base64. */
export type FileContent = pulumi.Input<string> | { readonly base64: string };

/** A file by its path below the volume's mount point. */
export type Files = Readonly<Record<string, FileContent>>;

export interface FileVolumeArgs {
  readonly stack: string;
  /** The service that reads the files. */
  readonly service: string;
  /** Where the service mounts the volume. */
  readonly path: string;
  /** Not empty: Docker refuses to upload a file without content. */
  readonly files: Files;
  /** Image of the loader. It never starts, unless `owner` is given: then it needs `/bin/chown`. */
  readonly image: docker.RemoteImage;
  /**
   * `uid:gid`. Given: the files are secrets, mode 0400, owned by that user, and only a slow, salted hash of them shows.
   * Not given: the files are plain, mode 0444, owned by root.
   */
  readonly owner?: string;
  readonly after?: readonly pulumi.Resource[];
}

/**
 * Named files for one service, brought over the Docker API: a volume, and a loader that the daemon writes the files
 * through (it can write into a volume of a container that never started). Nothing else of the host is touched.
 *
 * Other contents make another volume, so the new files are complete before the service is replaced and the old ones
 * stay until it has been.
 */
export class FileVolume extends pulumi.ComponentResource {
  readonly volumeName: pulumi.Output<string>;
  readonly path: string;
  /** The service must wait for it: before that the volume is empty. */
  readonly loader: docker.Container;

  constructor(name: string, args: FileVolumeArgs, opts: pulumi.ComponentResourceOptions) {
    super("pinned-stack:index:FileVolume", name, {}, opts);
    this.path = args.path;
    const secret = args.owner !== undefined;
    const contents: pulumi.Output<Readonly<Record<string, unknown>>> = pulumi.output(args.files);
    const labels = [
      { label: "pinned-stack.stack", value: args.stack },
      { label: "pinned-stack.service", value: args.service },
    ];

    const volume = new docker.Volume(
      name,
      { labels: [...labels, { label: "pinned-stack.role", value: "files" }] },
      {
        parent: this,
        deleteBeforeReplace: false,
        // Not a new volume yet for a deployment that fails on an image: putting the pin back would be another change.
        dependsOn: [...(args.after ?? [])],
        // A secret trigger is stored but never acted upon, so it has to be a plain hash.
        replacementTrigger: pulumi.unsecret(
          contents.apply((files) => fingerprint(files, secret ? name : undefined)),
        ),
      },
    );
    this.loader = new docker.Container(
      `${name}-loader`,
      {
        image: args.image.name,
        labels: [...labels, { label: "pinned-stack.role", value: "loader" }],
        networkMode: "none",
        capabilities: { drops: ["ALL"], adds: secret ? ["CAP_CHOWN"] : [] },
        // No read-only root: the daemon would refuse the upload, though all of it goes into the volume.
        securityOpts: ["no-new-privileges:true"],
        mustRun: false,
        volumes: [{ volumeName: volume.name, containerPath: args.path }],
        uploads: Object.entries(args.files).map(([file, content]) => ({
          file: `${args.path}/${file}`,
          ...upload(content, secret),
          permissions: secret ? "0400" : "0444",
        })),
        ...(args.owner === undefined
          ? { start: false }
          : {
              // The only moment at which something runs as root: one chown, without network, then it is over.
              start: true,
              attach: true,
              user: "0:0",
              entrypoints: ["/bin/chown"],
              command: ["-R", args.owner, args.path],
              cpus: "0.5",
              memory: 64,
              memorySwap: 64,
            }),
      },
      {
        parent: this,
        deleteBeforeReplace: false,
        // A newer image does not write the files any differently.
        ignoreChanges: ["image"],
        // Whole files would bury the rest of a preview; that they changed shows on the volume.
        hideDiffs: ["uploads"],
        replaceOnChanges: ["#initerror"],
        dependsOn: [...(args.after ?? [])],
      },
    );
    this.volumeName = volume.name;
    this.registerOutputs({ volumeName: this.volumeName });
  }
}

function upload(content: FileContent, secret: boolean) {
  const marked = (input: pulumi.Input<string>): pulumi.Input<string> =>
    secret ? pulumi.secret(input) : input;
  return isBytes(content)
    ? { contentBase64: marked(content.base64) }
    : { content: marked(content) };
}

const isBytes = (content: FileContent): content is { readonly base64: string } =>
  typeof content === "object" && "base64" in content && !pulumi.Output.isInstance(content);

/**
 * A hash of names and contents. Secrets get a slow, salted one (scrypt, RFC 7914), because it is stored in clear and a
 * short password must not be found from it.
 */
function fingerprint(files: Readonly<Record<string, unknown>>, salt: string | undefined): string {
  const text = JSON.stringify(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
  if (salt === undefined) return createHash("sha256").update(text).digest("hex");
  return scryptSync(text, `pinned-stack ${salt}`, 32, { N: 16384, r: 8, p: 1 }).toString("hex");
}
