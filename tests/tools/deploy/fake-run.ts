/**
 * A deployment without an engine and without a host: the dev stack as the program declares it is in the state and on the
 * host, and each test says what is different.
 */
import { readFileSync } from "node:fs";

import { EngineEvent } from "@pulumi/pulumi/automation";

import { PlainConfig, secretTexts } from "../../../config/file/edit";
import { Run } from "../../../tools/deploy/context";
import { nameServers, tmpfsOptions } from "../../../components/hardened/model";
import { ContainerModel } from "../../../components/hardened/model";
import { StackModel } from "../../../components/model";
import { PulumiStack } from "../../../tools/deploy/pulumi/stack";
import { PastUpdate } from "../../../tools/deploy/pulumi/history";
import { HostError, HostShell, ShellResult } from "../../../host/shell";
import { maskOf } from "../../../text/redact";
import { PrepareOptions } from "../../../tools/deploy/prepare";
import { prepareAndApply } from "../../../tools/deploy/deploy";
import { PulumiError } from "../../../tools/deploy/pulumi/process";
import {
  CONTAINER,
  NETWORK,
  parseState,
  StackState,
  VOLUME,
} from "../../../tools/deploy/pulumi/state";
import { safeReporter } from "../../../tools/deploy/console";
import { loadTarget } from "../../../tools/deploy/pulumi/target";
import { readStackFile } from "../../../config/file/read";
import { PROJECT_FOLDER } from "../../../tools/cli/command";
import { past as pastOf } from "./past";

export const STACK = "dev";

/** What Pulumi.dev.yaml says. */
export const WHOLE: PlainConfig = {
  values: readStackFile(STACK, PROJECT_FOLDER).config,
  secretKeys: [],
};

/** Its two quickest services. */
export const CURRENT: PlainConfig = {
  ...WHOLE,
  values: {
    ...WHOLE.values,
    "pinned-stack:services": '{"n8n":{"enabled":false},"portainer":{"enabled":false}}',
  },
};

export const withValues = (
  values: Readonly<Record<string, string>>,
  from = CURRENT,
): PlainConfig => ({ ...from, values: { ...from.values, ...values } });

export const past = (number: number, change: Partial<PastUpdate> = {}): PastUpdate =>
  pastOf(number, change, CURRENT);

/** As `docker inspect` shows a container that is exactly as declared. */
export function liveRow(container: ContainerModel, change: object = {}): object {
  const { name, service, image, controls, mounts, networks, ports, tmpfs } = container;
  const memory = controls.memoryMiB * 1024 * 1024;
  return {
    id: `id-${STACK}-${name}`,
    name: `/${STACK}-${name}`,
    image,
    user: controls.user,
    labels: {
      "pinned-stack.stack": STACK,
      "hardened.role": "container",
      "pinned-stack.service": service,
      "pinned-stack.container": name,
    },
    state: {
      Status: "running",
      ExitCode: 0,
      Health: controls.healthCheck ? { Status: "healthy" } : null,
    },
    mounts: mounts.map((mount) => ({
      Type: "volume",
      Name: "volume" in mount ? `${STACK}-${mount.volume}` : mount.source,
      Destination: mount.path,
      RW: mount.kind === "data",
    })),
    networks: Object.fromEntries(networks.map((network) => [`${STACK}-${network.name}`, {}])),
    host: {
      CapAdd: controls.capabilities,
      CapDrop: ["ALL"],
      SecurityOpt: controls.noNewPrivileges ? ["no-new-privileges:true"] : [],
      Privileged: false,
      ReadonlyRootfs: controls.readOnlyRootfs,
      PidsLimit: controls.pidsLimit,
      Memory: memory,
      MemorySwap: memory,
      NanoCpus: controls.cpus * 1e9,
      Tmpfs: Object.fromEntries(
        Object.entries(tmpfs).map(([path, size]) => [path, tmpfsOptions(size, controls.user)]),
      ),
      PortBindings: Object.fromEntries(
        ports.map(({ address, published, internal }) => [
          `${internal}/tcp`,
          [{ HostIp: address, HostPort: String(published) }],
        ]),
      ),
      NetworkMode: "bridge",
      PidMode: "",
      IpcMode: "private",
      Dns: nameServers(container),
    },
    ...change,
  };
}

/** The state after the model was deployed; resources have the ids of {@link liveRow}. */
export function stateOf(
  model: StackModel,
  change: { readonly pending?: readonly string[]; readonly without?: readonly string[] } = {},
): StackState {
  const urn = (type: string, name: string): string =>
    `urn:pulumi:${STACK}::pinned-stack::${type}::${name}`;
  const { containers, ...facts } = model;
  const made = (type: string, name: string, rest: object = {}): object[] =>
    (change.without ?? []).includes(name)
      ? []
      : [{ urn: urn(type, name), type, id: `id-${name}`, inputs: { name }, ...rest }];
  return parseState({
    deployment: {
      resources: [
        { urn: urn("pulumi:pulumi:Stack", STACK), type: "pulumi:pulumi:Stack" },
        ...made("pinned-stack:index:Stack", STACK, { outputs: { model: facts } }),
        ...model.networks.flatMap(({ name }) => made(NETWORK, `${STACK}-${name}`)),
        ...containers.flatMap((container) => {
          const name = `${STACK}-${container.name}`;
          return [
            ...made("hardened:docker:Container", name, {
              outputs: { containerId: `id-${name}`, model: container },
            }),
            ...made(CONTAINER, name),
            ...container.mounts.flatMap((mount) =>
              mount.kind === "data"
                ? made(VOLUME, `${STACK}-${mount.volume}`, {
                    protect: container.upgrade?.serves === undefined,
                  })
                : [],
            ),
          ];
        }),
        ...made("command:local:Command", `${STACK}-socket-group`),
        ...made("command:local:Command", `${STACK}-cgroups`),
      ],
      pending_operations: (change.pending ?? []).map((name) => ({
        type: "creating",
        resource: { urn: urn(CONTAINER, name) },
      })),
    },
  });
}

export interface FakeOptions {
  readonly history?: readonly PastUpdate[];
  readonly current?: PlainConfig;
  /** The state at the first look, and after a refresh or an `up`. Default: as deployed. */
  readonly states?: readonly StackState[];
  /** Rows of the inventory besides those of the declared containers. */
  readonly more?: readonly object[];
  /** Changes the row of a container. */
  readonly row?: (container: ContainerModel, row: object) => object;
  /** Further events of the preview. Default: none. */
  readonly previewErrors?: readonly EngineEvent[];
  /** What the preview says; rejects with a text. Default: nothing to do. */
  readonly preview?: string | readonly EngineEvent[];
  /** What each `up` in turn fails with; undefined: it does not. */
  readonly up?: readonly (string | undefined)[];
  /** What each `up` in turn says. Default: nothing. */
  readonly events?: readonly (readonly EngineEvent[])[];
  /** What the script says that puts the old containers back, and its exit code. Default: 0. */
  readonly putBack?: { readonly code: number; readonly lines?: readonly string[] };
  /** Whether the connection breaks at the first such script. */
  readonly putBackLost?: boolean;
  /** What the script fails with that removes kept copies. Default: it does not. */
  readonly cleanup?: string;
  /** Answers of the health stage in turn, as problems: names of containers that are not healthy. Default: none. */
  readonly sick?: readonly (readonly string[])[];
  /** Names of the stack's volumes on the host, by role. Default: none. */
  readonly volumes?: Readonly<Record<string, readonly string[]>>;
  /** What containers printed. */
  readonly logs?: string;
  readonly options?: Partial<PrepareOptions>;
  /** Called with each thing done: `up 1`, `unprotect …`, `confirm`. */
  readonly on?: (what: string, stop: AbortController) => void;
}

export interface Deployed {
  /** The exit code, or what it rejected with. */
  readonly ended: unknown;
  readonly said: readonly string[];
  readonly plan: string;
  /** Everything done, in order. */
  readonly done: readonly string[];
  /** Text of the configuration of each `up`; empty: the stack's file. */
  readonly configurations: readonly string[];
  /** Variables that each `up` passes to the program. */
  readonly environments: readonly Readonly<Record<string, string>>[];
  /** The scripts that end an update, by what `done` calls them. */
  readonly scripts: Readonly<Partial<Record<string, string>>>;
  readonly stop: AbortController;
}

/** A plan with something to do. */
export const CHANGES: readonly EngineEvent[] = [
  {
    sequence: 1,
    timestamp: 0,
    resourcePreEvent: {
      metadata: {
        op: "create",
        urn: `urn:pulumi:${STACK}::pinned-stack::${NETWORK}::${STACK}-new`,
        type: NETWORK,
        provider: "",
      },
    },
  },
];

/** The scripts that end an update, each with a part of it that the others do not have. */
const ENDINGS = [
  ["cleanup", "if marked before; then forget; fi"],
  ["put back", "give_back || code=1"],
  ["mark return", "then mark return; fi"],
] as const;
const FINE: NonNullable<FakeOptions["putBack"]> = { code: 0 };

export async function fakeDeployment(given: FakeOptions): Promise<Deployed> {
  const { history = [past(1)], current = CURRENT, states = [] } = given;
  const { model } = loadTarget(STACK, current);
  const said: string[] = [];
  const shown: string[] = [];
  const done: string[] = [];
  const configurations: string[] = [];
  const environments: Readonly<Record<string, string>>[] = [];
  const scripts: Partial<Record<string, string>> = {};
  const stop = new AbortController();
  const note = (what: string): Promise<void> => {
    done.push(what);
    given.on?.(what, stop);
    stop.signal.throwIfAborted();
    return Promise.resolve();
  };
  const removed: string[] = [];
  let [state, ups, looks, losses] = [0, 0, 0, 0];

  const pulumi: PulumiStack = {
    stack: STACK,
    config: () => Promise.resolve(current),
    setSecret: () => Promise.resolve(),
    state: () => Promise.resolve(states[Math.min(state, states.length - 1)] ?? stateOf(model)),
    history: () =>
      Promise.resolve([...history, ...Array.from({ length: ups }, (_, i) => past(20 + i))]),
    setVerified: (start) => note(`verified ${start.slice(0, 10)}`),
    locks: () => Promise.resolve([]),
    preview: ({ onEvent }) => {
      const events = typeof given.preview === "string" ? [] : (given.preview ?? []);
      for (const event of [...events, ...(given.previewErrors ?? [])]) onEvent?.(event);
      return typeof given.preview === "string"
        ? Promise.reject(new PulumiError(given.preview))
        : Promise.resolve(events);
    },
    up: ({ configFile, message, replace = [], target = [], environment = {}, onEvent }) => {
      ups += 1;
      state += 1;
      environments.push(environment);
      for (const event of given.events?.[ups - 1] ?? []) onEvent?.(event);
      configurations.push(configFile === undefined ? "" : readFileSync(configFile, "utf8"));
      const failure = given.up?.[ups - 1];
      const noted = note(
        [
          `up: ${message}`,
          ...replace.map((urn) => urn.split("::").at(-1)),
          ...target.map((urn) => `only ${urn.split("::").at(-1) ?? ""}`),
        ].join(" +"),
      );
      return failure === undefined ? noted : Promise.reject(new PulumiError(failure));
    },
    refresh: () => {
      state += 1;
      return note("refresh");
    },
    unprotect: (urn) => note(`unprotect ${urn.split("::").at(-1) ?? ""}`),
  };

  const inventory = (sick: readonly string[]): string =>
    [
      ...model.networks.map(({ name, internal }) => ({
        network: { id: `id-${STACK}-${name}`, name: `${STACK}-${name}`, internal },
      })),
      ...model.containers.flatMap((container) => {
        const health = sick.includes(container.name) ? { Status: "unhealthy" } : undefined;
        const row = liveRow(container, {
          ...(health && { state: { Status: "running", ExitCode: 0, Health: health } }),
        });
        return [{ container: given.row?.(container, row) ?? row }];
      }),
      ...(given.more ?? []),
    ]
      .map((row) => JSON.stringify(row))
      .filter((row) => !removed.some((id) => row.includes(`"id":"${id}"`)))
      .join("\n");
  const answer = (stdout: string): Promise<ShellResult> =>
    Promise.resolve({ code: 0, stdout, stderr: "" });
  const shell: HostShell = (script, { onLine } = {}) => {
    if (script.includes("probe()")) return answer(inventory(given.sick?.[looks++] ?? []));
    if (script.includes("ask info")) return answer(inventory([]));
    const ending = ENDINGS.find(([, part]) => script.includes(part));
    if (ending !== undefined) {
      const [what] = ending;
      const { code, lines = [] } = what === "put back" ? (given.putBack ?? { code: 0 }) : FINE;
      scripts[what] = script;
      return note(what).then(() => {
        if (what === "put back" && given.putBackLost === true && losses++ === 0)
          throw new HostError("ssh h: the connection was closed");
        lines.forEach((line) => onLine?.(line));
        if (what === "cleanup" && given.cleanup !== undefined)
          return { code: 1, stdout: "", stderr: given.cleanup };
        return { code, stdout: lines.join("\n"), stderr: "" };
      });
    }
    const [, role] = /^docker volume ls -q .*hardened\.role=(\w+)'\n$/.exec(script) ?? [];
    if (role !== undefined)
      return answer((given.volumes?.[role] ?? []).map((name) => `${name}\n`).join(""));
    if (script.includes("docker logs")) return answer(given.logs ?? "");
    removed.push(...[...script.matchAll(/docker rm -f -v '([^']+)'/g)].map(([, id = ""]) => id));
    const isRemoval = /docker rm -f|docker volume rm/.test(script);
    const noted = note(isRemoval ? script.trim() : "another script");
    return noted.then(() => answer(""));
  };

  const mask = maskOf([current, ...history.map(({ config }) => config)].flatMap(secretTexts));
  const keep = (texts: string[]) => (text: string) => void texts.push(text);
  const reporter = safeReporter({ log: keep(said), stage: keep(said), show: keep(shown) }, mask);
  const run: Run = {
    stack: STACK,
    signal: stop.signal,
    reporter,
    pulumi,
    shell,
    current,
    history,
    healthTimeoutMs: 0,
  };
  const confirm = (): Promise<undefined> => note("confirm").then(() => undefined);
  const ended: unknown = await prepareAndApply(run, { confirm, ...given.options }, mask).catch(
    (error: unknown) => error,
  );
  return { ended, said, plan: shown.join("\n"), done, configurations, environments, scripts, stop };
}
