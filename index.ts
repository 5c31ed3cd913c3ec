/**
 * The stack, from the configuration to the outputs. Pulumi runs the exported function; tools/model/synth.ts runs the same
 * function without an engine, with another `resolve`.
 */
import "./host/promise-traces";

import { resolve as join } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { Cadvisor } from "./components/services/cadvisor";
import { HardeningError } from "./components/hardened/policy";
import { Homepage } from "./components/services/homepage/homepage";
import { siteFiles } from "./components/services/homepage/site";
import { lastDeployment } from "./components/last-deployment";
import { N8n } from "./components/services/n8n";
import { Networks } from "./components/hardened/networks";
import { Portainer } from "./components/services/portainer";
import { Postgres } from "./components/services/postgres/postgres";
import { refuseOtherData } from "./components/services/postgres/version";
import { postgresImage } from "./components/services/postgres/image";
import { limitProcesses } from "./components/hardened/process-limits";
import { publicUrl } from "./components/services/traefik/public-url";
import { PulledImages } from "./components/hardened/pulled-images";
import { Service, ServiceArgs } from "./components/services/service";
import { SocketProxy } from "./components/services/socket-proxy/socket-proxy";
import { SocketRead } from "./components/services/socket-proxy/config";
import { Traefik } from "./components/services/traefik/traefik";
import { Route } from "./components/services/traefik/config";
import { warningsOf } from "./config/rules";
import { ServiceName } from "./config/schema";
import { readConfig, StackConfig } from "./config/config";
import { DockerHost } from "./host/docker-host";
import { resolveForEngine, ResolvedImages } from "./images/resolve/program";
import { imageNeeds } from "./components/services/image-needs";
import {
  imagesSince,
  pageServices,
  postgresOutputs,
  restrictionTable,
  rowsOf,
  StackOutputs,
  stackOutputs,
} from "./components/outputs";

type Resolve = (config: StackConfig) => Promise<ResolvedImages>;
type Today = () => string | undefined;

/** `today` gives the day that new images are said to run since; nobody knows where nothing is deployed. */
export = async function program(
  resolve: Resolve = resolveForEngine,
  today: Today = () => new Date().toISOString().slice(0, 10),
): Promise<StackOutputs> {
  try {
    return await deploy(resolve, today);
  } catch (error) {
    // A refused exemption is a message to the user, not a crash with a stack trace.
    throw error instanceof HardeningError ? new pulumi.RunError(error.message) : error;
  }
};

async function deploy(resolve: Resolve, today: Today): Promise<StackOutputs> {
  const config = readConfig();
  const { stack, services, adminAllow, tls, publish } = config;
  const { images, warnings } = await resolve(config);
  const last = await lastDeployment(stack);
  const data = images.postgres && postgresImage(images.postgres);
  if (data !== undefined) refuseOtherData(stack, last, data, config.postgresUpgradedFrom);
  const since = imagesSince(images, last, today());

  // Everything that may refuse the stack comes before the first resource.
  const site =
    services.homepage.enabled && config.homepageFolder !== undefined
      ? siteFiles(join(__dirname, config.homepageFolder))
      : undefined;

  const host = new DockerHost(stack, config);
  const inherit = { providers: [host.provider] };
  const preflight = host.preflight({ platform: config.platform, needs: imageNeeds(images) });
  const pulled = new PulledImages(stack, images, config.platform, {
    provider: host.provider,
    dependsOn: preflight,
  });
  for (const { service, message } of [...warningsOf(config), ...warnings])
    void pulumi.log.warn(message, service === undefined ? undefined : pulled.of(service));
  const networks = new Networks(stack, { provider: host.provider });
  const argsOf = (name: ServiceName): ServiceArgs => ({
    stack,
    image: pulled.of(name),
    reference: pulled.reference(name),
    networks,
    measures: services[name].measures,
    exemptions: services[name].exemptions,
    after: pulled.all,
  });
  const proxyFor = (consumer: string, reads: readonly SocketRead[]): SocketProxy =>
    new SocketProxy({ ...argsOf("socket-proxy"), consumer, reads, socket: host.socket() }, inherit);

  const running: Service[] = [];
  const routes: Route[] = [];
  const add = <S extends Service>(service: S, route?: Route): S => {
    running.push(service);
    if (route !== undefined) routes.push(route);
    return service;
  };

  if (services.portainer.enabled) {
    const proxy = add(proxyFor("portainer", Portainer.reads));
    const adminPassword = config.secret("portainerPassword");
    const toolImage = pulled.of("socket-proxy");
    add(
      new Portainer({ ...argsOf("portainer"), adminPassword, proxy, toolImage }, inherit),
      Portainer.route(services.portainer.host),
    );
  }
  if (services.n8n.enabled) {
    const databasePassword = config.secret("n8nDatabasePassword");
    const postgres = add(
      new Postgres(
        {
          ...argsOf("postgres"),
          host,
          superuserPassword: config.secret("postgresPassword"),
          database: { name: N8n.database, password: databasePassword },
        },
        inherit,
      ),
    );
    add(
      new N8n(
        {
          ...argsOf("n8n"),
          postgres,
          databasePassword,
          encryptionKey: config.secret("n8nEncryptionKey"),
          publicUrl: publicUrl(config, services.n8n.host),
        },
        inherit,
      ),
      N8n.route(services.n8n.host),
    );
  }
  if (services.cadvisor.enabled) {
    const proxy = add(proxyFor("cadvisor", Cadvisor.reads));
    add(
      new Cadvisor({ ...argsOf("cadvisor"), proxy }, inherit),
      Cadvisor.route(services.cadvisor.host),
    );
  }
  if (services.homepage.enabled) routes.push(Homepage.route(services.homepage.host));
  add(
    new Traefik(
      {
        ...argsOf("traefik"),
        routes,
        dashboardHost: services.traefik.host,
        tls: tls.mode === "acme" ? { ...tls, dnsToken: config.secret("acmeDnsToken") } : tls,
        publish,
        adminAllow,
      },
      inherit,
    ),
  );
  if (services.homepage.enabled)
    add(
      new Homepage(
        {
          ...argsOf("homepage"),
          pageServices: (self) =>
            pageServices(config, images, since, restrictionTable([...rowsOf(running), self])),
          ...(site !== undefined && { site }),
        },
        inherit,
      ),
    );

  const containers = running.flatMap((service) => service.containers);
  limitProcesses(`${stack}-process-limits`, host, containers);
  return {
    ...stackOutputs(images, running),
    imagesSince: since,
    ...postgresOutputs(data ?? { major: last.postgresMajor, user: last.postgresUser }),
  };
}
