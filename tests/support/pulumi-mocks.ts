/**
 * Runs a piece of the program under the SDK's in-memory monitor and records what it registers: no engine, no provider.
 *
 * The SDK keeps the monitor and the calls in flight in the process, so runs follow one another; never start two at a time.
 */
import * as pulumi from "@pulumi/pulumi";
import { MockMonitor, Mocks } from "@pulumi/pulumi/runtime/mocks";
import { setMockOptions } from "@pulumi/pulumi/runtime/settings";

import "./no-docker-context";

/** A resource as the program registers it, or reads it from another stack. */
export interface Registered {
  /** `docker:index/container:Container` */
  readonly type: string;
  readonly name: string;
  /** Whether a provider makes it; components are only groups. */
  readonly custom: boolean;
  /** URN */
  readonly parent: string;
  /** A secret is `{ secretValue: value }`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** URNs of what must be there before it. */
  readonly dependsOn: readonly string[];
  readonly options: ResourceOptions;
}

/** The other options that the engine acts upon, as far as they were given. */
export interface ResourceOptions {
  readonly deleteBeforeReplace?: boolean;
  readonly hideDiffs?: readonly string[];
  readonly ignoreChanges?: readonly string[];
  readonly protect?: boolean;
  readonly replaceOnChanges?: readonly string[];
  readonly replacementTrigger?: unknown;
  readonly retainOnDelete?: boolean;
}

export interface Recording<T> {
  readonly resources: readonly Registered[];
  /** What components registered about themselves, by URN. */
  readonly outputs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly value: T;
}

export interface RecordOptions {
  readonly stack?: string;
  /** As Pulumi gives it to a program. */
  readonly config?: Readonly<Record<string, string>>;
  readonly secretKeys?: readonly string[];
  /** What the engine adds to the resources of a type. */
  readonly engine?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** A preview knows no ids. */
  readonly preview?: boolean;
}

/** The key that marks a secret where its value is recorded. */
export const SECRET_VALUE = "secretValue";

export const CONTAINER = "docker:index/container:Container";
export const NETWORK = "docker:index/network:Network";
export const VOLUME = "docker:index/volume:Volume";
export const COMMAND = "command:local:Command";
export const IMAGE = "docker:index/remoteImage:RemoteImage";
export const PROVIDER = "pulumi:providers:docker";

/** Resources get `<name>-id` as id, and their own name where they say none. Throws what the program throws. */
export async function record<T>(
  program: () => T | Promise<T>,
  {
    stack = "test",
    config = {},
    secretKeys = [],
    engine = {},
    preview = false,
  }: RecordOptions = {},
): Promise<Recording<T>> {
  const mocks: Mocks = {
    newResource: ({ type, name, inputs }) => ({
      id: preview ? "" : `${name}-id`,
      state: { name, ...engine[type], ...(inputs as Record<string, unknown>) },
    }),
    call: ({ token }) => {
      throw new Error(`${token}: the program asks nothing of a provider`);
    },
  };
  // The only organization that a file backend knows.
  const names = ["pinned-stack", stack, preview, "organization"] as const;
  await pulumi.runtime.setMocks(mocks, ...names);
  const monitor = new RecordingMonitor(mocks);
  setMockOptions(monitor, ...names);
  pulumi.runtime.setAllConfig({ ...config }, [...secretKeys]);
  // The SDK keeps a stack trace of each of its promises, which is most of the work of a run.
  const frames = Error.stackTraceLimit;
  Error.stackTraceLimit = 2;
  let result: { readonly value: T } | undefined;
  let failure: unknown;
  await pulumi.runtime.runInPulumiStack(async () => {
    try {
      result = { value: await program() };
    } catch (error) {
      // Thrown from here it would end the process.
      failure = error;
    }
    return {};
  });
  await pulumi.runtime.disconnect();
  Error.stackTraceLimit = frames;
  pulumi.runtime.setAllConfig({}, []);
  if (result === undefined) throw failure;
  return { resources: monitor.registered, outputs: monitor.outputs, value: result.value };
}

/** The one resource of a type, or of a type and a name. */
export function only(resources: readonly Registered[], type: string, name?: string): Registered {
  const found = resources.filter(
    (resource) => resource.type === type && (name === undefined || resource.name === name),
  );
  const [first] = found;
  if (first === undefined || found.length > 1)
    throw new Error(
      `expected one ${type} ${name ?? ""}, found ${found.length} among ${resources.map((each) => `${each.type} ${each.name}`).join(", ")}`,
    );
  return first;
}

/** Names of the resources of a type. */
export const namesOf = (resources: readonly Registered[], type: string): string[] =>
  resources.filter((resource) => resource.type === type).map(({ name }) => name);

/** `Container test-web`: the last part of a resource's type, and its name. */
export const shortName = (urn: string): string => {
  const [type = "", name = ""] = urn.split("::").slice(-2);
  return `${type.split(":").at(-1) ?? ""} ${name}`;
};

/** All that was recorded apart from the values that are marked as secrets: what a state or a preview may show. */
export const inClear = ({ resources, outputs }: Recording<unknown>): string =>
  JSON.stringify([resources, ...outputs], (key, value: unknown) =>
    key === SECRET_VALUE ? "[secret]" : value,
  );

/** The value of an Output, for the tests that ask for one. */
export const valueOf = <T>(output: pulumi.Output<T>): Promise<T> =>
  new Promise((resolve) => {
    output.apply(resolve);
  });

/** The part of the SDK's requests (resource.proto) that is read here. */
interface Struct {
  toJavaScript(): unknown;
}
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getCustom(): boolean;
  getParent(): string;
  getObject(): Struct | undefined;
  getDependenciesList(): string[];
  getDeletebeforereplace(): boolean;
  getDeletebeforereplacedefined(): boolean;
  getHidediffsList(): string[];
  getIgnorechangesList(): string[];
  getProtect(): boolean | undefined;
  getReplaceonchangesList(): string[];
  getReplacementTrigger(): Struct | undefined;
  getRetainondelete(): boolean | undefined;
}
interface ReadRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProperties(): Struct | undefined;
}
interface OutputsRequest {
  getUrn(): string;
  getOutputs(): Struct | undefined;
}

class RecordingMonitor extends MockMonitor {
  readonly registered: Registered[] = [];
  readonly outputs = new Map<string, Record<string, unknown>>();

  override registerResource(
    request: RegisterRequest,
    callback: (error: unknown, response: unknown) => void,
  ): Promise<void> {
    if (request.getType() !== "pulumi:pulumi:Stack")
      this.registered.push({
        type: request.getType(),
        name: request.getName(),
        custom: request.getCustom(),
        parent: request.getParent(),
        inputs: readable(request.getObject()?.toJavaScript() ?? {}) as Registered["inputs"],
        dependsOn: request.getDependenciesList(),
        options: optionsOf(request),
      });
    return super.registerResource(request, callback);
  }

  override readResource(
    request: ReadRequest,
    callback: (error: unknown, response: unknown) => void,
  ): Promise<void> {
    this.registered.push({
      type: request.getType(),
      name: request.getName(),
      custom: true,
      parent: request.getParent(),
      inputs: readable(request.getProperties()?.toJavaScript() ?? {}) as Registered["inputs"],
      dependsOn: [],
      options: {},
    });
    return super.readResource(request, callback);
  }

  override registerResourceOutputs(
    request: OutputsRequest,
    callback: (error: unknown, response: unknown) => void,
  ): void {
    const outputs = readable(request.getOutputs()?.toJavaScript() ?? {});
    this.outputs.set(request.getUrn(), outputs as Record<string, unknown>);
    super.registerResourceOutputs(request, callback);
  }
}

function optionsOf(request: RegisterRequest): ResourceOptions {
  const lists = {
    hideDiffs: request.getHidediffsList(),
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
  };
  const trigger = request.getReplacementTrigger();
  return {
    ...(request.getDeletebeforereplacedefined() && {
      deleteBeforeReplace: request.getDeletebeforereplace(),
    }),
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
    ...(request.getProtect() === true && { protect: true }),
    ...(request.getRetainondelete() === true && { retainOnDelete: true }),
    ...(trigger !== undefined && { replacementTrigger: readable(trigger.toJavaScript()) }),
  };
}

/** The SDK's mark for a secret. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== "object" || value === null) return value;
  const map = value as Record<string, unknown>;
  if (SIGNATURE in map) return { [SECRET_VALUE]: readable(map.value) };
  return Object.fromEntries(Object.entries(map).map(([key, item]) => [key, readable(item)]));
}
