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
        [
          ...["test-app", "test-app-config-init", "test-app-data-owner", "test-app-keys-init"],
          ...["test-postgres", "test-tool"],
        ],
        ["test-app-config", "test-app-data", "test-app-keys"],
        ["test-app-postgres", "test-tool-app"],
      ],
    );
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

  it("gives files the container's image, secrets and data the one that can give them away", () => {
    const init = (name: string): readonly unknown[] => {
      const { image, command } = only(resources, CONTAINER, name).inputs;
      return [image, command];
    };
    assert.deepEqual(
      ["test-app-config-init", "test-app-keys-init", "test-app-data-owner"].map(init),
      [
        ["app:1", undefined],
        ["tool:1", ["-R", "1000:1000", "/run/keys"]],
        ["tool:1", ["-R", "1000:1000", "/data"]],
      ],
    );
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

  it("starts a container after what it depends on, and after the script of that", () => {
    assert.ok(waitsOf(CONTAINER, "test-app").includes("Command test-postgres-after-start"));
    const { inputs, dependsOn } = only(resources, COMMAND, "test-postgres-after-start");
    assert.match(String(inputs.stdin), /\necho postgres is there$/);
    assert.deepEqual(inputs.triggers, ["test-postgres-id"]);
    assert.ok(dependsOn.map(shortName).includes("Container test-postgres"));
  });

  it("limits the processes of every container that keeps running", () => {
    const limited = namesOf(resources, COMMAND).filter((name) => name.endsWith("-process-limit"));
    assert.deepEqual(
      limited.sort(),
      ["app", "postgres", "tool"].map((name) => `test-${name}-process-limit`),
    );
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
    const { uploads } = only(resources, CONTAINER, "test-app-keys-init").inputs;
    assert.deepEqual(uploads, [
      { file: "/run/keys/key", content: { secretValue: "canary-appKey" }, permissions: "0400" },
    ]);
    assert.doesNotMatch(inClear(recording), /canary-app/);
    assert.doesNotMatch(JSON.stringify([...recording.outputs]), /canary/);
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
    const waitsOf = (name: string) => only(resources, CONTAINER, name).dependsOn.map(shortName);
    assert.ok(waitsOf("test-a").includes("Container test-b"));
    assert.ok(waitsOf("test-b").includes("Container test-c"));
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
