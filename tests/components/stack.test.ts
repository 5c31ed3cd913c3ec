/** A model as Docker resources. What one container, volume or network becomes is tested in tests/components/hardened/. */
import assert from "node:assert/strict";
import { mock } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { ServiceDefinition } from "../../components/services/definition";
import { Stack, StackArgs } from "../../components/stack";
import { DockerHost } from "../../host/docker-host";
import {
  COMMAND,
  CONTAINER,
  IMAGE,
  inClear,
  namesOf,
  NETWORK,
  only,
  record,
  Recording,
  Registered,
  shortName,
  VOLUME,
} from "../support/pulumi-mocks";
import { modelOf, REASON, service } from "../support/small-stack";

const PATHS = {
  files: { config: { path: "/etc/app", files: { "app.conf": "canary-content" } } },
  secrets: { keys: { path: "/run/keys", files: { key: "appKey" } } },
  data: { data: { path: "/data", chown: true } },
};

/** An application with files, secrets and data; its database; a tool that is root and has the socket. */
const SERVICES: readonly ServiceDefinition[] = [
  service(
    "app",
    {
      ...PATHS,
      user: "1000:1000",
      toolImage: "tool",
      memoryMiB: 512,
      environment: { MODE: "fast" },
      secretEnvironment: { TOKEN: "appToken" },
      exemptions: [{ control: "environmentSecrets", value: ["TOKEN"], reason: REASON }],
    },
    { database: { name: "app", password: "appKey" } },
  ),
  service("postgres", { afterStart: "echo postgres is there" }),
  service("tool", {
    dockerSocket: true,
    links: ["app"],
    exemptions: [
      { control: "user", value: "0:0", reason: REASON },
      { control: "dockerSocket", value: true, reason: REASON },
    ],
  }),
];
const TRIAL = { atMost: 15, backups: { keep: 7 }, tried: true, olderData: false };
const IMAGES = { app: "app:1", postgres: "postgres:1", tool: "tool:1" };

const run = (
  definitions: readonly ServiceDefinition[] = SERVICES,
  said: Partial<StackArgs> = {},
): Promise<Recording<Stack>> =>
  record(
    () => {
      const host = new DockerHost("test", {
        host: { address: "unix:///var/run/docker.sock" },
        registries: {},
      });
      const secret = (name: string) => pulumi.output(`canary-${name}`);
      return new Stack("test", {
        model: modelOf(definitions, { images: IMAGES }),
        host,
        secret,
        trial: TRIAL,
        networkPool: "10.201.0.0/24",
        ...said,
      });
    },
    { engine: { [COMMAND]: { stdout: "998\n" } } },
  );

const label = ({ inputs }: Registered, name: string): string | undefined =>
  (inputs.labels as { label: string; value: string }[]).find((one) => one.label === name)?.value;

describe("a stack on a Docker host", () => {
  let recording: Recording<Stack>;
  let resources: readonly Registered[];
  before(async () => {
    recording = await run();
    ({ resources } = recording);
  });

  const waitsOf = (type: string, name: string): string[] =>
    only(resources, type, name).dependsOn.map(shortName);

  it("is these containers, volumes and networks, all named after the stack", () => {
    assert.deepEqual(
      [CONTAINER, VOLUME, NETWORK].map((type) => namesOf(resources, type).sort()),
      [
        ["test-app", "test-postgres", "test-tool"],
        ["test-app-config", "test-app-data", "test-app-keys"],
        ["test-app-postgres", "test-tool-app"],
      ],
    );
  });

  it("mounts a volume where each container says, although its reader is made before its writer", async () => {
    const shared = await run([
      service("app", { data: { x: { path: "/read", readOnly: true, of: "tool-status" } } }),
      service("tool", { data: { status: { path: "/written", copy: "never" } } }),
    ]);
    const mounted = ["test-app", "test-tool"].map(
      (name) => only(shared.resources, CONTAINER, name).inputs.volumes,
    );
    assert.deepEqual(mounted, [
      [{ volumeName: "test-tool-status", containerPath: "/read", readOnly: true }],
      [{ volumeName: "test-tool-status", containerPath: "/written" }],
    ]);
  });

  it("asks the host for free subnets once, and again when the list of networks is another", async () => {
    const { inputs } = only(resources, COMMAND, "test-networks");
    assert.deepEqual(inputs.triggers, [
      ...["this machine", "10.201.0.0/24", "test-app-postgres", "test-tool-app"],
    ]);
    for (const [name, subnet] of [
      ["test-app-postgres", "10.201.0.0/28"],
      ["test-tool-app", "10.201.0.16/28"],
    ] as const) {
      const network = only(resources, NETWORK, name);
      assert.deepEqual(network.inputs.ipamConfigs, [{ subnet }]);
      assert.deepEqual(network.options.ignoreChanges, ["ipamConfigs"]);
    }
    // An imported one has addresses already.
    const imported = await run(SERVICES, { networks: { "test-tool-app": "id" } });
    assert.ok(!("ipamConfigs" in only(imported.resources, NETWORK, "test-tool-app").inputs));
  });

  it("pulls each image after the preflight, keeps it, and touches nothing before all are there", () => {
    assert.deepEqual(only(resources, IMAGE, "test-app").inputs, {
      name: "app:1",
      platform: "linux/amd64",
      keepLocally: true,
    });
    for (const name of ["test-app", "test-postgres", "test-tool"])
      assert.deepEqual(waitsOf(IMAGE, name), ["Command test-preflight"]);
    for (const { type, name, dependsOn, options } of resources)
      if (type === CONTAINER || (type === VOLUME && options.protect !== true))
        assert.equal(
          dependsOn.filter((urn) => urn.includes("RemoteImage::")).length,
          3,
          `${name} waits for ${dependsOn.join(" ")}`,
        );
  });

  it("writes files before their container exists, and gives its data to its user", () => {
    const waits = waitsOf(CONTAINER, "test-app");
    for (const name of ["test-app-config-fill", "test-app-keys-fill", "test-app-data-owner"])
      assert.ok(waits.includes(`Command ${name}`), name);
    const { stdin } = only(resources, COMMAND, "test-app-data-owner").inputs;
    assert.match(String(stdin), / 'tool:1' -R '1000:1000' \/volume\)\n/);
  });

  it("gives each container its controls, its name in the networks, and the group of the socket", () => {
    const app = only(resources, CONTAINER, "test-app").inputs;
    assert.deepEqual([app.user, app.memory], ["1000:1000", 512]);
    assert.deepEqual(app.networksAdvanced, [
      { name: "test-app-postgres", aliases: ["app"] },
      { name: "test-tool-app", aliases: ["app"] },
    ]);
    const tool = only(resources, CONTAINER, "test-tool").inputs;
    assert.deepEqual([tool.user, tool.groupAdds], ["0:0", ["998"]]);
  });

  it("creates every container stopped, under the name that the next one of it will have, and deletes none first", () => {
    for (const name of ["test-app", "test-postgres", "test-tool"]) {
      const container = only(resources, CONTAINER, name);
      assert.deepEqual(
        [container.inputs.start, container.inputs.mustRun, label(container, "hardened.name")],
        [false, false, name],
      );
      assert.equal(container.options.deleteBeforeReplace, false);
    }
  });

  it("starts a container after what it depends on works, with its own setup", () => {
    assert.ok(waitsOf(COMMAND, "test-app-start").includes("Command test-postgres-start"));
    const { inputs, dependsOn } = only(resources, COMMAND, "test-postgres-start");
    assert.match(String(inputs.stdin), /\nAFTER\(\) \{\necho postgres is there\n\}\n/);
    assert.deepEqual(inputs.triggers, ["test-postgres-id", ""]);
    assert.ok(dependsOn.map(shortName).includes("Container test-postgres"));
  });

  it("labels everything with the stack, and what a container has with its service", () => {
    for (const resource of resources)
      if ([CONTAINER, VOLUME, NETWORK].includes(resource.type)) {
        assert.equal(label(resource, "pinned-stack.stack"), "test");
        const of = resource.type === NETWORK ? undefined : resource.name.split("-")[1];
        assert.equal(label(resource, "pinned-stack.service"), of);
        assert.equal(label(resource, "pinned-stack.container"), of);
      }
  });

  it("marks secrets wherever they go, and registers neither them nor contents of files", () => {
    const { envs } = only(resources, CONTAINER, "test-app").inputs;
    assert.deepEqual(envs, ["MODE=fast", { secretValue: "TOKEN=canary-appToken" }]);
    const { stdin } = only(resources, COMMAND, "test-app-keys-fill").inputs;
    assert.ok(typeof stdin === "object" && stdin !== null && "secretValue" in stdin);
    assert.doesNotMatch(inClear(recording), /canary-app/);
    assert.doesNotMatch(JSON.stringify([...recording.outputs]), /canary/);
  });
});

describe("a stack that is tried on copies", () => {
  /** Two that share something with the ones before them, and one that does not. */
  const services: readonly ServiceDefinition[] = [
    service("app", { data: PATHS.data }),
    service("door", {
      ports: [{ published: 80, internal: 80 }],
      exemptions: [
        { control: "publishedPorts", value: [80], reason: REASON },
        { control: "outsideNetworks", value: ["edge"], reason: REASON },
      ],
    }),
    service("web", { dependsOn: ["app"] }),
  ];
  const CONTAINERS = ["test-app", "test-door", "test-web"];
  let resources: readonly Registered[];
  before(async () => {
    ({ resources } = await run(services, {
      restarted: { web: "2026-02-01T10:00:00.000Z" },
    }));
  });
  const commandOf = (name: string): Registered => only(resources, COMMAND, name);
  const waitsOf = (name: string): string[] => commandOf(name).dependsOn.map(shortName);

  it("tries those that cannot run beside the old ones, once all containers are there", () => {
    const { inputs } = commandOf("test-trial");
    assert.deepEqual(inputs.triggers, ["test-app-id", "test-door-id", "2026-02-01T10:00:00.000Z"]);
    assert.match(
      String(inputs.stdin),
      /^export id_0=test-app-id\nexport id_1=test-door-id\nsaid=/m,
    );
    for (const name of CONTAINERS)
      assert.ok(waitsOf("test-trial").includes(`Container ${name}`), name);
  });

  it("starts nothing before the trial", () => {
    for (const name of CONTAINERS) {
      const waits = waitsOf(`${name}-start`);
      assert.ok(waits.includes("Command test-trial"), `${name}: ${waits.join(", ")}`);
    }
  });

  it("creates no container after a start, which may come long after", () => {
    for (const name of CONTAINERS)
      assert.deepEqual(
        only(resources, CONTAINER, name).dependsOn.filter((urn) => /-(?:start|trial)$/.test(urn)),
        [],
      );
  });

  it("drops what was kept for a return after all starts", () => {
    const { inputs } = commandOf("test-cleanup");
    assert.deepEqual((inputs.triggers as string[]).slice(0, 2), ["test-app-id", "test-door-id"]);
    const waits = waitsOf("test-cleanup");
    for (const name of CONTAINERS) assert.ok(waits.includes(`Command ${name}-start`), name);
  });

  it("starts a container again that has stopped since", () => {
    assert.deepEqual(commandOf("test-web-start").inputs.triggers, [
      "test-web-id",
      "2026-02-01T10:00:00.000Z",
    ]);
  });

  it("has neither trial nor cleanup where all can run beside the old ones, and creates all before it starts one", async () => {
    const recording = await run([service("web"), service("site")]);
    assert.deepEqual(namesOf(recording.resources, COMMAND).sort(), [
      "test-networks",
      "test-preflight",
      "test-site-start",
      "test-web-start",
    ]);
    const waits = only(recording.resources, COMMAND, "test-web-start").dependsOn.map(shortName);
    for (const name of ["test-web", "test-site"])
      assert.ok(waits.includes(`Container ${name}`), name);
  });
});

describe("a stack with files that change in place", () => {
  const PAGES = { pages: { path: "/srv/pages", files: { "a.html": "page" }, live: true } };
  const OTHERS = (text: string) => ({ config: { path: "/etc/door", files: { conf: text } } });
  const services = (conf = "1"): readonly ServiceDefinition[] => [
    service("door", {
      ports: [{ published: 80, internal: 80 }],
      files: { ...PAGES, ...OTHERS(conf) },
      links: ["old", "new"],
      exemptions: [
        { control: "publishedPorts", value: [80], reason: REASON },
        { control: "outsideNetworks", value: ["edge"], reason: REASON },
      ],
    }),
    ...["old", "new", "behind"].map((name) =>
      service(name, name === "behind" ? { dependsOn: ["door"] } : {}, {
        route: { target: 80, admin: false },
      }),
    ),
  ];
  const waitsOf = async (deployed: readonly string[], name: string): Promise<string[]> => {
    const { resources } = await run(services(), { deployed });
    return only(resources, COMMAND, name)
      .dependsOn.map(shortName)
      .filter((one) => /-(?:start|trial|write)$/.test(one))
      .sort();
  };

  it("changes them after the trial, before any container starts", async () => {
    const all = ["door", "old", "new", "behind"];
    assert.deepEqual(await waitsOf(all, "test-door-pages-write"), ["Command test-trial"]);
    assert.deepEqual(await waitsOf(all, "test-door-start"), [
      "Command test-door-pages-write",
      "Command test-trial",
    ]);
    // As at a first deployment, when nobody could be let down.
    assert.deepEqual(await waitsOf([], "test-door-pages-write"), ["Command test-trial"]);
  });

  it("leads to a new service only once that works, unless it waits itself", async () => {
    assert.deepEqual(await waitsOf(["door", "old"], "test-door-pages-write"), [
      "Command test-new-start",
      "Command test-trial",
    ]);
  });

  it("takes a new volume for them when the other files of the container change", async () => {
    const triggerOf = async (conf: string): Promise<unknown> =>
      only((await run(services(conf))).resources, VOLUME, "test-door-pages").options
        .replacementTrigger;
    assert.equal(await triggerOf("1"), await triggerOf("1"));
    assert.notEqual(await triggerOf("1"), await triggerOf("2"));
  });
});

describe("a stack", () => {
  it("has no containers that depend on each other", async () => {
    const pair = [service("a", { dependsOn: ["b"] }), service("b", { dependsOn: ["a"] })];
    await assert.rejects(run(pair), { message: "dependency cycle of containers: a → b → a" });
  });

  it("orders containers by what they depend on, whatever the order of the services", async () => {
    const chain = [
      service("a", { dependsOn: ["b", "gone"] }),
      service("b", { dependsOn: ["c"] }),
      service("c"),
    ];
    const { resources } = await run(chain);
    const waitsOf = (name: string) => only(resources, COMMAND, name).dependsOn.map(shortName);
    assert.ok(waitsOf("test-a-start").includes("Command test-b-start"));
    assert.ok(waitsOf("test-b-start").includes("Command test-c-start"));
  });

  it("logs each warning at the image that it is about", async () => {
    const logged = mock.method(pulumi.log, "warn", () => Promise.resolve());
    try {
      await run([service("web")], {
        warnings: [{ service: "web", message: "the tag moved" }, { message: "for all" }],
      });
      const calls = logged.mock.calls.map(
        ({ arguments: words }: { readonly arguments: readonly unknown[] }) => [
          words[0],
          (words[1] as { readonly __name?: string } | undefined)?.__name,
        ],
      );
      assert.deepEqual(calls, [
        ["the tag moved", "test-web"],
        ["for all", undefined],
      ]);
    } finally {
      logged.mock.restore();
    }
  });
});
