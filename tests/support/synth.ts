/** The resources that the program registers, recorded by the SDK's in-memory monitor: no engine, nothing is contacted. */
import { StackOutputs } from "../../components/outputs";
import { StackFile } from "../../config/file/read";
import program from "../../index";
import { COMMAND, record, Recording, Registered, SECRET_VALUE } from "./pulumi-mocks";

export interface Synthesized extends Pick<Recording<unknown>, "outputs"> {
  /** Secrets are {@link SECRET}. */
  readonly resources: readonly Registered[];
  readonly stack: StackOutputs;
}

export const SECRET = "[secret]";

/** What the engine adds to a resource: the output of a command, a first deployment that has nothing before it. */
const ENGINE = {
  [COMMAND]: { stdout: "998\n" },
  "pulumi:pulumi:StackReference": { outputs: {}, secretOutputNames: [] },
};

/** Runs the program on a configuration whose images are pinned. Throws what the program throws. */
export async function synth({
  stack,
  config,
  secretKeys,
}: Pick<StackFile, "stack" | "config" | "secretKeys">): Promise<Synthesized> {
  const recording = await record(program, { stack, config, secretKeys, engine: ENGINE });
  return {
    resources: masked(recording.resources) as readonly Registered[],
    outputs: new Map(
      [...recording.outputs].map(([urn, outputs]) => [urn, masked(outputs) as typeof outputs]),
    ),
    stack: recording.value,
  };
}

function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== "object" || value === null) return value;
  if (SECRET_VALUE in value) return SECRET;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item)]));
}
