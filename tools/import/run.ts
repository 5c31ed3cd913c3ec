/** `npm run import`, from its arguments to its exit code. */
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import { readStackFile } from "../../config/file/read";
import { readPins } from "../../config/file/pins";
import { checkWritable, readStackText, writeStackText } from "../../config/file/write";
import {
  badStackName,
  fromJson,
  fullKey,
  stackFileName,
  StackFileError,
} from "../../config/file/yaml";
import { SECRET_NAMES } from "../../config/schema";
import { SERVICE_NAMES } from "../../components/services";
import { counted } from "../../text/one-line";
import { isMap } from "../../text/messages";
import { UserError } from "../../text/user-error";
import { CommandError, withProgress, type Surroundings } from "../cli/command";
import { loadStack } from "../model/load";
import { readSettings } from "../trust/settings";
import { checked } from "./check";
import { MAX_FILE_KIB, parseCompose } from "./compose/document";
import { scalar } from "./compose/syntax";
import { parseEnvFile, Variables } from "./compose/variables";
import { Import, type Imported, type Target } from "./convert";
import { projectFolder } from "./folder";
import { readImages, type ReadImages } from "./images";
import { countKinds, entriesOf, printed } from "./print";
import { addEntries } from "./stack-file";

export interface ImportCommand extends Surroundings {
  /** The Compose file. */
  readonly args: readonly string[];
  readonly envFile?: string | undefined;
  readonly stack: string;
  readonly write: boolean;
  readonly offline: boolean;
  /** Prints the value of one secret, to a pipe, and does nothing else. */
  readonly secretValue?: string | undefined;
  /** For all registries together, in ms. Default 20 000. */
  readonly deadlineMs?: number;
}

/** Resolves to the exit code: 0 nothing is left to say, 1 reasons or questions are open, 2 a service is refused. */
export async function runImport(command: ImportCommand): Promise<number> {
  const { stack, write, offline, secretValue, out, err, signal } = command;
  const stackFile = stackFileName(stack);
  if (stackFile === undefined) throw new CommandError(badStackName(stack));
  const path = join(command.folder, stackFile);
  const given = readCompose(command);
  const { text, settings } = inFile(stackFile, () => {
    const read = readPins(readStackText(path));
    if (write) checkWritable(path);
    return { text: read.text, settings: readSettings(stack, read.value) };
  });
  const target = targetOf(stack, command.folder);
  if (secretValue !== undefined)
    // Also of services that have been added since.
    return printSecret(new Import({ ...given, target: { ...target, own: [] } }), secretValue, out);
  const begun = new Import({ ...given, target });

  const images = offline
    ? { images: begun.images, defaults: new Map(), problems: [] }
    : await withProgress(
        "reading images",
        readImages(begun.images, {
          ...settings,
          signal,
          ...(command.deadlineMs !== undefined && { deadlineMs: command.deadlineMs }),
        }),
      );
  signal.throwIfAborted();
  for (const problem of images.problems) err.write(`${problem}\n`);
  const file = readStackFile(stack, command.folder);
  const imported = checked(withDigests(begun.finish(images.defaults), images.images), file);
  const options = {
    stack,
    stackFile,
    compose: given.path,
    project: given.project,
    args: [given.path, ...(command.envFile === undefined ? [] : ["--env-file", command.envFile])],
    toolImage: toolImage(file.config[fullKey("images")]),
  };
  out.write(printed(imported, options, command.paint));
  const entries = entriesOf(imported);
  const made = Object.keys(entries.services).length;
  if (write && made > 0) {
    await writeStackText(path, text, (now) => addEntries(now, entries), { signal }).catch(
      (error: unknown) => {
        throw error instanceof StackFileError
          ? new CommandError(`${stackFile}: ${error.message}`)
          : error;
      },
    );
    err.write(
      `${stackFile}: ${counted(made, "service")} added; fill in each empty reason, then "npm run report -- --stack ${stack}"\n`,
    );
  } else if (made > 0)
    err.write("nothing was written; with --write the entries are added to the stack file\n");
  const count = countKinds(imported);
  if (count.refused > 0) return 2;
  return count.question + count.reason > 0 ? 1 : 0;
}

interface Compose extends Pick<
  ConstructorParameters<typeof Import>[0],
  "file" | "project" | "variables" | "folder"
> {
  /** As the user named it. */
  readonly path: string;
}

const MAX_ENV_FILE_KIB = 64;

function readCompose({ args, envFile }: ImportCommand): Compose {
  const [path, ...rest] = args;
  if (path === undefined || rest.length > 0)
    throw new CommandError(
      `expected one Compose file, got ${args.length}; several files of one project: docker compose -f A -f B config --no-interpolate --no-path-resolution > resolved.yaml`,
    );
  const file = parseCompose(readText(path, MAX_FILE_KIB), path);
  const folder = dirname(resolve(path));
  const values =
    envFile === undefined
      ? parseEnvFile(readOptional(join(folder, ".env")))
      : parseEnvFile(readText(envFile, MAX_ENV_FILE_KIB));
  const variables = new Variables(values);
  const named = variables.text(scalar(file.name) ?? "", "name");
  const project = values.get("COMPOSE_PROJECT_NAME") ?? (named === "" ? basename(folder) : named);
  return {
    path,
    file,
    variables,
    folder: projectFolder(folder),
    // Compose's rule.
    project:
      project
        .toLowerCase()
        .replace(/[^a-z0-9_-]/g, "")
        .replace(/^[_-]+/, "") || "app",
  };
}

const readOptional = (path: string): string => {
  try {
    statSync(path);
  } catch {
    return "";
  }
  return readText(path, MAX_ENV_FILE_KIB);
};

function readText(path: string, maxKib: number): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new CommandError(`${path}: is not a file`);
    if (stats.size > maxKib * 1024)
      throw new CommandError(`${path}: is larger than ${maxKib} KiB; split it`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (error instanceof TypeError) throw new CommandError(`${path}: is not UTF-8 text`);
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new CommandError(
      code === "ENOENT" ? `${path}: does not exist` : `${path}: cannot be read (${code})`,
    );
  }
}

/** Puts the name of the stack file before each line of its problems. */
function inFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof StackFileError)) throw error;
    throw new CommandError(
      error.message
        .split("\n")
        .map((line) => `${file}: ${line}`)
        .join("\n"),
    );
  }
}

function targetOf(stack: string, folder: string): Target {
  const file = readStackFile(stack, folder);
  const mapOf = (key: string): readonly string[] => {
    const given = fromJson(file.config[fullKey(key)] ?? "{}");
    return isMap(given) ? Object.keys(given) : [];
  };
  const builtIn: readonly string[] = SERVICE_NAMES;
  return {
    builtIn,
    enabled: enabledIn(file) ?? builtIn,
    own: mapOf("services").filter((name) => !builtIn.includes(name)),
    secrets: SECRET_NAMES,
  };
}

/** The services of the program that the stack runs; `undefined` if its file has problems. */
function enabledIn(file: ReturnType<typeof readStackFile>): readonly string[] | undefined {
  try {
    return loadStack(file, { placeholders: true }).model.images.map(({ service }) => service);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

const withDigests = (imported: Imported, images: ReadImages["images"]): Imported => ({
  ...imported,
  services: imported.services.map((service) => {
    const image = images[service.name];
    return image === undefined ? service : { ...service, image };
  }),
});

/** Traefik's image has a shell and cp, and every stack has it. */
function toolImage(images: string | undefined): string {
  const given = fromJson(images ?? "{}");
  const image = isMap(given) ? scalar(given.traefik) : undefined;
  return image ?? "traefik";
}

function printSecret(begun: Import, name: string, out: ImportCommand["out"]): number {
  if (out.isTTY)
    throw new CommandError("--secret-value: writes to a pipe only, so that nobody sees the value");
  const secret = begun.finish(new Map()).secrets.find((one) => one.name === name);
  if (secret === undefined)
    throw new CommandError(`--secret-value: there is no secret ${JSON.stringify(name)}`);
  if (secret.value === undefined)
    throw new CommandError(`--secret-value: no file that was read has the value of ${name}`);
  out.write(secret.value);
  return 0;
}
