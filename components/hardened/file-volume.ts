import { createHash, scryptSync } from "node:crypto";

import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { initContainerArgs } from "./init-container";
import { labelList } from "./labels";
import { FileContent, FilesMount } from "./model";
import { ComponentOptions, componentOptions, dependencies } from "./options";

/** A secret value, and the name that reports show instead of it. */
export interface NamedSecret {
  readonly secret: string;
  readonly value: pulumi.Input<string>;
}

export interface FileVolumeArgs {
  /** Mount point in the container. */
  readonly path: string;
  /**
   * File contents by path relative to `path`; at least one. Plain files belong to root and are world-readable (0444).
   * Secrets require `owner`, are readable only by that user (0400), and cannot share a volume with plain files.
   */
  readonly files: Readonly<
    Record<string, Exclude<FileContent, { readonly secret: string }> | NamedSecret>
  >;
  /** `uid:gid` of the user that reads the secrets. */
  readonly owner?: string;
  /** Image of the init container, normally that of the service. With `owner`, it must contain `/bin/chown`. */
  readonly image: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Name in reports. Default: the name of the resource. */
  readonly volume?: string;
}

/**
 * Files for one container, written through the Docker API: no host path, no shell. Changed content creates a new volume.
 * The new volume is complete before the container is replaced, and the old one is deleted afterwards.
 */
export class FileVolume extends pulumi.ComponentResource implements FilesMount {
  readonly kind: "files" | "secrets";
  readonly volume: string;
  readonly path: string;
  readonly files: FilesMount["files"];
  readonly volumeName: pulumi.Output<string>;
  /** The init container that writes the files. The container must depend on it. */
  readonly ready: docker.Container;

  constructor(name: string, args: FileVolumeArgs, opts: ComponentOptions = {}) {
    super("hardened:docker:FileVolume", name, {}, componentOptions(opts));
    const { owner, path, files, image, labels = {} } = args;
    const secret = owner !== undefined;
    if (Object.values(files).some((content) => isNamedSecret(content) !== secret))
      throw new Error(
        `${name}: expected secrets with an owner, or plain files without one; use a separate volume for each`,
      );
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
        // Wait for the images: if a pull fails, no volume may have been replaced, so that restoring the pin is no change.
        dependsOn,
        // Pulumi ignores changes of a secret trigger, so this has to be a plain hash.
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
        // The files do not depend on the image, so a new image does not require a new init container.
        ignoreChanges: ["image"],
        // File contents would flood the preview; the replaced volume already shows that they changed.
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
 * A hash of file names and contents. Pulumi stores it in clear text, so secrets use a slow, salted hash (scrypt, RFC 7914)
 * that protects short passwords against guessing.
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
