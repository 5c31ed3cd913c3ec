/**
 * The stack as a Compose file (https://github.com/compose-spec/compose-spec), for those who leave, and for tools that read
 * such files. Pure. Files come into volumes by one-shot containers, as in the program: Compose can put an inline file into
 * no container with a read-only root.
 */
import { hostAccess } from "../../../host/address";
import {
  ContainerInputs,
  inStack,
  labelOf,
  RecordedContainer,
  recordedContainers,
} from "../../model/containers";
import { isSecret, Model, NETWORK, VOLUME } from "../../model/synth";
import { composeHead } from "./head";
import { ComposeFile, composeFiles } from "./files";
import { helper } from "./helpers";
import { ComposeSecret, composeSecrets } from "./secrets";
import { composeService } from "./service";
import { composeYaml } from "./yaml";

/** Throws a ComposeError for a file that is no text. */
export function compose(model: Model): string {
  const { stack, resources, config } = model;
  const containers = recordedContainers(model);
  const services = containers.filter(({ role }) => role === "service");
  // A loader of secrets has nothing left to do: the files are supplied.
  const helpers = containers.filter(
    ({ role, inputs }) =>
      role === "loader" && !(inputs.uploads ?? []).some(({ content }) => isSecret(content)),
  );
  const secrets = composeSecrets(containers);
  const socket = hostAccess(config.host).socketPath;
  const files = composeFiles(helpers, stack);
  const used = volumesOf(services, helpers, secrets);
  const document = {
    name: projectName(stack),
    services: Object.fromEntries([
      ...helpers.map((container) => [
        inStack(container.resource, stack),
        helper(container, { stack, platform: config.platform, files }),
      ]),
      ...services.map((container) => [
        container.name,
        composeService(container, {
          stack,
          platform: config.platform,
          socket,
          containers,
          helpers,
          secrets,
        }),
      ]),
    ]) as Record<string, unknown>,
    networks: Object.fromEntries(
      resources
        .filter(({ type }) => type === NETWORK)
        .map(({ inputs }) => [
          inStack(String(inputs.name), stack),
          { internal: inputs.internal === true },
        ]),
    ),
    volumes: Object.fromEntries(
      resources
        .filter(({ type, name }) => type === VOLUME && used.has(name))
        .map(({ name, inputs }) => {
          const isData = labelOf(inputs as unknown as ContainerInputs, "role") === "data";
          // Data keeps its name, so that it is found again; files are written anew.
          return [inStack(name, stack), isData ? { name } : {}];
        }),
    ),
    ...(files.length > 0 && { configs: fileMap(files) }),
    ...(secrets.length > 0 && { secrets: secretMap(secrets) }),
  };
  return `${composeHead(model, secrets, socket)}\n${composeYaml(document)}`;
}

/** Compose takes lower case, digits, - and _, the first of them no - or _ (compose-spec, "Name top-level element"). */
const projectName = (stack: string): string =>
  stack
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "-")
    .replace(/^[_-]+/, "") || "stack";

/** Volumes of secrets are left out: each of their files is mounted by itself. */
const volumesOf = (
  services: readonly RecordedContainer[],
  helpers: readonly RecordedContainer[],
  secrets: readonly ComposeSecret[],
): Set<string> =>
  new Set(
    [...services, ...helpers]
      .flatMap(({ inputs }) => inputs.volumes ?? [])
      .filter(
        ({ containerPath }) =>
          !secrets.some(({ target }) => target.startsWith(`${containerPath}/`)),
      )
      .flatMap(({ volumeName }) => volumeName ?? []),
  );

const fileMap = (files: readonly ComposeFile[]) =>
  Object.fromEntries(files.map(({ name, content }) => [name, { content }]));

const secretMap = (secrets: readonly ComposeSecret[]) =>
  Object.fromEntries(secrets.map(({ name }) => [name, { file: `./secrets/${name}` }]));
