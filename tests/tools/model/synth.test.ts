import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

import { ConfigError } from "../../../config/config";
import { SECRET_NAMES, SERVICE_NAMES } from "../../../config/schema";
import { StackFile } from "../../../config/file/read";
import { CONTAINER, IMAGE, LATER, Model, SECRET, synth } from "../../../tools/model/synth";
import { PROJECT_FOLDER } from "../../../tools/cli/command";
import "../../support/no-docker-context";
import { CANARIES, IMAGES, imagesWithout } from "../../support/raw-config";

/** A stack as its file says it, with everything needed for all services. */
function stackFile(values: Readonly<Record<string, unknown>> = {}, name = "test"): StackFile {
  const { postgresPassword, n8nDatabasePassword, n8nEncryptionKey, portainerPassword } = CANARIES;
  const secrets = { postgresPassword, n8nDatabasePassword, n8nEncryptionKey, portainerPassword };
  const all = {
    host: { address: "unix:///var/run/docker.sock" },
    domain: "example.test",
    images: IMAGES,
    services: { cadvisor: { enabled: true } },
    ...secrets,
    ...values,
  };
  return {
    stack: name,
    path: `Pulumi.${name}.yaml`,
    config: Object.fromEntries(
      Object.entries(all).map(([key, value]) => [
        `pinned-stack:${key}`,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
    secretKeys: Object.keys(secrets).map((key) => `pinned-stack:${key}`),
  };
}

const container = (model: Model, name: string): Readonly<Record<string, unknown>> => {
  const found = model.resources.find((each) => each.type === CONTAINER && each.name === name);
  assert.ok(found, name);
  return found.inputs;
};

describe("the program without an engine", () => {
  const unset = stackFile({ portainerPassword: "", postgresPassword: "" });
  let model: Model;
  let other: Model;
  before(async () => {
    model = await synth(stackFile());
    other = await synth(stackFile({ domain: "other.test" }, "other"));
  });

  it("says what it would deploy, under the names of its stack", () => {
    assert.equal(model.stack, "test");
    assert.equal(model.config.domain, "example.test");
    assert.deepEqual(model.outputs.images, IMAGES);
    assert.deepEqual(model.unresolved, []);
    assert.deepEqual(
      model.resources
        .filter(({ type, name }) => type === CONTAINER && !/-(?:loader|owner)$/.test(name))
        .map(({ name }) => name)
        .sort(),
      SERVICE_NAMES.flatMap((name) =>
        name === "socket-proxy"
          ? ["test-socket-proxy-cadvisor", "test-socket-proxy-portainer"]
          : [`test-${name}`],
      ).sort(),
    );
  });

  it("gives the same every time, also after another stack", async () => {
    const again = await synth(stackFile());
    assert.deepEqual(comparable(again), comparable(model));
  });

  it("names everything after the stack, so that two of them share no name", () => {
    const names = other.resources.map(({ name }) => name);
    assert.deepEqual(
      model.resources.filter(({ name }) => names.includes(name)),
      [],
    );
    assert.equal(other.config.domain, "other.test");
  });

  it("leaves out what is off, with everything that is only there for it", async () => {
    const small = await synth(
      stackFile({
        services: { portainer: { enabled: false }, n8n: { enabled: false } },
        images: imagesWithout("socket-proxy", "portainer", "n8n", "postgres", "cadvisor"),
      }),
    );
    assert.deepEqual(
      Object.keys(small.outputs.images),
      SERVICE_NAMES.filter((name) => small.config.services[name].enabled),
    );
    assert.deepEqual(
      small.resources.filter(({ name }) =>
        /portainer|n8n|postgres|cadvisor|proxy|egress/.test(name),
      ),
      [],
    );
  });

  it("leaves a bare tag as it is, and says which they are", async () => {
    const bare = await synth(stackFile({ images: { ...IMAGES, traefik: "traefik:v3.6.4" } }));
    assert.deepEqual(bare.unresolved, ["traefik"]);
    assert.equal(container(bare, "test-traefik").image, "traefik:v3.6.4");
  });

  it("shows a secret as a placeholder, and what only the host can say as another", () => {
    assert.deepEqual(container(model, "test-portainer-password-loader").uploads, [
      { file: "/run/secrets/portainer/admin-password", content: SECRET, permissions: "0400" },
    ]);
    assert.ok(
      (container(model, "test-n8n").envs as string[]).includes(`N8N_ENCRYPTION_KEY=${SECRET}`),
    );
    assert.deepEqual(container(model, "test-socket-proxy-portainer").groupAdds, [LATER]);
  });

  it("refuses a stack without its secrets", async () => {
    await assert.rejects(synth(unset), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(
        error.problems.map((line) => line.replace(/:.*/, "")),
        ["postgresPassword", "portainerPassword"],
      );
      return true;
    });
  });

  it("takes placeholders for all secrets where it is asked to, so that none is anywhere", async () => {
    const described = await synth(unset, { placeholders: true });
    assert.deepEqual(
      SECRET_NAMES.map((name) => described.config.secrets[name]?.reveal()),
      SECRET_NAMES.map((name) => `[secret ${name}]`),
    );
    assert.deepEqual(container(described, "test-portainer-password-loader").uploads, [
      {
        file: "/run/secrets/portainer/admin-password",
        content: "[secret portainerPassword]",
        permissions: "0400",
      },
    ]);
    assert.ok(
      (container(described, "test-n8n").envs as string[]).includes(
        "N8N_ENCRYPTION_KEY=[secret n8nEncryptionKey]",
      ),
    );
    assert.doesNotMatch(JSON.stringify(described), /canary/);
  });

  it("tells what has to be there before a resource", () => {
    const loader = model.resources.find(({ name }) => name === "test-homepage-files-loader");
    assert.ok(
      loader?.dependsOn.some(({ type, name }) => type === IMAGE && name === "test-homepage"),
    );
    const page = model.resources.find(
      ({ type, name }) => type === CONTAINER && name === "test-homepage",
    );
    assert.ok(
      page?.dependsOn.some(
        ({ type, name }) => type === CONTAINER && name === "test-homepage-files-loader",
      ),
    );
  });

  it("throws what the program throws, and works again afterwards", async () => {
    await assert.rejects(synth(stackFile({ domain: "Example" })), {
      message: `the configuration of stack "test" (Pulumi.test.yaml) has one problem:
  domain: expected a host name in lower case such as example.com, no IP address, got "Example"`,
    });
    await assert.rejects(
      synth({ ...stackFile({ domain: "Example" }), path: resolve("elsewhere/some.yaml") }),
      /^Error: the configuration of stack "test" \(elsewhere\/some\.yaml\) has one problem:/,
    );
    await assert.rejects(
      synth({ ...stackFile({ domain: "Example" }), path: "/elsewhere/some.yaml" }),
      /^Error: the configuration of stack "test" \(\/elsewhere\/some\.yaml\) has one problem:/,
    );
    const unused = {
      control: "hostPaths",
      value: ["/srv"],
      reason: "a folder of the host is shown",
    };
    await assert.rejects(synth(stackFile({ services: { homepage: { exemptions: [unused] } } })), {
      message: `the configuration of stack "test" (Pulumi.test.yaml) has one problem:
  services.homepage.exemptions: hostPaths follows from what the service is, change it in components/services; a stack may exempt capabilities, readOnlyRootfs, noNewPrivileges`,
    });
    assert.equal((await synth(stackFile())).outputs.restrictions.length, SERVICE_NAMES.length);
  });

  it("does not end the process of a caller that catches what it throws", () => {
    // A process of its own, since the rejection that nobody handled would come later and end the tests.
    const program = `
      const { synth } = require("./tools/model/synth");
      synth({ stack: "test", path: "", config: {}, secretKeys: [] }).catch(() => {
        setTimeout(() => console.log("still there"), 50);
      });`;
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ["--require", "tsx/cjs", "--eval", program],
      { cwd: join(PROJECT_FOLDER), encoding: "utf8", timeout: 20_000 },
    );
    assert.deepEqual({ stdout, status }, { stdout: "still there\n", status: 0 }, stderr);
  });
}).timeout(30_000);

/** As data, and resources by name: they come in the order in which their inputs are known, which means nothing. */
const comparable = ({ resources, ...rest }: Model): unknown =>
  JSON.parse(
    JSON.stringify({
      ...rest,
      resources: resources.toSorted((a, b) =>
        `${a.type} ${a.name}` < `${b.type} ${b.name}` ? -1 : 1,
      ),
    }),
  );
