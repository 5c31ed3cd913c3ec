/** A volume that the program fills with files or secrets. */
import { createHash, scryptSync } from "node:crypto";

import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { CommandRunner } from "./command-runner";
import { fillScript } from "./fill-volume";
import { labelList } from "./labels";
import { FileContent, FilesMount } from "./model";
import { ComponentOptions, componentOptions, dependencies } from "./options";
import { replaceFilesScript, writeName } from "./replace-files";

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
  /** Any image, normally that of the service. Nothing in it runs. */
  readonly image: string;
  readonly host: CommandRunner;
  readonly labels?: Readonly<Record<string, string>>;
  /** Name in reports. Default: the name of the resource. */
  readonly volume?: string;
  /** Changed content replaces the files in place, while the container runs. Not for secrets. Default: a new volume. */
  readonly live?: LiveFiles;
}

/** How files are replaced in place. The program in the container must notice changed files by itself. */
export interface LiveFiles {
  /** An image with `/bin/sh` and `base64`. */
  readonly image: string;
  /** What must be there before changed files get in. Default: nothing. */
  readonly after?: Promise<pulumi.Resource[]>;
  /**
   * Any text, such as other configuration that the files belong to: another one than last time creates a new volume, so that a
   * container that still has the older configuration keeps the older files. Default: empty.
   */
  readonly belongsTo?: string;
}

/**
 * Files for one container. Changed content creates a new volume, written through the Docker API: no host path, no shell. The
 * new volume is complete before the container is replaced, and the old one is deleted afterwards. A volume that is `live`
 * stays, and a helper container on the host replaces its files ({@link replaceFilesScript}).
 */
export class FileVolume extends pulumi.ComponentResource implements FilesMount {
  readonly kind: "files" | "secrets";
  readonly volume: string;
  readonly path: string;
  readonly files: FilesMount["files"];
  readonly live: boolean;
  readonly volumeName: pulumi.Output<string>;
  /** The command that writes the files; the volume alone if it is live. The container must depend on it. */
  readonly ready: pulumi.Resource;
  /** Writes the files of a live volume. The start of the container must depend on it. */
  readonly written: pulumi.Resource | undefined;

  constructor(name: string, args: FileVolumeArgs, opts: ComponentOptions = {}) {
    super("hardened:docker:FileVolume", name, {}, componentOptions(opts));
    const { owner, path, files, labels = {}, live } = args;
    const secret = owner !== undefined;
    if (secret && live !== undefined) throw new Error(`${name}: secrets cannot be live`);
    if (Object.values(files).some((content) => isNamedSecret(content) !== secret))
      throw new Error(
        `${name}: expected secrets with an owner, or plain files without one; use a separate volume for each`,
      );
    this.kind = secret ? "secrets" : "files";
    this.volume = args.volume ?? name;
    this.path = path;
    this.live = live !== undefined;
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
        replacementTrigger:
          live === undefined
            ? pulumi.unsecret(
                fingerprint(files, owner === undefined ? undefined : { salt: name, owner }),
              )
            : sha256(live.belongsTo ?? ""),
      },
    );
    this.volumeName = volume.name;
    this.written = live && this.#replace(name, volume, args.host, live);
    this.ready = live === undefined ? this.#fill(name, volume, args, opts) : volume;
    this.registerOutputs({ volumeName: this.volumeName });
  }

  #fill(
    name: string,
    volume: docker.Volume,
    { files, image, owner, host, labels = {} }: FileVolumeArgs,
    opts: ComponentOptions,
  ): pulumi.Resource {
    const paths = Object.keys(files);
    const script = pulumi
      .all([volume.name, pulumi.all(Object.values(files).map(bytesInBase64))])
      .apply(([volume, contents]) =>
        fillScript({
          ...{ volume, image, labels },
          files: contents.map((base64, index) => ({
            path: paths[index] ?? "",
            mode: owner === undefined ? 0o444 : 0o400,
            ...(owner !== undefined && { owner }),
            content: Buffer.from(base64, "base64"),
          })),
        }),
      );
    return host.command(
      `${name}-fill`,
      // The files do not depend on the image, so a new image is no reason to write them again.
      { script, triggers: [volume.name], once: true },
      { parent: this, hideDiffs: ["stdin"], dependsOn: dependencies(opts) },
    );
  }

  #replace(
    name: string,
    volume: docker.Volume,
    host: CommandRunner,
    { image, after }: LiveFiles,
  ): pulumi.Resource {
    const script = pulumi.interpolate`volume=${volume.name}\n${replaceFilesScript('"$volume"', image, this.files)}`;
    return host.command(
      writeName(name),
      { script, triggers: [volume.name] },
      { parent: this, hideDiffs: ["stdin"], ...(after && { dependsOn: after }) },
    );
  }
}

type Content = FileVolumeArgs["files"][string];

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const isNamedSecret = (content: Content): content is NamedSecret =>
  typeof content === "object" && "secret" in content;

function bytesInBase64(content: Content): pulumi.Output<string> {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  if (isNamedSecret(content)) return pulumi.secret(content.value).apply(base64);
  return pulumi.output(typeof content === "string" ? base64(content) : content.base64);
}

/**
 * A hash of file names and contents, and of the owner of secrets. Pulumi stores it in clear text, so secrets use a slow, salted
 * hash (scrypt, RFC 7914) that protects short passwords against guessing.
 */
function fingerprint(
  files: FileVolumeArgs["files"],
  secret: { readonly salt: string; readonly owner: string } | undefined,
): pulumi.Output<string> {
  const values = Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, content]) => [file, isNamedSecret(content) ? content.value : content]);
  return pulumi.output(values).apply((contents) => {
    if (secret === undefined) return sha256(JSON.stringify(contents));
    const text = JSON.stringify([secret.owner, ...contents]);
    return scryptSync(text, `hardened ${secret.salt}`, 32, { N: 16384, r: 8, p: 1 }).toString(
      "hex",
    );
  });
}
