import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import { Traefik, TraefikArgs } from "../../../../components/services/traefik/traefik";
import {
  dynamicConfig,
  Route,
  staticConfig,
  TraefikSettings,
} from "../../../../components/services/traefik/config";
import { CONTAINER, NETWORK, VOLUME } from "../../../../tools/model/synth";
import { only, record } from "../../../support/pulumi-mocks";
import { IMAGES } from "../../../support/raw-config";
import { serviceArgs } from "../../../support/service-args";

const ROUTES: readonly Route[] = [
  { service: "homepage", host: "example.test", url: "http://homepage:8080", admin: false },
  {
    service: "portainer",
    host: "portainer.example.test",
    url: "http://portainer:9000",
    admin: true,
  },
];
type Settings = Omit<TraefikSettings, "tls"> & Pick<TraefikArgs, "tls">;
const PLAIN: Settings = {
  routes: ROUTES,
  tls: { mode: "none" },
  publish: { address: "127.0.0.1", http: 8080, https: 8443 },
  adminAllow: [],
  dashboardHost: "traefik.example.test",
};

const run = (settings: Settings, said: () => Partial<TraefikArgs> = () => ({})) =>
  record(() => new Traefik({ ...serviceArgs("traefik"), ...settings, ...said() }, {}));

const acme = () =>
  run({ ...PLAIN, adminAllow: ["192.0.2.0/24"] }, () => ({
    tls: {
      mode: "acme",
      email: "a@example.test",
      dnsProvider: "cloudflare",
      dnsToken: pulumi.secret("canary-token"),
    },
  }));

/** What does not depend on TLS. */
const COMMON = {
  name: "test-traefik",
  image: IMAGES.traefik,
  labels: [
    { label: "pinned-stack.stack", value: "test" },
    { label: "pinned-stack.service", value: "traefik" },
    { label: "pinned-stack.container", value: "traefik" },
    { label: "pinned-stack.role", value: "service" },
    { label: "pinned-stack.pids-limit", value: "200" },
  ],
  stopTimeout: 20,
  destroyGraceSeconds: 20,
  user: "65532:65532",
  capabilities: { drops: ["ALL"], adds: [] },
  readOnly: true,
  securityOpts: ["no-new-privileges:true"],
  privileged: false,
  ipcMode: "private",
  init: false,
  memory: 256,
  memorySwap: 256,
  cpus: "1.0",
  ulimits: [{ name: "nofile", soft: 4096, hard: 4096 }],
  restart: "unless-stopped",
  logDriver: "json-file",
  logOpts: { "max-size": "10m", "max-file": "3" },
  tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=16m,uid=65532,gid=65532" },
  healthcheck: {
    tests: ["CMD", "traefik", "healthcheck"],
    interval: "5s",
    timeout: "5s",
    retries: 5,
    startPeriod: "30s",
  },
  wait: true,
  waitTimeout: 60,
};

describe("Traefik", () => {
  it("without TLS publishes one port and knows its routes from a read-only volume", async () => {
    const { resources } = await run(PLAIN);
    assert.deepEqual(only(resources, CONTAINER, "test-traefik").inputs, {
      ...COMMON,
      envs: [],
      volumes: [
        { volumeName: "test-traefik-config", containerPath: "/etc/traefik", readOnly: true },
      ],
      networksAdvanced: [
        { name: "test-edge", aliases: ["traefik"] },
        { name: "test-traefik-homepage", aliases: ["traefik"] },
      ],
      ports: [{ ip: "127.0.0.1", external: 8080, internal: 80, protocol: "tcp" }],
    });
    assert.deepEqual(
      resources.filter(({ type }) => type === VOLUME).map(({ name }) => name),
      ["test-traefik-config"],
    );
  });

  it("gets both configuration files, before it starts", async () => {
    const { resources } = await run(PLAIN);
    const loader = only(resources, CONTAINER, "test-traefik-config-loader");
    assert.deepEqual(loader.inputs.uploads, [
      {
        file: "/etc/traefik/traefik.yml",
        content: staticConfig(PLAIN, "v3.6.4"),
        permissions: "0444",
      },
      {
        file: "/etc/traefik/dynamic/routes.yml",
        content: dynamicConfig(PLAIN),
        permissions: "0444",
      },
    ]);
    assert.deepEqual(only(resources, CONTAINER, "test-traefik").options.dependsOn, [
      "test-traefik",
      "test-traefik-config-loader",
    ]);
  });

  it("with ACME publishes HTTPS too, and has its token in a file and its certificates in a volume", async () => {
    const { resources } = await acme();
    const container = only(resources, CONTAINER, "test-traefik");
    assert.deepEqual(container.inputs, {
      ...COMMON,
      envs: ["CF_DNS_API_TOKEN_FILE=/run/secrets/traefik/dns-token"],
      volumes: [
        { volumeName: "test-traefik-config", containerPath: "/etc/traefik", readOnly: true },
        {
          volumeName: "test-traefik-dns-token",
          containerPath: "/run/secrets/traefik",
          readOnly: true,
        },
        { volumeName: "test-traefik-acme", containerPath: "/acme" },
      ],
      networksAdvanced: [
        { name: "test-edge", aliases: ["traefik"] },
        { name: "test-traefik-homepage", aliases: ["traefik"] },
        { name: "test-traefik-portainer", aliases: ["traefik"] },
      ],
      ports: [
        { ip: "127.0.0.1", external: 8080, internal: 80, protocol: "tcp" },
        { ip: "127.0.0.1", external: 8443, internal: 443, protocol: "tcp" },
      ],
    });
    assert.deepEqual(container.options.dependsOn, [
      "test-traefik",
      "test-traefik-acme-owner",
      "test-traefik-config-loader",
      "test-traefik-dns-token-loader",
    ]);
  });

  it("owns its token and its certificates", async () => {
    const { resources } = await acme();
    const token = only(resources, CONTAINER, "test-traefik-dns-token-loader").inputs;
    assert.deepEqual(token.command, ["-R", "65532:65532", "/run/secrets/traefik"]);
    assert.deepEqual(token.uploads, {
      secret: [
        { file: "/run/secrets/traefik/dns-token", content: "canary-token", permissions: "0400" },
      ],
    });
    const certificates = only(resources, CONTAINER, "test-traefik-acme-owner").inputs;
    assert.deepEqual(certificates.command, ["-R", "65532:65532", "/acme"]);
    assert.equal(only(resources, VOLUME, "test-traefik-acme").options.protect, true);
  });

  it("with certificates of its own making needs neither a token nor a volume for them", async () => {
    const { resources } = await run({ ...PLAIN, tls: { mode: "selfSigned" } });
    const { envs, volumes, ports } = only(resources, CONTAINER, "test-traefik").inputs;
    assert.deepEqual(envs, []);
    assert.deepEqual(volumes, [
      { volumeName: "test-traefik-config", containerPath: "/etc/traefik", readOnly: true },
    ]);
    assert.deepEqual(
      (ports as { external: number }[]).map(({ external }) => external),
      [8080, 8443],
    );
  });

  it("shares no network with an admin's service that nobody may use", async () => {
    const networks = async (adminAllow: readonly string[]) =>
      (await run({ ...PLAIN, adminAllow })).resources
        .filter(({ type }) => type === NETWORK)
        .map(({ name }) => name);
    assert.deepEqual(await networks([]), ["test-edge", "test-traefik-homepage"]);
    assert.deepEqual(await networks(["192.0.2.0/24"]), [
      "test-edge",
      "test-traefik-homepage",
      "test-traefik-portainer",
    ]);
  });

  it("leaves two controls, and a stack's own limits win over its own", async () => {
    const { value } = await run(PLAIN, () => ({ measures: { memoryMiB: 512 } }));
    const [container] = value.containers;
    assert.deepEqual(container?.restrictions.exemptions, [
      {
        control: "publishedPorts",
        value: [80],
        reason: "the one entrance of the stack; every other service is reached through it",
      },
      {
        control: "outsideNetworks",
        value: ["edge"],
        reason:
          "published ports need a network that leads out; ACME certificates are fetched over it",
      },
    ]);
    assert.equal(container.controls.memoryMiB, 512);
    assert.equal(container.controls.cpus, 1);
    assert.equal(container.order, "stop first");
  });
});
