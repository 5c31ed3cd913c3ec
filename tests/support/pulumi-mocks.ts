/**
 * Runs a piece of the program under the SDK's mocks and records what it would register.
 *
 * The SDK keeps its state in the process: which monitor, which stack, which calls are under way. `setMocks` starts it
 * anew, so any number of runs can follow one another in one mocha process, this one's and those of tools/model/synth.ts, as
 * long as each has come to its end: {@link record} waits for all calls. Never start two at a time. It is no harm that
 * the modules of the program are loaded before, because importing them does nothing.
 */
import * as pulumi from "@pulumi/pulumi";

import "./no-docker-context";

export interface Recorded {
  /** `docker:index/container:Container` */
  readonly type: string;
  readonly name: string;
  /** Whether a provider makes it; components are only groups. */
  readonly custom: boolean;
  /** A secret value is `{ secret: value }`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly options: RecordedOptions;
}

/** The options that the engine acts upon, as far as they were given. Resources are named. */
export interface RecordedOptions {
  readonly parent?: string;
  readonly provider?: string;
  readonly dependsOn?: readonly string[];
  readonly deleteBeforeReplace?: boolean;
  readonly hideDiffs?: readonly string[];
  readonly ignoreChanges?: readonly string[];
  readonly protect?: boolean;
  readonly replaceOnChanges?: readonly string[];
  /** As a text, or `{ secret: text }`. */
  readonly replacementTrigger?: unknown;
  readonly retainOnDelete?: boolean;
}

export interface Recording<T> {
  readonly resources: readonly Recorded[];
  readonly value: T;
}

/** What every mocked resource gives back on top of its inputs. */
export type Outputs = (type: string, name: string) => Record<string, unknown>;

/** Resources get `<name>-id` as id, their own name where they say none, and whatever `outputs` adds. */
export async function record<T>(
  program: () => T | Promise<T>,
  { stack = "test", outputs = () => ({}) }: { stack?: string; outputs?: Outputs } = {},
): Promise<Recording<T>> {
  const made: Omit<Recorded, "options">[] = [];
  const optionsOf = new Map<string, Promise<RecordedOptions>>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, custom }) => {
        const given = inputs as Record<string, unknown>;
        if (type !== "pulumi:pulumi:Stack")
          made.push({
            type,
            name,
            custom: custom ?? true,
            inputs: readable(given) as Recorded["inputs"],
          });
        return { id: `${name}-id`, state: { name, ...given, ...outputs(type, name) } };
      },
      call: ({ token }) => {
        throw new Error(`${token}: nothing in the program asks a provider`);
      },
    },
    "pinned-stack",
    stack,
    false,
    // The only one that a file backend knows.
    "organization",
  );

  // The SDK keeps a stack trace of each of its promises, which is most of the work of a run; these are the frames that count.
  const frames = Error.stackTraceLimit;
  Error.stackTraceLimit = 2;
  let result: { readonly value: T } | undefined;
  let failure: { readonly error: unknown } | undefined;
  await pulumi.runtime.runInPulumiStack(async () => {
    // Mocks see no options; a transformation does.
    pulumi.runtime.registerStackTransformation(({ type, name, opts }) => {
      optionsOf.set(`${type} ${name}`, recordedOptions(opts));
      return undefined;
    });
    try {
      result = { value: await program() };
    } catch (error) {
      // Thrown here it would also end the process, as a rejection that nobody handles.
      failure = { error };
    }
    return {};
  });
  await pulumi.runtime.disconnect();
  Error.stackTraceLimit = frames;
  if (failure !== undefined) throw failure.error;
  if (result === undefined) throw new Error("the program did not come to its end");
  const resources = await Promise.all(
    made.map(async (resource) => ({
      ...resource,
      options: (await optionsOf.get(`${resource.type} ${resource.name}`)) ?? {},
    })),
  );
  return { resources, value: result.value };
}

/** The one resource of a type, or of a type and a name. */
export function only(resources: readonly Recorded[], type: string, name?: string): Recorded {
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

/** All that was recorded apart from the values that are marked as secrets: what a state or a preview may show. */
export const inClear = (resources: readonly Recorded[]): string =>
  JSON.stringify(resources, (key, value: unknown) => (key === "secret" ? "[secret]" : value));

/** The value of an Output, for the tests that ask for one. */
export const valueOf = <T>(output: pulumi.Output<T>): Promise<T> =>
  new Promise((resolve) => {
    output.apply(resolve);
  });

async function recordedOptions(
  options: pulumi.CustomResourceOptions & pulumi.ComponentResourceOptions,
): Promise<RecordedOptions> {
  const { parent, provider, dependsOn } = options;
  const replacementTrigger: unknown = options.replacementTrigger;
  const plain = Object.fromEntries(
    (
      [
        "deleteBeforeReplace",
        "hideDiffs",
        "ignoreChanges",
        "protect",
        "replaceOnChanges",
        "retainOnDelete",
      ] as const
    ).flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  ) as RecordedOptions;
  // Only the program's own; the stack is everybody's parent in the end.
  const ownParent = parent !== undefined && !isStack(parent) ? nameOf(parent) : undefined;
  return {
    ...plain,
    ...(ownParent !== undefined && { parent: ownParent }),
    ...(provider !== undefined && { provider: nameOf(provider) }),
    ...(dependsOn !== undefined && {
      dependsOn: [await valueOf(pulumi.output(dependsOn as unknown))].flat().map(nameOf),
    }),
    ...(replacementTrigger !== undefined && {
      replacementTrigger: await settled(pulumi.output(replacementTrigger)),
    }),
  };
}

const nameOf = (resource: unknown): string => (resource as { __name: string }).__name;
const isStack = (resource: unknown): boolean =>
  (resource as { __pulumiType: string }).__pulumiType === "pulumi:pulumi:Stack";

async function settled(output: pulumi.Output<unknown>): Promise<unknown> {
  const value = await valueOf(output);
  return (await pulumi.isSecret(output)) ? { secret: value } : value;
}

/** The SDK's mark for a secret. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== "object" || value === null) return value;
  const map = value as Record<string, unknown>;
  if (SIGNATURE in map) return { secret: readable(map.value) };
  return Object.fromEntries(Object.entries(map).map(([key, item]) => [key, readable(item)]));
}
