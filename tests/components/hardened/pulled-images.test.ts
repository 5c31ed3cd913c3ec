import assert from "node:assert/strict";

import * as docker from "@pulumi/docker";

import { PulledImages } from "../../../components/hardened/pulled-images";
import { parseReference } from "../../../images/reference";
import { IMAGE } from "../../../tools/model/synth";
import { only, record, valueOf } from "../../support/pulumi-mocks";
import { localHost } from "../../support/service-args";

const DIGEST = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const TRAEFIK = `traefik:v3.6.4@${DIGEST}`;
const N8N = `n8nio/n8n@${DIGEST}`;

const run = () =>
  record(() => {
    const host = localHost();
    const preflight = host.command("test-preflight", { script: "true\n", triggers: [] });
    return new PulledImages(
      "test",
      { traefik: parseReference(TRAEFIK), n8n: parseReference(N8N) },
      "linux/arm64",
      { provider: host.provider, dependsOn: preflight },
    );
  });

describe("the images of a stack", () => {
  it("are pulled by digest, for one platform, and stay on the host when they are replaced", async () => {
    const { resources } = await run();
    assert.deepEqual(
      resources
        .filter(({ type }) => type === IMAGE)
        .map(({ name, inputs, options }) => ({ name, inputs, options })),
      [
        {
          name: "test-traefik",
          inputs: {
            name: "traefik:v3.6.4@sha256:1111111111111111111111111111111111111111111111111111111111111111",
            platform: "linux/arm64",
            keepLocally: true,
          },
          options: { provider: "test-host", dependsOn: ["test-preflight"] },
        },
        {
          name: "test-n8n",
          inputs: {
            name: "n8nio/n8n@sha256:1111111111111111111111111111111111111111111111111111111111111111",
            platform: "linux/arm64",
            keepLocally: true,
          },
          options: { provider: "test-host", dependsOn: ["test-preflight"] },
        },
      ],
    );
  });

  it("are all there to be waited for, each once, and each is found by its service", async () => {
    const { value } = await run();
    assert.equal(value.all.length, 2);
    assert.equal(value.of("traefik"), value.all[0]);
    assert.equal(value.of("n8n"), value.all[1]);
    assert.match(
      await valueOf(value.of("n8n").urn),
      /docker:index\/remoteImage:RemoteImage::test-n8n$/,
    );
  });

  it("are known as they are named in the configuration, too", async () => {
    const { value } = await run();
    assert.deepEqual(value.reference("traefik"), {
      name: "traefik",
      registry: "docker.io",
      repository: "library/traefik",
      tag: "v3.6.4",
      digest: DIGEST,
    });
    assert.deepEqual(value.reference("n8n"), {
      name: "n8nio/n8n",
      registry: "docker.io",
      repository: "n8nio/n8n",
      digest: DIGEST,
    });
  });

  it("are none of a service that is not in the stack", async () => {
    const { value } = await run();
    const message = "images.postgres: not among the images to pull";
    assert.throws(() => value.of("postgres"), { message });
    assert.throws(() => value.reference("postgres"), { message });
  });

  it("may be none at all", async () => {
    const { resources, value } = await record(
      () =>
        new PulledImages("test", {}, "linux/amd64", {
          provider: new docker.Provider("test-host", {}),
        }),
    );
    assert.equal(only(resources, "pulumi:providers:docker").name, "test-host");
    assert.deepEqual(value.all, []);
    assert.equal(resources.length, 1);
  });
});
