/** The way in, as Traefik's own configuration files have it: what is reported is what is deployed. Pure. */
import { parse } from "yaml";
import { z } from "zod";

import { CONFIG_FOLDER } from "../components/traefik-config";
import { RecordedContainer } from "../model/containers";

export interface EntranceView {
  /** `none` is plain HTTP. A certificate that is `selfSigned` is one that browsers warn of; one by `acme` is trusted. */
  readonly tls: "none" | "selfSigned" | "acme";
  /** Networks that reach the routes of administrators; without one there are no such routes. */
  readonly adminAllow: readonly string[];
  readonly routes: readonly RouteView[];
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

/** The parts that are read here of Traefik's two files (https://doc.traefik.io/traefik/v3.6/reference/). */
const STATIC = z.object({
  entryPoints: z.record(z.string(), z.unknown()),
  certificatesResolvers: z.record(z.string(), z.unknown()).default({}),
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
  const trusted = "acme" in certificatesResolvers ? "acme" : "selfSigned";
  return {
    tls: "websecure" in entryPoints ? trusted : "none",
    adminAllow: middlewares[ADMIN_ONLY]?.ipAllowList?.sourceRange ?? [],
    routes: Object.values(routers).map(({ rule, service, middlewares: passed }) => ({
      host: /^Host\(`([^`]+)`\)$/.exec(rule)?.[1] ?? rule,
      // Its dashboard is Traefik itself.
      service: service === "api@internal" ? "traefik" : service,
      admin: passed.includes(ADMIN_ONLY),
    })),
  };
}
