import { createHash, scryptSync } from "node:crypto";

import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { initContainerArgs } from "./init-container";
import { labelList } from "./labels";
import { FileContent, FilesMount } from "./model";
import { ComponentOptions, componentOptions, dependencies } from "./options";

/** A secret with the name that reports show instead of it. */
export interface NamedSecret {
  readonly secret: string;
  readonly value: pulumi.Input<string>;
}

export interface FileVolumeArgs {
  /** Where the container mounts the volume. */
  readonly path: string;
  /**
   * By path below `path`, at least one. Plain files are readable by everybody in the container and belong to root. Secrets
   * take `owner`, are readable by that user only (0400), and do not stand beside plain files.
   */
  readonly files: Readonly<
    Record<string, Exclude<FileContent, { readonly secret: string }> | NamedSecret>
  >;
  /** `uid:gid` that reads the secrets. */
  readonly owner?: string;
  /** Image of the init container, as a rule that of the service; with `owner` it needs `/bin/chown`. */
  readonly image: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Name in reports. Default: the resource's. */
  readonly volume?: string;
}

/**
 * Named files for one container, written through Docker's API alone: no path on the host, no shell. Changed content makes
 * a new volume: the new files are complete before the container is replaced, and the old ones stay until it has been.
 */
export class FileVolume extends pulumi.ComponentResource implements FilesMount {
  readonly kind: "files" | "secrets";
  readonly volume: string;
  readonly path: string;
  readonly files: FilesMount["files"];
  readonly volumeName: pulumi.Output<string>;
  /** The volume is empty until it is there. */
  readonly ready: docker.Container;

  constructor(name: string, args: FileVolumeArgs, opts: ComponentOptions) {
    super("hardened:docker:FileVolume", name, {}, componentOptions(opts));
    const { owner, path, files, image, labels = {} } = args;
    const secret = owner !== undefined;
    if (Object.values(files).some((content) => isNamedSecret(content) !== secret))
      throw new Error(`${name}: secrets take an owner, plain files none; use a volume for each`);
    this.kind = secret ? "secrets" : "files";
    this.volume = args.volume ?? name;
    this.path = path;
    this.files = Object.fromEntries(
      Object.entries(files).map(([file, content]) => [
        file,
        isNamedSecret(content) ? { secret: content.secret } : content,
      ]),
    );
    const dependsOn = dependencies(opts);
    const volume = new docker.Volume(
      name,
      { labels: labelList(labels, "files") },
      {
        parent: this,
        deleteBeforeReplace: false,
        // A deployment that fails on an image must not have made the volume yet: restoring the pin would be another change.
        dependsOn,
        // Pulumi stores a secret trigger but never acts on it, so this has to be a plain hash.
        replacementTrigger: pulumi.unsecret(fingerprint(files, secret ? name : undefined)),
      },
    );
    this.ready = new docker.Container(
      `${name}-init`,
      initContainerArgs({
        image,
        volumeName: volume.name,
        path,
        uploads: Object.entries(files).map(([file, content]) => ({
          file: `${path}/${file}`,
          ...upload(content),
          permissions: secret ? "0400" : "0444",
        })),
        ...(secret && { chown: owner }),
        labels,
      }),
      {
        parent: this,
        deleteBeforeReplace: false,
        // A newer image writes the same files.
        ignoreChanges: ["image"],
        // Whole files would bury the rest of a preview; the volume shows that they changed.
        hideDiffs: ["uploads"],
        replaceOnChanges: ["#initerror"],
        dependsOn,
      },
    );
    this.volumeName = volume.name;
    this.registerOutputs({ volumeName: this.volumeName });
  }
}

type Content = FileVolumeArgs["files"][string];

const isNamedSecret = (content: Content): content is NamedSecret =>
  typeof content === "object" && "secret" in content;

function upload(content: Content) {
  if (isNamedSecret(content)) return { content: pulumi.secret(content.value) };
  return typeof content === "string" ? { content } : { contentBase64: content.base64 };
}

/**
 * A hash of names and contents. That of secrets is stored in clear, so it is slow and salted (scrypt, RFC 7914): a short
 * password must not be found from it.
 */
function fingerprint(
  files: FileVolumeArgs["files"],
  salt: string | undefined,
): pulumi.Output<string> {
  const values = Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, content]) => [file, isNamedSecret(content) ? content.value : content]);
  return pulumi.output(values).apply((contents) => {
    const text = JSON.stringify(contents);
    return salt === undefined
      ? createHash("sha256").update(text).digest("hex")
      : scryptSync(text, `hardened ${salt}`, 32, { N: 16384, r: 8, p: 1 }).toString("hex");
  });
}
