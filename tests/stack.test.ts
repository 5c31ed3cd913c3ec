import assert from "node:assert/strict";

import { Controls, RestrictionRow } from "../components/hardened/policy";
import { SECRET_NAMES, SERVICE_NAMES } from "../config/schema";
import { readStackFile, StackFile } from "../config/file/read";
import {
  COMMAND,
  CONTAINER,
  IMAGE,
  Model,
  NETWORK,
  RecordedResource,
  SECRET,
  synth,
  isSecret,
} from "../tools/model/synth";
import { PROJECT_FOLDER } from "../tools/cli/command";
import "./support/no-docker-context";
import { CANARIES } from "./support/raw-config";

/** Every service, with the controls it leaves. A new one is a decision, so it is written down here too. */
const EXEMPT: Readonly<Record<string, readonly string[]>> = {
  traefik: ["publishedPorts", "outsideNetworks"],
  "socket-proxy": ["dockerSocket"],
  homepage: [],
  portainer: ["healthCheck"],
  n8n: ["outsideNetworks", "environmentSecrets"],
  postgres: [],
  cadvisor: ["user", "hostPaths"],
};

/** The containers of services that have not just the one that is called as they are. */
const CONTAINERS: Readonly<Record<string, readonly string[]>> = {
  "socket-proxy": ["socket-proxy-portainer", "socket-proxy-cadvisor"],
};

/** Networks that lead out of the host, each with the only service on it. */
const OUTSIDE: Readonly<Record<string, string>> = { edge: "traefik", egress: "n8n" };

/** All inputs that a running container may have; another one may weaken it and has to be judged here. */
const INPUTS = [
  "capabilities",
  "command",
  "cpus",
  "destroyGraceSeconds",
  "entrypoints",
  "envs",
  "groupAdds",
  "healthcheck",
  "image",
  "init",
  "ipcMode",
  "labels",
  "logDriver",
  "logOpts",
  "memory",
  "memorySwap",
  "name",
  "networksAdvanced",
  "ports",
  "privileged",
  "readOnly",
  "restart",
  "securityOpts",
  "shmSize",
  "stopTimeout",
  "tmpfs",
  "ulimits",
  "user",
  "volumes",
  "wait",
  "waitTimeout",
];

/** Where the stacks publish Traefik: `container address:port on the host:port inside`. */
const PUBLISHED: Readonly<Record<string, readonly string[]>> = {
  dev: ["dev-traefik 127.0.0.1:8080:80"],
  prod: ["prod-traefik 0.0.0.0:80:80", "prod-traefik 0.0.0.0:443:443"],
};

/** Volumes that are filled or given away; prod has two more, for Traefik's DNS token and its certificates. */
const LOADERS: Readonly<Record<string, number>> = { dev: 9, prod: 11 };

/** Every file that holds a secret. */
const FOR_ONE_READER = [
  "0400 /run/secrets/n8n/database-password",
  "0400 /run/secrets/portainer/admin-password",
  "0400 /run/secrets/postgres/n8n",
  "0400 /run/secrets/postgres/superuser",
];
const SECRET_FILES: Readonly<Record<string, readonly string[]>> = {
  dev: FOR_ONE_READER,
  prod: [...FOR_ONE_READER, "0400 /run/secrets/traefik/dns-token"],
};

/** What is the same for every container that has no exemption for it. */
const LOCKED = [
  "readOnly",
  "capabilities",
  "securityOpts",
  "privileged",
  "ipcMode",
  "init",
  "restart",
  "logDriver",
  "logOpts",
  "memorySwap",
] as const;

/** Container inputs as the tests read them. */
type ContainerInputs = Readonly<Record<(typeof LOCKED)[number], unknown>> & {
  readonly image: string;
  readonly labels: readonly { readonly label: string; readonly value: string }[];
  readonly user?: string;
  readonly memory?: number;
  readonly cpus?: string;
  readonly envs?: readonly string[];
  readonly tmpfs?: Readonly<Record<string, string>>;
  readonly networkMode?: string;
  readonly networksAdvanced?: readonly { readonly name: string; readonly aliases: string[] }[];
  readonly ports?: readonly object[];
  readonly volumes?: readonly { readonly hostPath?: string; readonly readOnly?: boolean }[];
  readonly healthcheck?: { readonly tests: readonly string[] };
  readonly wait?: boolean;
  readonly uploads?: readonly {
    readonly file: string;
    readonly content?: string;
    readonly permissions: string;
  }[];
  readonly command?: readonly string[];
  readonly entrypoints?: readonly string[];
  readonly start?: boolean;
  readonly attach?: boolean;
};

class Stack {
  constructor(readonly model: Model) {}

  all(type: string): readonly RecordedResource[] {
    return this.model.resources.filter((resource) => resource.type === type);
  }

  containers(role: string): readonly { name: string; inputs: ContainerInputs }[] {
    return this.all(CONTAINER)
      .map(({ name, inputs }) => ({ name, inputs: inputs as unknown as ContainerInputs }))
      .filter(({ inputs }) => label(inputs, "role") === role);
  }

  row(inputs: ContainerInputs): RestrictionRow {
    const service = label(inputs, "service");
    const row = this.model.outputs.restrictions.find((each) => each.service === service);
    assert.ok(row, `no row of the restrictions table for ${service ?? "a container"}`);
    return row;
  }
}

const label = ({ labels }: Pick<ContainerInputs, "labels">, name: string): string | undefined =>
  labels.find((each) => each.label === `pinned-stack.${name}`)?.value;

/** The value that a control has by an exemption, if it has one. */
const exempt = <C extends keyof Controls>(
  row: RestrictionRow,
  control: C,
): Controls[C] | undefined =>
  row.exemptions.find((each) => (each.control as string) === control)?.value as
    Controls[C] | undefined;

/** The volumes of a container; undefined for a folder of the host. */
const mountsOf = (inputs: object): (string | undefined)[] =>
  ((inputs as { volumes?: readonly { volumeName?: string }[] }).volumes ?? []).map(
    ({ volumeName }) => volumeName,
  );

const isSocket = (path: string): boolean => path.endsWith(".sock");

for (const name of ["dev", "prod"])
  describe(`the ${name} stack`, () => {
    let stack: Stack;
    before(async () => {
      stack = new Stack(await synth(readStackFile(name, PROJECT_FOLDER), { placeholders: true }));
    });

    /** One test for each container would need the model while tests are being defined. */
    const eachRunning = (
      check: (container: { name: string; inputs: ContainerInputs; row: RestrictionRow }) => void,
    ): void => {
      const running = stack.containers("service");
      // More than one a service: each has what is checked here.
      assert.ok(running.length > SERVICE_NAMES.length, `${running.length} containers run`);
      for (const { name: container, inputs } of running)
        check({ name: container, inputs, row: stack.row(inputs) });
    };

    it("runs services and loaders, nothing else, and each is in the restrictions table", () => {
      const running = stack.containers("service");
      assert.equal(running.length + stack.containers("loader").length, stack.all(CONTAINER).length);
      assert.deepEqual(
        stack.model.outputs.restrictions.map(({ service, containers }) => [service, ...containers]),
        Object.keys(EXEMPT).map((service) => [service, ...(CONTAINERS[service] ?? [service])]),
      );
      assert.deepEqual(
        running.map(({ inputs }) => label(inputs, "container")).sort(),
        stack.model.outputs.restrictions.flatMap(({ containers }) => containers).sort(),
      );
    });

    it("lets each service leave exactly the controls that are written down", () => {
      for (const { service, exemptions } of stack.model.outputs.restrictions)
        assert.deepEqual(
          exemptions.map(({ control }) => control),
          EXEMPT[service],
          service,
        );
    });

    it("locks every running container down, except where an exemption says otherwise", () => {
      eachRunning(({ name: container, inputs, row }) => {
        assert.deepEqual(
          Object.fromEntries(LOCKED.map((key) => [key, inputs[key]])),
          {
            readOnly: exempt(row, "readOnlyRootfs") ?? true,
            capabilities: { drops: ["ALL"], adds: exempt(row, "capabilities") ?? [] },
            securityOpts:
              exempt(row, "noNewPrivileges") === false ? undefined : ["no-new-privileges:true"],
            privileged: false,
            ipcMode: "private",
            init: false,
            restart: "unless-stopped",
            logDriver: "json-file",
            logOpts: { "max-size": "10m", "max-file": "3" },
            memorySwap: inputs.memory,
          },
          container,
        );
        assert.deepEqual(
          Object.keys(inputs).filter((key) => !INPUTS.includes(key)),
          [],
          container,
        );
      });
    });

    it("runs nothing as root without an exemption", () => {
      eachRunning(({ name: container, inputs, row }) => {
        const root = exempt(row, "user");
        if (root === undefined) assert.match(inputs.user ?? "", /^[1-9]\d*:[1-9]\d*$/, container);
        else assert.equal(inputs.user, root, container);
        assert.equal(inputs.user, row.user, container);
      });
    });

    it("limits memory, CPU and processes of every running container", () => {
      const [limits = ""] = stack
        .all(COMMAND)
        .filter(({ name: command }) => command === `${name}-process-limits`)
        .map(({ inputs }) => String(inputs.stdin));
      eachRunning(({ name: container, inputs, row }) => {
        assert.ok(typeof inputs.memory === "number" && inputs.memory >= 6, container);
        assert.equal(inputs.memory, row.memoryMiB, container);
        assert.match(inputs.cpus ?? "", /^\d+\.\d{1,3}$/, container);
        assert.equal(Number(inputs.cpus), row.cpus, container);
        assert.equal(label(inputs, "pids-limit"), String(row.pidsLimit), container);
        const update = `docker update --pids-limit ${row.pidsLimit} ${container}-id >/dev/null\n`;
        assert.ok(row.pidsLimit >= 1 && limits.includes(update), `${container}: ${limits}`);
      });
    });

    it("runs every container from an image that is pinned and pulled", () => {
      const pulled = stack.all(IMAGE).map(({ inputs }) => inputs.name);
      eachRunning(({ name: container, inputs, row }) => {
        assert.match(inputs.image, /^[a-z0-9./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/, container);
        assert.equal(inputs.image, stack.model.outputs.images[row.service], container);
      });
      for (const { name: container, inputs } of stack.containers("loader"))
        assert.ok(pulled.includes(inputs.image), container);
      assert.deepEqual(Object.values(stack.model.outputs.images).sort(), pulled.sort());
      assert.deepEqual(stack.model.unresolved, []);
    });

    it("pulls every image before it touches a container", () => {
      const images = stack.all(IMAGE).map(({ name: image }) => image);
      assert.equal(images.length, SERVICE_NAMES.length);
      for (const { name: container, dependsOn } of stack.all(CONTAINER)) {
        const pulled = dependsOn.filter(({ type }) => type === IMAGE).map((each) => each.name);
        assert.deepEqual([...new Set(pulled)].sort(), [...images].sort(), container);
      }
    });

    it("starts a container only when its files and its data are there", () => {
      for (const { name: container, inputs, dependsOn } of stack.all(CONTAINER)) {
        if (label(inputs as unknown as ContainerInputs, "role") !== "service") continue;
        const mounted = mountsOf(inputs);
        const fillers = stack
          .all(CONTAINER)
          .filter(({ name: other }) => other !== container && /-(?:loader|owner)$/.test(other))
          .filter((other) =>
            mountsOf(other.inputs).some(
              (volume) => volume !== undefined && mounted.includes(volume),
            ),
          );
        for (const filler of fillers)
          assert.ok(
            dependsOn.some(({ type, name: other }) => type === CONTAINER && other === filler.name),
            `${container} does not wait for ${filler.name}`,
          );
      }
    });

    it("gives secret files to the one user who reads them, and to nobody else", () => {
      const secretFiles = stack.containers("loader").flatMap(({ name: loader, inputs }) => {
        const uploads = inputs.uploads ?? [];
        const secret = uploads.filter(({ content }) => isSecret(content));
        for (const { file, permissions } of uploads)
          if (!secret.some((each) => each.file === file))
            assert.equal(permissions, "0444", `${loader}: ${file}`);
        if (secret.length === 0) return [];
        const [volume] = mountsOf(inputs);
        const users = stack
          .containers("service")
          .filter((each) => mountsOf(each.inputs).includes(volume))
          .map((each) => each.inputs.user);
        assert.equal(users.length, 1, `${loader}: one service reads it`);
        assert.deepEqual(inputs.command?.slice(0, 2), ["-R", ...users], loader);
        return secret.map(({ file, permissions }) => `${permissions} ${file}`);
      });
      assert.deepEqual(secretFiles.sort(), SECRET_FILES[name]);
    });

    it("checks the health of every running container that is not exempt", () => {
      eachRunning(({ name: container, inputs, row }) => {
        const [kind, ...words] = inputs.healthcheck?.tests ?? [];
        const has = exempt(row, "healthCheck") !== false;
        assert.equal(kind, has ? "CMD" : "NONE", container);
        assert.equal(words.length > 0, has, container);
        assert.equal(inputs.wait === true, has, container);
      });
    });

    it("puts no container on a default network", () => {
      const known = stack.all(NETWORK).map(({ inputs }) => inputs.name);
      eachRunning(({ name: container, inputs }) => {
        assert.equal(inputs.networkMode, undefined, container);
        assert.ok((inputs.networksAdvanced ?? []).length > 0, container);
        for (const { name: network, aliases } of inputs.networksAdvanced ?? []) {
          assert.ok(known.includes(network), `${container}: ${network}`);
          assert.deepEqual(aliases, [label(inputs, "container")], container);
        }
      });
    });

    it("has a way out only where it is declared, all other networks are for two", () => {
      const membersOf = (network: unknown): (string | undefined)[] =>
        stack
          .containers("service")
          .filter(({ inputs }) => inputs.networksAdvanced?.some((each) => each.name === network))
          .map(({ inputs }) => label(inputs, "service"));
      const networks = stack.all(NETWORK);
      assert.ok(networks.some(({ inputs }) => inputs.name === `${name}-edge`));
      for (const { inputs } of networks) {
        const short = String(inputs.name).replace(`${name}-`, "");
        const outside = OUTSIDE[short];
        assert.equal(inputs.internal, outside === undefined, short);
        const members = membersOf(inputs.name);
        if (outside === undefined) assert.equal(`${members.length} on ${short}`, `2 on ${short}`);
        else assert.deepEqual(members, [outside], short);
      }
    });

    it("publishes ports of Traefik only, where the stack says", () => {
      const published = stack
        .all(CONTAINER)
        .flatMap(({ name: container, inputs }) =>
          ((inputs.ports ?? []) as { ip: string; external: number; internal: number }[]).map(
            ({ ip, external, internal }) => `${container} ${ip}:${external}:${internal}`,
          ),
        );
      assert.deepEqual(published, PUBLISHED[name]);
    });

    it("mounts of the host only what an exemption names, and nothing of it for writing", () => {
      eachRunning(({ name: container, inputs, row }) => {
        const mounts = (inputs.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined);
        const [sockets, paths] = [
          mounts.filter(({ hostPath = "" }) => isSocket(hostPath)),
          mounts.filter(({ hostPath = "" }) => !isSocket(hostPath)),
        ];
        assert.deepEqual(
          paths.map(({ hostPath }) => hostPath),
          exempt(row, "hostPaths") ?? [],
          container,
        );
        assert.equal(sockets.length, exempt(row, "dockerSocket") === true ? 1 : 0, container);
        assert.ok(
          mounts.every(({ readOnly }) => readOnly === true),
          container,
        );
      });
    });

    it("gives every writable folder in memory a size and lets nothing run there", () => {
      eachRunning(({ name: container, inputs }) => {
        for (const options of Object.values(inputs.tmpfs ?? {}))
          assert.match(options, /^rw,noexec,nosuid,nodev,size=\d+m,uid=\d+,gid=\d+$/, container);
      });
    });

    it("keeps secrets out of the environment, except where an exemption names the variable", () => {
      eachRunning(({ name: container, inputs, row }) => {
        const secret = (inputs.envs ?? []).flatMap(
          (text) => /^(\w+)=\[secret/.exec(text)?.[1] ?? [],
        );
        assert.deepEqual(secret, exempt(row, "environmentSecrets") ?? [], container);
      });
    });

    it("writes files through loaders without a network, that start only to give files away", () => {
      const loaders = stack.containers("loader");
      assert.equal(loaders.length, LOADERS[name]);
      for (const { name: container, inputs } of loaders) {
        assert.equal(inputs.networkMode, "none", container);
        assert.deepEqual(inputs.networksAdvanced ?? [], [], container);
        assert.deepEqual(inputs.ports ?? [], [], container);
        assert.deepEqual(inputs.securityOpts, ["no-new-privileges:true"], container);
        assert.deepEqual(
          (inputs.volumes ?? []).map(({ hostPath }) => hostPath),
          [undefined],
          container,
        );
        const { start, attach, capabilities, entrypoints, memory, memorySwap } = inputs;
        assert.deepEqual(
          { start, attach, capabilities, entrypoints, memory, memorySwap },
          start === true
            ? {
                start: true,
                attach: true,
                capabilities: {
                  drops: ["ALL"],
                  adds: container.endsWith("-owner")
                    ? ["CAP_CHOWN", "CAP_DAC_READ_SEARCH"]
                    : ["CAP_CHOWN"],
                },
                entrypoints: ["/bin/chown"],
                memory: 64,
                memorySwap: 64,
              }
            : {
                start: false,
                attach: undefined,
                capabilities: { drops: ["ALL"], adds: [] },
                entrypoints: undefined,
                memory: undefined,
                memorySwap: undefined,
              },
          container,
        );
      }
    });
  }).timeout(30_000);

describe("secrets of a stack", () => {
  const LOGIN = "canary-registry-password";

  /** The prod stack as it is after its secrets were set, with another TLS mode where one is given. */
  const withCanaries = (tls?: object): StackFile => {
    const file = readStackFile("prod", PROJECT_FOLDER);
    const secrets = Object.fromEntries(
      SECRET_NAMES.map((secret) => [`pinned-stack:${secret}`, CANARIES[secret]]),
    );
    const registries = { "ghcr.io": { username: "reader", password: LOGIN } };
    return {
      ...file,
      config: {
        ...file.config,
        ...secrets,
        "pinned-stack:registries": JSON.stringify(registries),
        ...(tls !== undefined && { "pinned-stack:tls": JSON.stringify(tls) }),
      },
      secretKeys: [...Object.keys(secrets), "pinned-stack:registries"],
    };
  };

  for (const mode of ["acme", "none"])
    it(`are in no input that is stored in clear and in no output, with tls mode ${mode}`, async () => {
      const model = await synth(withCanaries(mode === "acme" ? undefined : { mode }));
      const text = JSON.stringify([model.resources, model.outputs]);
      for (const secret of [...Object.values(CANARIES), LOGIN])
        for (const encoding of ["utf8", "base64", "hex"] as const) {
          // The last characters of base64 depend on what follows.
          const shape = Buffer.from(secret).toString(encoding).replace(/=+$/, "").slice(0, -2);
          assert.ok(!text.includes(shape), `${secret} in ${encoding}`);
        }
      const provider = model.resources.find(({ type }) => type === "pulumi:providers:docker");
      assert.equal(provider?.inputs.registryAuth, SECRET);
    });
}).timeout(30_000);
