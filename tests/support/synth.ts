/** The resources that the program registers, recorded by the SDK's in-memory monitor: no engine, nothing is contacted. */
import * as pulumi from "@pulumi/pulumi";
import { MockMonitor, Mocks } from "@pulumi/pulumi/runtime/mocks";
import { setMockOptions } from "@pulumi/pulumi/runtime/settings";

import { StackOutputs } from "../../components/outputs";
import { StackFile } from "../../config/file/read";
import program from "../../index";

/** A resource as the program registers it. */
export interface Registered {
  /** `docker:index/container:Container` */
  readonly type: string;
  readonly name: string;
  /** Whether a provider makes it; components are only groups. */
  readonly custom: boolean;
  readonly parent: string;
  /** Secrets are {@link SECRET}, what only a deployment gives {@link LATER}. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** URNs of what must be there before it. */
  readonly dependsOn: readonly string[];
}

export interface Synthesized {
  readonly resources: readonly Registered[];
  /** What components registered about themselves, by URN. */
  readonly outputs: ReadonlyMap<string, unknown>;
  readonly stack: StackOutputs;
}

export const SECRET = "[secret]";
export const LATER = "[known after the deployment]";

export const CONTAINER = "docker:index/container:Container";
export const NETWORK = "docker:index/network:Network";
export const VOLUME = "docker:index/volume:Volume";
export const COMMAND = "command:local:Command";
export const IMAGE = "docker:index/remoteImage:RemoteImage";

const PROJECT = "pinned-stack";

/** What the engine adds to a resource: the output of a command, a first deployment that has nothing before it. */
const ENGINE: Readonly<Record<string, Record<string, unknown>>> = {
  [COMMAND]: { stdout: LATER },
  "pulumi:pulumi:StackReference": { outputs: {}, secretOutputNames: [] },
};

/** The part of the SDK's requests (resource.proto) that is read here. */
interface Struct {
  toJavaScript(): Record<string, unknown>;
}
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getCustom(): boolean;
  getParent(): string;
  getObject(): Struct | undefined;
  getDependenciesList(): string[];
}
interface OutputsRequest {
  getUrn(): string;
  getOutputs(): Struct | undefined;
}

class RecordingMonitor extends MockMonitor {
  readonly registered: Registered[] = [];
  readonly componentOutputs = new Map<string, unknown>();

  override registerResource(
    request: RegisterRequest,
    callback: (error: unknown, response: unknown) => void,
  ): Promise<void> {
    this.registered.push({
      type: request.getType(),
      name: request.getName(),
      custom: request.getCustom(),
      parent: request.getParent(),
      inputs: masked(request.getObject()?.toJavaScript() ?? {}) as Registered["inputs"],
      dependsOn: request.getDependenciesList(),
    });
    return super.registerResource(request, callback);
  }

  override registerResourceOutputs(
    request: OutputsRequest,
    callback: (error: unknown, response: unknown) => void,
  ): void {
    this.componentOutputs.set(request.getUrn(), masked(request.getOutputs()?.toJavaScript() ?? {}));
    super.registerResourceOutputs(request, callback);
  }
}

/** Runs the program on a configuration whose images are pinned. Throws what the program throws. */
export async function synth(
  file: Pick<StackFile, "stack" | "config" | "secretKeys">,
): Promise<Synthesized> {
  const mocks: Mocks = {
    newResource: ({ type, name, inputs }) => ({
      id: `${name}-id`,
      state: { ...(ENGINE[type] ?? { name }), ...(inputs as Record<string, unknown>) },
    }),
    call: ({ token }) => {
      throw new Error(`${token}: the program asks nothing of a provider`);
    },
  };
  // The only organization that a file backend knows.
  const names = [PROJECT, file.stack, false, "organization"] as const;
  await pulumi.runtime.setMocks(mocks, ...names);
  const monitor = new RecordingMonitor(mocks);
  setMockOptions(monitor, ...names);
  pulumi.runtime.setAllConfig({ ...file.config }, [...file.secretKeys]);
  let stack: StackOutputs | undefined;
  let failure: unknown;
  await pulumi.runtime.runInPulumiStack(async () => {
    try {
      stack = await program();
    } catch (error) {
      // Thrown from here it would end the process.
      failure = error;
    }
    return {};
  });
  await pulumi.runtime.disconnect();
  if (stack === undefined) throw failure;
  return { resources: monitor.registered, outputs: monitor.componentOutputs, stack };
}

/** The SDK's marks for a secret and for a value that only a deployment gives. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const UNKNOWN = "__pulumiUnknown";

function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== "object" || value === null) return value;
  if (UNKNOWN in value) return LATER;
  if (SIGNATURE in value) return SECRET;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item)]));
}
