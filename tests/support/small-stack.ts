/** Models of small stacks: a few real services, or services made up for one test. */
import assert from "node:assert/strict";

import { describeStack } from "../../components/describe";
import { ContainerModel } from "../../components/hardened/model";
import { ServiceSettings, StackContainer, StackModel, StackSettings } from "../../components/model";
import { DEFINITIONS, ServiceName } from "../../components/services";
import { ServiceContainer, ServiceDefinition } from "../../components/services/definition";
import { parseReference } from "../../images/reference";
import { digestOf, IMAGES } from "./raw-config";

/** Long enough for an exemption. */
export const REASON = "needed for this test and judged there";

/** A service that is one container under the whole policy, except for what is given. */
export const service = (
  name: string,
  container: ServiceContainer | ServiceDefinition["containers"] = {},
  rest: Partial<ServiceDefinition> = {},
): ServiceDefinition => ({
  name,
  image: { diskMiB: 10 },
  ...rest,
  containers:
    typeof container === "function"
      ? container
      : () => [{ health: { command: ["check"] }, ...container }],
});

export const realServices = (...names: readonly ServiceName[]): ServiceDefinition[] =>
  DEFINITIONS.filter(({ name }) => (names as readonly string[]).includes(name));

export interface SaidSettings extends Partial<Omit<StackSettings, "services">> {
  readonly services?: Readonly<Record<string, Partial<ServiceSettings>>>;
}
export interface Said extends SaidSettings {
  readonly images?: Readonly<Record<string, string>>;
  readonly since?: Readonly<Record<string, string>>;
}

/** Plain HTTP on this machine, everything on, hosts below example.test, one network of administrators. */
export const settingsOf = (
  definitions: readonly ServiceDefinition[],
  { services = {}, ...said }: SaidSettings = {},
): StackSettings => ({
  stack: "test",
  platform: "linux/amd64",
  host: { address: "unix:///var/run/docker.sock" },
  requirePins: false,
  registries: {},
  tls: { mode: "none" },
  publish: { address: "127.0.0.1", http: 80, https: 443 },
  adminAllow: ["192.0.2.0/24"],
  ...said,
  services: Object.fromEntries(
    definitions.map(({ name, route }) => [
      name,
      {
        // It needs a repository.
        enabled: name !== "backup",
        ...(route && { host: `${name}.example.test` }),
        limits: {},
        exemptions: [],
        options: {},
        ...services[name],
      },
    ]),
  ),
});

export function modelOf(
  definitions: readonly ServiceDefinition[],
  { images = {}, since = {}, ...said }: Said = {},
): StackModel {
  const texts: Readonly<Record<string, string>> = { ...IMAGES, ...images };
  const references = definitions.map(
    ({ name }) =>
      [name, parseReference(texts[name] ?? `example/${name}:1@${digestOf("9")}`)] as const,
  );
  return describeStack(
    settingsOf(definitions, said),
    Object.fromEntries(references),
    since,
    definitions,
  );
}

export function containerOf({ containers }: StackModel, name: string): StackContainer {
  const found = containers.find((container) => container.name === name);
  assert.ok(found, `no container ${name} among ${containers.map((one) => one.name).join(", ")}`);
  return found;
}

/** What a plain file of a container says. */
export function fileOf({ mounts }: ContainerModel, path: string): string {
  for (const mount of mounts)
    if (mount.kind === "files" && path.startsWith(`${mount.path}/`)) {
      const content = mount.files[path.slice(mount.path.length + 1)];
      if (typeof content === "string") return content;
    }
  return assert.fail(`no file ${path}`);
}
