/** The Compose file of whatever stack the configuration allows. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

import fc from "fast-check";
import { parse } from "yaml";

import { StackFile } from "../../config/file/read";
import { loadStack } from "../../tools/model/load";
import { composeExport } from "../../tools/report/compose/compose";
import "../support/no-docker-context";
import { CANARIES, HOST_KEY, IMAGES } from "../support/raw-config";
import { holds } from "./check";

interface ComposeDocument {
  readonly name: string;
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, unknown>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
  readonly secrets?: Readonly<Record<string, unknown>>;
}

interface ComposeService {
  readonly [setting: string]: unknown;
  readonly image: string;
  readonly networks?: readonly string[];
  readonly volumes?: readonly { readonly type: string; readonly source: string }[];
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly secrets?: readonly { readonly source: string }[];
}

const reason = "a reason that a reader can judge";
const exemption = fc.constantFrom(
  { control: "capabilities", value: ["CAP_CHOWN", "CAP_KILL"], reason },
  { control: "readOnlyRootfs", value: false, reason },
  { control: "noNewPrivileges", value: false, reason },
);
const measures = {
  memoryMiB: fc.integer({ min: 6, max: 65536 }),
  cpus: fc.constantFrom(0.01, 0.25, 1, 1.5, 64),
  pidsLimit: fc.integer({ min: 1, max: 32768 }),
  exemptions: fc.uniqueArray(exemption, { selector: ({ control }) => control }),
};
const always = fc.record(measures, { requiredKeys: [] });
const optional = fc.record({ ...measures, enabled: fc.boolean() }, { requiredKeys: [] });
const services = fc.record(
  {
    traefik: always,
    "socket-proxy": always,
    homepage: always,
    portainer: optional,
    n8n: optional,
    cadvisor: optional,
  },
  { requiredKeys: [] },
);

/** Names and texts that mean something to YAML, to Compose or to nobody. */
const word = fc.oneof(
  fc.constantFrom(..."$ $$ ${A} $A - : # ' \" \\ | > & * ! { [ no 0444 é 日 😀".split(" ")),
  fc.constantFrom(" ", "\n", "\r\n", "\t", "\u0000", "\u0085", "\u2028", "\ufeff"),
  fc.string({ unit: "grapheme", maxLength: 4 }),
);
const content = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join("") + "x");
const fileName = fc
  .array(fc.constantFrom(..."a b - _ . $ é".split(" "), " "), { minLength: 1, maxLength: 3 })
  .map((parts) => `f${parts.join("")}`);
const site = fc.option(fc.dictionary(fileName, content, { maxKeys: 5 }), { nil: undefined });

const configuration = fc.record({
  services,
  tls: fc.constantFrom(
    { mode: "none" },
    { mode: "selfSigned" },
    { mode: "acme", email: "admin@example.com", dnsProvider: "cloudflare" },
  ),
  host: fc.constantFrom(
    { address: "unix:///var/run/docker.sock" },
    { address: "unix:///srv/engine.socket" },
    { address: "ssh://deploy@203.0.113.7", hostKey: HOST_KEY },
  ),
  publish: fc.constantFrom({}, { address: "::", http: 8080, https: 8443 }),
  adminAllow: fc.constantFrom([], ["192.0.2.0/24", "2001:db8::/32"]),
  images: fc
    .subarray(Object.keys(IMAGES))
    .map((bare) =>
      Object.fromEntries(
        Object.entries(IMAGES).map(([name, image]) => [
          name,
          bare.includes(name) ? image.replace(/@.*/, "") : image,
        ]),
      ),
    ),
});
const stackName = fc.stringMatching(/^[A-Za-z0-9_.-]{1,10}$/);

function stackFile(stack: string, said: object): StackFile {
  const registries = { "ghcr.io": { username: "deploy", password: "canary-registry" } };
  const all = Object.entries({ domain: "example.test", registries, ...said, ...CANARIES });
  return {
    stack,
    path: `Pulumi.${stack}.yaml`,
    config: Object.fromEntries(
      all.map(([key, value]: readonly [string, unknown]) => [
        `pinned-stack:${key}`,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
    secretKeys: [...Object.keys(CANARIES), "registries"].map((key) => `pinned-stack:${key}`),
  };
}

/** Every text in a document, keys among them. */
const texts = (value: unknown): string[] => {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, item]) => [key, ...texts(item)])
    : [];
};

/** What Compose makes of a text without variables. */
const read = (text: string): string => text.replaceAll("$$", "$");

describe("every Compose file", function () {
  this.timeout(60_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "compose-export-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** A folder with these files, as the configuration names it. */
  function written(files: Readonly<Record<string, string>>): string {
    const path = join(folder, "site");
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    for (const [name, text] of Object.entries({ "index.html": "<p>$HOME", ...files }))
      writeFileSync(join(path, name), text);
    return relative(resolve("."), path);
  }

  it("holds no secret, and for each service the image and the restrictions of the program", () => {
    holds(
      fc.property(stackName, configuration, site, (stack, said, files) => {
        const homepage = {
          ...said.services.homepage,
          ...(files !== undefined && { folder: written(files) }),
        };
        const { model } = loadStack(
          stackFile(stack, { ...said, services: { ...said.services, homepage } }),
          { placeholders: true },
        );
        const exported = composeExport(model);
        const text = String(exported["compose.yaml"]);
        const file = parse(text) as ComposeDocument;
        // Whichever version of YAML somebody reads it as.
        assert.deepEqual(parse(text, { version: "1.1" }), file);
        assert.match(file.name, /^[a-z0-9][a-z0-9_-]*$/);
        assert.doesNotMatch(text, /canary|\[secret/);
        const variables = [
          "DOCKER_SOCKET_GID",
          ...model.containers.flatMap((one) => Object.keys(one.secretEnvironment)),
        ];
        const variable = new RegExp(
          `\\$(?!\\{(?:${variables.join("|")}):\\?[^}]+\\}$|\\{CGROUP_PARENT:-pinnedstack-[^}]+-\\}[a-z0-9_]+\\.slice$)`,
        );
        for (const one of texts(file)) assert.doesNotMatch(one.replaceAll("$$", ""), variable);

        for (const { name, image, controls } of model.containers) {
          const service = file.services[name] ?? assert.fail(name);
          const { memoryMiB } = controls;
          assert.equal(service.image, image);
          assert.deepEqual(
            {
              user: service["user"],
              capDrop: service["cap_drop"],
              capabilities: service["cap_add"] ?? [],
              readOnlyRootfs: service["read_only"],
              noNewPrivileges: "security_opt" in service,
              pidsLimit: service["pids_limit"],
              memory: [service["mem_limit"], service["memswap_limit"]],
              cpus: service["cpus"],
              privileged: service["privileged"],
              healthCheck: !("disable" in (service["healthcheck"] as object)),
              hostCgroups: service["cgroup"] === "host",
              isNamed: "cgroup_parent" in service,
              asksOutside: !("dns" in service),
            },
            {
              user: controls.user,
              capDrop: ["ALL"],
              capabilities: controls.capabilities,
              readOnlyRootfs: controls.readOnlyRootfs,
              noNewPrivileges: controls.noNewPrivileges,
              pidsLimit: controls.pidsLimit,
              memory: [`${memoryMiB}m`, `${memoryMiB}m`],
              cpus: controls.cpus,
              privileged: false,
              healthCheck: controls.healthCheck,
              hostCgroups: controls.hostCgroups,
              isNamed: "cadvisor" in file.services,
              asksOutside: controls.outsideNetworks.length > 0 || service.networks === undefined,
            },
          );
        }

        // Everything that is named is there, and no file is another one.
        const all = Object.values(file.services);
        const brought = all.flatMap(({ configs }) => configs ?? []);
        assert.equal(new Set(brought.map(({ source }) => source)).size, brought.length);
        assert.deepEqual(
          brought.map(({ source }) => source).sort(),
          Object.keys(file.configs).sort(),
        );
        for (const { networks, volumes, secrets } of all) {
          for (const name of networks ?? []) assert.ok(name in file.networks, name);
          for (const { type, source } of volumes ?? [])
            assert.ok(type === "bind" || source in file.volumes, source);
          for (const { source } of secrets ?? []) assert.ok(source in (file.secrets ?? {}), source);
        }
        for (const [name, expected] of Object.entries(files ?? {})) {
          const target = `/srv/homepage/site/${name}`;
          const own = brought.find((config) => read(config.target) === target);
          const path = file.configs[own?.source ?? ""]?.file.replace(/^\.\//, "") ?? "";
          assert.equal(Buffer.from(exported[path] ?? "").toString("utf8"), expected, name);
        }
      }),
      60,
    );
  });
});
