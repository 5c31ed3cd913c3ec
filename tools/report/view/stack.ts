/** A stack in the words of people who read about it: the data behind every format of the report. Pure. */
import { Exemption } from "../../../components/hardened/policy";
import { replaceOrder, ReplaceOrder } from "../../../components/hardened/container";
import { parseReference } from "../../../images/reference";
import { inStack, RecordedContainer, recordedContainers } from "../../model/containers";
import { Model, NETWORK } from "../../model/synth";
import { CisReport, cisReport } from "../cis/cis";
import { isSocket } from "./facts";
import { EntranceView, entranceView } from "./entrance";
import { factsFromInputs } from "./facts-from-inputs";
import { insecureRegistries } from "./insecure-registries";
import { SecretView, secretViews } from "./secrets";
import { SocketView, socketViews } from "./sockets";
import { VolumeView, volumeViews } from "./volumes";

/**
 * The report as JSON. `version` rises when a field goes away or changes its meaning; new fields do not raise it.
 * No secret is anywhere in it.
 */
export interface StackView {
  readonly version: 1;
  readonly stack: string;
  readonly platform: string;
  readonly images: readonly ImageView[];
  /** Registries that the program and the engine ask over plain http. */
  readonly insecureRegistries: readonly string[];
  /** Whether an image without a digest is refused. */
  readonly requirePins: boolean;
  readonly containers: readonly ContainerView[];
  readonly entrance: EntranceView;
  readonly networks: readonly NetworkView[];
  readonly ports: readonly PortView[];
  readonly volumes: readonly VolumeView[];
  readonly secrets: readonly SecretView[];
  /** What each proxy of the Docker socket lets through. */
  readonly socketReads: readonly SocketView[];
  /** Containers that prepare a volume and end before a service starts. */
  readonly helpers: readonly HelperView[];
  readonly cis: CisReport;
}

export interface ImageView {
  readonly service: string;
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  /** Without a digest each preview asks the registry for it. */
  readonly pinned: boolean;
}

export interface ContainerView {
  readonly name: string;
  readonly service: string;
  readonly image: string;
  /** `uid:gid` */
  readonly user: string;
  /** `ALL`, unless something of what Docker gives unasked is kept. */
  readonly capDrop: readonly string[];
  /** Added after that. */
  readonly capabilities: readonly string[];
  readonly readOnlyRootfs: boolean;
  readonly noNewPrivileges: boolean;
  readonly dockerSocket: boolean;
  /** Paths of the host that it sees, the Docker socket apart. */
  readonly hostPaths: readonly string[];
  /** Those of them that it may write to. */
  readonly writableHostPaths: readonly string[];
  readonly healthCheck: boolean;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly pidsLimit: number;
  readonly openFiles: number;
  /** Writable folders in memory. */
  readonly scratch: readonly string[];
  readonly networks: readonly string[];
  readonly order: ReplaceOrder;
  readonly exemptions: readonly Exemption[];
}

export interface NetworkView {
  /** Without the stack's name. */
  readonly name: string;
  /** Whether it leads nowhere but to its members. */
  readonly internal: boolean;
  /** Containers; the one that asks comes first. */
  readonly members: readonly string[];
}

export interface PortView {
  readonly address: string;
  readonly published: number;
  readonly protocol: string;
  readonly container: string;
  readonly internal: number;
}

export interface HelperView {
  readonly name: string;
  readonly user: string;
  readonly capabilities: readonly string[];
  /** A helper that never starts only carries files. */
  readonly starts: boolean;
}

export function stackView(model: Model): StackView {
  const recorded = recordedContainers(model);
  const running = recorded.filter(({ role }) => role === "service");
  const exemptionsOf = (service: string): readonly Exemption[] =>
    model.outputs.restrictions.find((row) => row.service === service)?.exemptions ?? [];
  return {
    version: 1,
    stack: model.stack,
    platform: model.config.platform,
    images: Object.entries(model.outputs.images).map(([service, text]) => imageView(service, text)),
    insecureRegistries: insecureRegistries(model.config),
    requirePins: model.config.requirePins,
    containers: running.map((container) => ({
      ...containerView(container),
      networks: (container.inputs.networksAdvanced ?? []).map(({ name }) =>
        inStack(name, model.stack),
      ),
      exemptions: exemptionsOf(container.service),
    })),
    entrance: entranceView(recorded),
    networks: networkViews(model, running),
    ports: running.flatMap((container) =>
      factsFromInputs(container).ports.map((port) => ({ ...port, container: container.name })),
    ),
    volumes: volumeViews(model, recorded),
    secrets: secretViews(recorded),
    socketReads: socketViews(recorded),
    helpers: recorded
      .filter(({ role }) => role === "loader")
      .map(({ resource, inputs }) => ({
        name: inStack(resource, model.stack),
        user: inputs.user ?? "the image's",
        capabilities: inputs.capabilities?.adds ?? [],
        starts: inputs.start !== false,
      })),
    cis: cisReport(
      running.map((container) => ({
        facts: factsFromInputs(container),
        exemptions: exemptionsOf(container.service),
      })),
    ),
  };
}

function imageView(service: string, text: string): ImageView {
  const { registry, repository, tag, digest } = parseReference(text);
  return {
    service,
    registry,
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
    pinned: digest !== undefined,
  };
}

function containerView(
  container: RecordedContainer,
): Omit<ContainerView, "networks" | "exemptions"> {
  const { inputs } = container;
  const facts = factsFromInputs(container);
  const fromHost = facts.mounts.filter(({ kind }) => kind === "host path");
  const paths = fromHost.filter((mount) => !isSocket(mount));
  return {
    name: container.name,
    service: container.service,
    image: facts.image,
    user: facts.user,
    capDrop: facts.capDrop,
    capabilities: facts.capAdd,
    readOnlyRootfs: facts.readOnlyRootfs,
    noNewPrivileges: facts.securityOpts.includes("no-new-privileges:true"),
    dockerSocket: fromHost.some(isSocket),
    hostPaths: paths.map(({ source }) => source),
    writableHostPaths: paths.filter(({ writable }) => writable).map(({ source }) => source),
    healthCheck: facts.healthCheck,
    memoryMiB: facts.memory / 1024 ** 2,
    cpus: facts.cpus,
    pidsLimit: facts.pidsLimit,
    openFiles: inputs.ulimits?.find(({ name }) => name === "nofile")?.hard ?? 0,
    scratch: Object.keys(inputs.tmpfs ?? {}),
    order: replaceOrder(
      facts.ports,
      facts.mounts.filter(({ kind, writable }) => kind === "volume" && writable),
    ),
  };
}

function networkViews(
  { resources, stack }: Model,
  running: readonly RecordedContainer[],
): NetworkView[] {
  return resources
    .filter(({ type }) => type === NETWORK)
    .map(({ inputs }) => {
      const fullName = String(inputs.name);
      const name = inStack(fullName, stack);
      const members = running
        .filter(({ inputs: { networksAdvanced } }) =>
          networksAdvanced?.some((joined) => joined.name === fullName),
        )
        .map((container) => container.name);
      return { name, internal: inputs.internal === true, members: askerFirst(name, members) };
    })
    .sort((a, b) => Number(a.internal) - Number(b.internal) || (a.name < b.name ? -1 : 1));
}

/** A network of two is named after them, the one that asks first: `n8n-postgres` (components/hardened/networks.ts). */
const askerFirst = (network: string, members: readonly string[]): string[] =>
  [...members].sort(
    (a, b) => Number(network.startsWith(`${b}-`)) - Number(network.startsWith(`${a}-`)),
  );
