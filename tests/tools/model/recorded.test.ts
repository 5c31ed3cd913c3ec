/** What the program registers of itself, read back from Pulumi's state. */
import assert from "node:assert/strict";

import { ContainerModel } from "../../../components/hardened/model";
import { StackModel } from "../../../components/model";
import { StackFile } from "../../../config/file/read";
import { loadStack } from "../../../tools/model/load";
import { recordedContainer, recordedStack } from "../../../tools/model/recorded";
import { CANARIES, IMAGES, pulumiConfig } from "../../support/raw-config";
import { REASON } from "../../support/small-stack";
import { synth } from "../../support/synth";

const ACME = {
  tls: { mode: "acme", email: "a@example.test", dnsProvider: "desec" },
  acmeDnsToken: CANARIES.acmeDnsToken,
};
const FILES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "every service and ACME": { ...ACME, services: { cadvisor: { enabled: true } } },
  "certificates of its own and insecure registries": {
    tls: { mode: "selfSigned" },
    registries: { "docker.io": { insecure: true }, "ghcr.io": { insecure: true } },
  },
};

const OWN = {
  images: { ...IMAGES, app: IMAGES.homepage, reader: IMAGES.homepage },
  secrets: { key: "canary-own-secret", "app-database": "canary-own-database" },
  services: {
    app: {
      ...{ port: 80, aliases: ["a.test"], path: "/x", login: "reader", database: true },
      ...{ working_dir: "/srv", init: true, group_add: [44], devices: ["/dev/ttyUSB0"] },
      volumes: ["data:/data", "/srv/media:/media", "/srv/music:/music:ro"],
      tmpfs: ["/run:size=8m,exec"],
      environment: { DSN: "x:${key}@$$y" },
      ports: ["53:53/udp"],
      healthcheck: "image",
      exemptions: [
        ["devices", ["/dev/ttyUSB0"]],
        ["writableHostPaths", ["/srv/media"]],
        ["hostPaths", ["/srv/music"]],
        ["environmentSecrets", ["DSN"]],
        ["publishedPorts", [53]],
      ].map(([control, value]) => ({ control, value, reason: REASON })),
    },
    reader: { port: 81, volumes: ["app.data:/in:ro"], healthcheck: { test: ["CMD", "check"] } },
  },
  routes: {
    nas: {
      ...{ host: "nas.test", url: "https://192.0.2.9", admin: true },
      insecureSkipVerify: { reason: REASON },
    },
  },
  redirects: { "www.example.test": "example.test" },
};
const ALL_FILES = { ...FILES, "services of one's own": OWN };

/** As the state has it: what is empty may be left out. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, withoutEmpty(item)] as const);
  return Object.fromEntries(
    entries.filter(
      ([, item]) => typeof item !== "object" || item === null || Object.keys(item).length > 0,
    ),
  );
}

/** The model, as far as the state keeps it: without contents of files and what only a deployment asks for. */
const kept = ({ images, containers, ...rest }: StackModel): unknown => ({
  ...rest,
  images: images.map(({ service, reference }) => ({ service, reference })),
  containers: containers.map((container) => ({
    ...container,
    toolImage: undefined,
    afterStart: undefined,
    question: undefined,
    upgrade: undefined,
    backup: undefined,
    mounts: container.mounts.map((mount) =>
      mount.kind === "files"
        ? { ...mount, files: Object.keys(mount.files).sort() }
        : mount.kind === "data"
          ? { ...mount, copy: undefined }
          : mount,
    ),
  })),
});

describe("a deployed stack", () => {
  for (const [title, values] of Object.entries(ALL_FILES))
    it(`is read back as it was described, with ${title}`, async () => {
      const file: StackFile = {
        stack: "test",
        path: "Pulumi.test.yaml",
        ...pulumiConfig({ adminAllow: ["192.0.2.0/24"], ...values }),
      };
      const outputs = [...(await synth(file)).outputs];
      const of = (type: string): unknown[] =>
        outputs.flatMap(([urn, value]) => (urn.includes(`${type}::`) ? withoutEmpty(value) : []));
      const containers = of("hardened:docker:Container").map(
        (value) => recordedContainer(value) ?? assert.fail(JSON.stringify(value)),
      );
      const { model } = loadStack(file);
      const inOrder = model.containers.map(
        ({ name }) => containers.find((one) => one.name === name) ?? assert.fail(name),
      );
      const [stack] = of("pinned-stack:index:Stack");
      const recorded = recordedStack(stack, inOrder) ?? assert.fail(JSON.stringify(stack));
      assert.deepEqual(kept(recorded), kept(model));
    });

  it("is unknown where another version of the program recorded it in another shape", () => {
    const container = { name: "web" } as unknown as ContainerModel;
    for (const outputs of [undefined, {}, { model: {} }, { model: { name: 5 } }]) {
      assert.equal(recordedContainer(outputs), undefined);
      assert.equal(recordedStack(outputs, [container]), undefined);
    }
  });
});
