/** The way in, as Traefik's own configuration files have it: what is reported is what is deployed. Pure. */
import { parse } from "yaml";
import { z } from "zod";

import { CONFIG_FOLDER } from "../../../components/services/traefik/config";
import { RecordedContainer } from "../../model/containers";

export interface EntranceView {
  /** `none` is plain HTTP. A certificate that is `selfSigned` is one that browsers warn of; one by `acme` is trusted. */
  readonly tls: "none" | "selfSigned" | "acme";
  /** Directory of the CA that the certificates are from, and the DNS provider that proves the domain to it. Only with `acme`. */
  readonly caServer?: string;
  readonly dnsProvider?: string;
  /** Networks that reach the routes of administrators; without one there are no such routes. */
  readonly adminAllow: readonly string[];
  readonly routes: readonly RouteView[];
  /** What the homepage tells browsers; absent without a homepage. */
  readonly contentSecurityPolicy?: string;
}

export interface RouteView {
  /** The name that a browser asks for. */
  readonly host: string;
  readonly service: string;
  /** Whether it is for the networks of `adminAllow` only. */
  readonly admin: boolean;
}

/** The middleware that refuses everybody else. */
const ADMIN_ONLY = "admin-only";

/** Traefik's own default (https://doc.traefik.io/traefik/v3.6/reference/install-configuration/tls/certificate-resolvers/acme/). */
const DEFAULT_CA = "https://acme-v02.api.letsencrypt.org/directory";

/** The parts that are read here of Traefik's two files (https://doc.traefik.io/traefik/v3.6/reference/). */
const STATIC = z.object({
  entryPoints: z.record(z.string(), z.unknown()),
  certificatesResolvers: z
    .object({
      acme: z
        .object({
          acme: z.object({
            caServer: z.string().default(DEFAULT_CA),
            dnsChallenge: z.object({ provider: z.string() }),
          }),
        })
        .exactOptional(),
    })
    .default({}),
});
const DYNAMIC = z.object({
  http: z.object({
    routers: z.record(
      z.string(),
      z.object({ rule: z.string(), service: z.string(), middlewares: z.array(z.string()) }),
    ),
    middlewares: z.record(
      z.string(),
      z.object({ ipAllowList: z.object({ sourceRange: z.array(z.string()) }).optional() }),
    ),
  }),
});

/** Throws an error when Traefik's files are not among those of the containers, or of another shape. */
export function entranceView(containers: readonly RecordedContainer[]): EntranceView {
  const uploads = containers.flatMap(({ inputs }) => inputs.uploads ?? []);
  const read = (path: string): unknown => {
    const content = uploads.find(({ file }) => file === `${CONFIG_FOLDER}/${path}`)?.content;
    if (content === undefined) throw new Error(`no container brings ${CONFIG_FOLDER}/${path}`);
    return parse(content);
  };
  const { entryPoints, certificatesResolvers } = STATIC.parse(read("traefik.yml"));
  const { routers, middlewares } = DYNAMIC.parse(read("dynamic/routes.yml")).http;
  const acme = certificatesResolvers.acme?.acme;
  const policy = contentSecurityPolicy(uploads);
  return {
    tls: "websecure" in entryPoints ? (acme === undefined ? "selfSigned" : "acme") : "none",
    ...(acme && { caServer: acme.caServer, dnsProvider: acme.dnsChallenge.provider }),
    adminAllow: middlewares[ADMIN_ONLY]?.ipAllowList?.sourceRange ?? [],
    routes: Object.values(routers).map(({ rule, service, middlewares: passed }) => ({
      host: /^Host\(`([^`]+)`\)$/.exec(rule)?.[1] ?? rule,
      // Its dashboard is Traefik itself.
      service: service === "api@internal" ? "traefik" : service,
      admin: passed.includes(ADMIN_ONLY),
    })),
    ...(policy !== undefined && { contentSecurityPolicy: policy }),
  };
}

/** nginx's own configuration file (components/services/homepage/homepage.ts); it is no part of the site. */
const NGINX_CONFIG = "/srv/homepage/nginx.conf";

const contentSecurityPolicy = (
  uploads: NonNullable<RecordedContainer["inputs"]["uploads"]>,
): string | undefined => {
  const config = uploads.find(({ file }) => file === NGINX_CONFIG)?.content;
  return /^ *add_header Content-Security-Policy "([^"]*)"/m.exec(config ?? "")?.[1];
};
