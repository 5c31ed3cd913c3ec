/**
 * The program without an engine: the same function that Pulumi runs, with the SDK's in-memory monitor instead of the
 * engine, gives the resources that it would register. Reports, exports, the offline plan and most tests read these, so
 * they cannot disagree with what is deployed. Nothing is contacted.
 */
import { relative } from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { Mocks } from "@pulumi/pulumi/runtime/mocks";
import { setMockOptions } from "@pulumi/pulumi/runtime/settings";

import { SECRET_NAMES, SecretName } from "../../config/schema";
import { ConfigError, StackConfig } from "../../config/config";
import { ResolvedImages } from "../../images/resolve/program";
import program from "../..";
import { StackOutputs } from "../../components/outputs";
import { RecordingMonitor } from "./recording-monitor";
import { StackFile } from "../../config/file/read";

/** A resource as the program would register it. */
export interface RecordedResource {
  /** `docker:index/container:Container` */
  readonly type: string;
  readonly name: string;
  /** Whether a provider makes it; components are only groups. */
  readonly custom: boolean;
  /** Secrets are {@link SECRET}, for a variable `NAME=[secret]`; from placeholders also the secret's name. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** What must be there before it, in whatever way the program says so. */
  readonly dependsOn: readonly ResourceName[];
}

export type ResourceName = Pick<RecordedResource, "type" | "name">;

export interface Model {
  readonly stack: string;
  /** The configuration as the program understood it. */
  readonly config: StackConfig;
  readonly resources: readonly RecordedResource[];
  readonly outputs: StackOutputs;
  /** Services whose image has no digest and would be resolved by a preview. */
  readonly unresolved: readonly string[];
}

/** Stands for a secret in recorded inputs. */
export const SECRET = "[secret]";
/** Stands for a secret in recorded inputs, and says which one; long enough for every rule about secrets. */
export const placeholder = (name: SecretName): string => `[secret ${name}]`;
/** Whether a recorded text, or the value of a variable, is hidden. */
export const isSecret = (text: string | undefined): boolean =>
  text !== undefined && /^(?:[A-Z][A-Z0-9_]*=)?\[secret(?: \w+)?\]$/.test(text);
/** Stands for what only the host can say. */
export const LATER = "[known after the deployment]";

export const CONTAINER = "docker:index/container:Container";
export const NETWORK = "docker:index/network:Network";
export const VOLUME = "docker:index/volume:Volume";
export const COMMAND = "command:local:Command";
export const IMAGE = "docker:index/remoteImage:RemoteImage";

const PROJECT = "pinned-stack";

/** What the engine adds to a resource: the output of a command, a first deployment that has nothing before it. */
const SAID_BY_ENGINE: Readonly<Record<string, Record<string, unknown>>> = {
  [COMMAND]: { stdout: LATER },
  "pulumi:pulumi:StackReference": { outputs: {}, secretOutputNames: [] },
};

export interface SynthOptions {
  /**
   * Take a {@link placeholder} for every secret, whether it is set or not, for what only describes a stack: then no secret
   * is anywhere in the model. Default false.
   */
  readonly placeholders?: boolean;
  /** The day that images are said to run since, `2026-01-31`. Default: nobody knows, since nothing is deployed. */
  readonly today?: string;
}

/**
 * Throws what the program throws: a ConfigError with all problems, a refused exemption.
 *
 * The SDK notes for every promise where it was made, which is two thirds of all the work here and read by nobody. So no error
 * made meanwhile says where it comes from; PULUMI_DEBUG_PROMISE_LEAKS, the SDK's own switch for these notes, keeps them.
 */
export async function synth(file: StackFile, options: SynthOptions = {}): Promise<Model> {
  const limit = Error.stackTraceLimit;
  if (process.env.PULUMI_DEBUG_PROMISE_LEAKS === undefined) Error.stackTraceLimit = 0;
  try {
    return await runProgram(file, options);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

async function runProgram(file: StackFile, options: SynthOptions): Promise<Model> {
  const resources: RecordedResource[] = [];
  const mocks: Mocks = {
    newResource: ({ type, name, inputs }) => {
      const plain = inputs as Record<string, unknown>;
      // Like the providers: a name from the resource's where there is none, and what a command will have printed.
      const given = SAID_BY_ENGINE[type] ?? { name };
      return { id: `${name}-id`, state: { ...given, ...plain } };
    },
    call: ({ token }) => {
      throw new Error(`${token}: the program asks nothing of a provider`);
    },
  };
  // The only organization that a file backend knows.
  const names = [PROJECT, file.stack, false, "organization"] as const;
  await pulumi.runtime.setMocks(mocks, ...names);
  const monitor = new RecordingMonitor(mocks, ({ dependencies, inputs, ...registration }) => {
    resources.push({
      ...registration,
      inputs: masked(inputs) as RecordedResource["inputs"],
      dependsOn: dependencies.map(fromUrn),
    });
  });
  setMockOptions(monitor, ...names);
  const placeholders = options.placeholders
    ? Object.fromEntries(SECRET_NAMES.map((name) => [`${PROJECT}:${name}`, placeholder(name)]))
    : {};
  pulumi.runtime.setAllConfig({ ...file.config, ...placeholders }, [
    ...file.secretKeys,
    ...Object.keys(placeholders),
  ]);

  let outputs: StackOutputs | undefined;
  let config: StackConfig | undefined;
  let failure: Error | undefined;
  await pulumi.runtime.runInPulumiStack(async () => {
    try {
      outputs = await program(
        (read) => {
          config = read;
          return unasked(read);
        },
        () => options.today,
      );
    } catch (error) {
      // Thrown from here it would end the process; the caller has a better idea of what to do with it.
      failure = error instanceof Error ? error : new Error(String(error));
      // The program knows no other file than the stack's own.
      if (error instanceof ConfigError)
        failure = new ConfigError(file.stack, error.problems, fromHere(file.path));
    }
    return {};
  });
  await pulumi.runtime.disconnect();
  if (failure !== undefined) throw failure;
  if (outputs === undefined || config === undefined) throw new Error("the program gave no outputs");
  return {
    stack: file.stack,
    config,
    resources,
    outputs,
    unresolved: Object.entries(outputs.images)
      .filter(([, image]) => !image.includes("@"))
      .map(([service]) => service),
  };
}

/** Without the way to the project's folder, where the file is in it. */
function fromHere(path: string): string {
  const shorter = relative(".", path);
  return shorter.startsWith("..") ? path : shorter;
}

/** Images as they are configured: a bare tag stays one, every digest made up for it would be wrong. */
const unasked = ({ images }: StackConfig): Promise<ResolvedImages> =>
  Promise.resolve({ images: images, warnings: [] });

/** The SDK's marks for a secret and for a value that only a deployment gives. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const UNKNOWN = "__pulumiUnknown";

/** Inputs as people may see them. */
function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== "object" || value === null) return value;
  const map = value as Record<string, unknown>;
  if (UNKNOWN in map) return LATER;
  if (SIGNATURE in map) return maskedSecret(map.value);
  return Object.fromEntries(Object.entries(map).map(([key, item]) => [key, masked(item)]));
}

/** Of an environment variable the name is worth knowing. */
function maskedSecret(value: unknown): unknown {
  const text = typeof value === "string" ? value : "";
  const variable = /^[A-Z][A-Z0-9_]*=/.exec(text)?.[0] ?? "";
  const known = SECRET_NAMES.map(placeholder).find((name) => text === variable + name);
  return variable + (known ?? SECRET);
}

/** `urn:pulumi:<stack>::<project>::<types of the parents>$<type>::<name>` */
function fromUrn(urn: string): ResourceName {
  const [, , types = "", ...name] = urn.split("::");
  return { type: types.split("$").at(-1) ?? "", name: name.join("::") };
}
