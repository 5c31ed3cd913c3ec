/** The stacks of this project as the program registers them. What a service or a component does by itself is tested there. */
import assert from "node:assert/strict";

import { bridgeName } from "../components/hardened/model";
import { Controls, HARDENED } from "../components/hardened/policy";
import { RestrictionRow } from "../components/outputs";
import { readStackFile, StackFile } from "../config/file/read";
import { SECRET_NAMES } from "../config/schema";
import { PROJECT_FOLDER } from "../tools/cli/command";
import { CONTAINER, IMAGE, NETWORK, PROVIDER, Registered } from "./support/pulumi-mocks";
import { GUIDE } from "./support/image-sets";
import { CANARIES } from "./support/raw-config";
import { SECRET, synth, Synthesized } from "./support/synth";

/** The controls from which services are exempt; the others from none. An exemption is a decision: it is written down here too. */
const EXEMPT: Readonly<Record<string, readonly string[]>> = {
  traefik: ["publishedPorts", "outsideNetworks"],
  "socket-proxy": ["dockerSocket"],
  portainer: ["healthCheck"],
  n8n: ["outsideNetworks"],
  cadvisor: ["hostCgroups"],
};

/** With the guide's images, n8n cannot read its key from a file. */
const GUIDE_EXEMPT = { ...EXEMPT, n8n: ["outsideNetworks", "environmentSecrets"] };

/** Networks that lead out of the host, each with the only container on it. */
const OUTSIDE: Readonly<Record<string, string>> = { edge: "traefik", "egress-n8n": "n8n" };

/** Where the stacks publish ports: `container address:port on the host:port inside`. */
const PUBLISHED: Readonly<Record<string, readonly string[]>> = {
  dev: ["traefik 127.0.0.1:8080:80"],
  prod: ["traefik 0.0.0.0:80:80", "traefik 0.0.0.0:443:443"],
};

/** All inputs that a running container may have. Another one may weaken it, and is judged here first. */
const INPUTS = new Set(
  [
    "capabilities cgroupnsMode cgroupParent command cpus destroyGraceSeconds dns entrypoints envs groupAdds healthcheck image init ipcMode labels",
    "logDriver logOpts memory memorySwap mustRun networksAdvanced ports privileged readOnly restart securityOpts shmSize",
    "start stopTimeout tmpfs ulimits user volumes",
  ].flatMap((line) => line.split(" ")),
);

/** Container inputs as the tests read them. */
interface Inputs extends Readonly<Record<string, unknown>> {
  readonly image: string;
  readonly labels: readonly { readonly label: string; readonly value: string }[];
  readonly user?: string;
  readonly envs?: readonly string[];
  readonly networksAdvanced?: readonly { readonly name: string; readonly aliases: string[] }[];
  readonly ports?: readonly { ip: string; external: number; internal: number }[];
  readonly volumes?: readonly { readonly hostPath?: string; readonly readOnly?: boolean }[];
  readonly healthcheck?: { readonly tests: readonly string[] };
}
interface Container {
  /** Inside the stack. */
  readonly name: string;
  readonly service: string;
  readonly inputs: Inputs;
}

/** A stack of the project, with a canary for every secret that is not in its file. */
function stackFile(stack: string, said: Readonly<Record<string, unknown>> = {}): StackFile {
  const file = readStackFile(stack, PROJECT_FOLDER);
  const secrets = Object.fromEntries(
    SECRET_NAMES.map((name) => [`pinned-stack:${name}`, CANARIES[name]]),
  );
  const keys = Object.entries(said).map(([key, value]) => [
    `pinned-stack:${key}`,
    JSON.stringify(value),
  ]);
  return {
    ...file,
    config: { ...file.config, ...secrets, ...(Object.fromEntries(keys) as object) },
    secretKeys: [...Object.keys(secrets), "pinned-stack:registries"],
  };
}

const labelOf = ({ labels }: Inputs, name: string): string | undefined =>
  labels.find(({ label }) => label === name)?.value;

for (const [stack, said, title] of [
  ["dev", {}, "the dev stack"],
  ["prod", {}, "the prod stack"],
  ["prod", { images: GUIDE }, "the prod stack with the guide's images"],
] as const)
  describe(title, () => {
    let synthesized: Synthesized;
    let running: readonly Container[];
    before(async () => {
      synthesized = await synth(stackFile(stack, said));
      running = all(CONTAINER).map((resource) => {
        const inputs = resource.inputs as Inputs;
        const [name = "", service = ""] = ["container", "service"].map((label) =>
          labelOf(inputs, `pinned-stack.${label}`),
        );
        return { name, service, inputs };
      });
    });

    const all = (type: string): readonly Registered[] =>
      synthesized.resources.filter((resource) => resource.type === type);
    /** What applies to a container by the outputs of the stack. */
    const rowOf = ({ service }: Container): RestrictionRow =>
      synthesized.stack.restrictions.find((row) => row.service === service) ??
      assert.fail(`no row for ${service}`);
    const exempt = <C extends keyof Controls>(container: Container, control: C): Controls[C] =>
      (rowOf(container).exemptions.find((one) => one.control === control)?.value ??
        HARDENED[control]) as Controls[C];
    const each = (check: (container: Container) => void): void => {
      assert.ok(running.length > 0);
      for (const container of running) check(container);
    };

    it("runs the containers of its restrictions table, and nothing else", () => {
      assert.deepEqual(
        running.map(({ name }) => name).sort(),
        synthesized.stack.restrictions.flatMap(({ containers }) => containers).sort(),
      );
    });

    it("restricts every running container, except where an exemption says otherwise", () => {
      each((container) => {
        const { name, inputs } = container;
        const { memoryMiB, cpus, user } = rowOf(container);
        const expected = {
          readOnly: exempt(container, "readOnlyRootfs"),
          capabilities: { drops: ["ALL"], adds: exempt(container, "capabilities") },
          securityOpts: exempt(container, "noNewPrivileges")
            ? ["no-new-privileges:true"]
            : undefined,
          privileged: false,
          ipcMode: "private",
          user,
          memory: memoryMiB,
          memorySwap: memoryMiB,
          networkMode: undefined,
        };
        assert.deepEqual(
          Object.fromEntries(Object.keys(expected).map((key) => [key, inputs[key]])),
          expected,
          name,
        );
        assert.equal(Number(inputs.cpus), cpus, name);
        if (exempt(container, "user") === HARDENED.user)
          assert.match(user, /^[1-9]\d*:[1-9]\d*$/, name);
        const fromHost = (inputs.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined);
        const isSocket = ({ hostPath = "" }) => hostPath.endsWith(".sock");
        assert.ok(
          fromHost.every(({ readOnly }) => readOnly === true),
          name,
        );
        assert.equal(fromHost.some(isSocket), exempt(container, "dockerSocket"), name);
        assert.deepEqual(
          fromHost.filter((mount) => !isSocket(mount)).map(({ hostPath }) => hostPath),
          exempt(container, "hostPaths"),
          name,
        );
        // The engine of these tests is not on cgroup v1, where folders would be mounted.
        assert.equal(
          inputs.cgroupnsMode,
          exempt(container, "hostCgroups") ? "host" : undefined,
          name,
        );
        assert.deepEqual(
          inputs.dns,
          exempt(container, "outsideNetworks").length > 0 ? undefined : ["127.0.0.1"],
          name,
        );
        const secrets = (inputs.envs ?? []).filter((text) => text === SECRET);
        assert.equal(secrets.length, exempt(container, "environmentSecrets").length, name);
        const tests = inputs.healthcheck?.tests ?? [];
        assert.equal(tests.length > 1, exempt(container, "healthCheck"), name);
        assert.deepEqual(
          Object.keys(inputs).filter((key) => !INPUTS.has(key)),
          [],
          name,
        );
      });
    });

    it("runs images that are pinned and pulled", () => {
      const images = Object.values(synthesized.stack.images);
      assert.deepEqual(
        all(IMAGE)
          .map(({ inputs }) => inputs.name)
          .sort(),
        images.sort(),
      );
      for (const { inputs, name } of running) {
        assert.match(inputs.image, /^[a-z0-9./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/, name);
        assert.ok(images.includes(inputs.image), name);
      }
    });

    it("has a network for each two containers that talk, and ways out only where they are declared", () => {
      for (const { inputs } of all(NETWORK)) {
        const network = String(inputs.name).replace(`${stack}-`, "");
        const members = running.filter((container) =>
          container.inputs.networksAdvanced?.some(({ name }) => name === inputs.name),
        );
        const outside = OUTSIDE[network];
        assert.equal(inputs.internal, outside === undefined, network);
        assert.deepEqual(
          inputs.options,
          outside === undefined
            ? { "com.docker.network.bridge.inhibit_ipv4": "true" }
            : { "com.docker.network.bridge.name": bridgeName(stack, network) },
        );
        if (outside === undefined) assert.equal(members.length, 2, network);
        else
          assert.deepEqual(
            members.map(({ name }) => name),
            [outside],
          );
      }
      each(({ inputs, name }) => {
        assert.ok((inputs.networksAdvanced ?? []).length > 0, name);
        for (const { aliases } of inputs.networksAdvanced ?? []) assert.deepEqual(aliases, [name]);
      });
    });

    it("publishes ports of Traefik only, where the stack says", () => {
      const published = running.flatMap(({ name, inputs }) =>
        (inputs.ports ?? []).map(
          ({ ip, external, internal }) => `${name} ${ip}:${external}:${internal}`,
        ),
      );
      assert.deepEqual(published, PUBLISHED[stack]);
    });
  }).timeout(30_000);

describe("the stacks of this project", () => {
  it("leave exactly the controls that are written down here", async () => {
    for (const [said, exempt] of [
      [{}, EXEMPT],
      [{ images: GUIDE }, GUIDE_EXEMPT],
    ] as const)
      for (const stack of ["dev", "prod"]) {
        const { restrictions } = (await synth(stackFile(stack, said))).stack;
        assert.deepEqual(
          Object.fromEntries(
            restrictions.flatMap(({ service, exemptions }) =>
              exemptions.length === 0 ? [] : [[service, exemptions.map(({ control }) => control)]],
            ),
          ),
          exempt,
        );
      }
  });

  const LOGIN = "canary-registry-password";
  for (const tls of ["acme", "none"])
    it(`store no secret in clear, whatever its spelling, with tls mode ${tls}`, async () => {
      const registries = { "ghcr.io": { username: "reader", password: LOGIN } };
      const file = stackFile("prod", { registries, ...(tls === "none" && { tls: { mode: tls } }) });
      const { resources, outputs, stack } = await synth(file);
      const text = JSON.stringify([resources, ...outputs, stack]);
      for (const secret of [...Object.values(CANARIES), LOGIN])
        for (const encoding of ["utf8", "base64", "hex"] as const) {
          // The last characters of base64 depend on what follows.
          const shape = Buffer.from(secret).toString(encoding).replace(/=+$/, "").slice(0, -2);
          assert.ok(!text.includes(shape), `${secret} in ${encoding}`);
        }
      const provider = resources.find(({ type }) => type === PROVIDER);
      assert.equal(provider?.inputs.registryAuth, SECRET);
    });
}).timeout(30_000);
