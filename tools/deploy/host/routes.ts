/** Traefik's routes, from the very file that it gets. Pure. */
import { parse } from "yaml";
import { z } from "zod";

import { StackConfig } from "../../../config/config";
import { CONTAINER, Model, RecordedResource } from "../../model/synth";
import { plainFiles } from "../../model/declared";

/** A host name that Traefik serves, and how the host itself reaches it. */
export interface RouteProbe {
  readonly host: string;
  readonly scheme: "http" | "https";
  readonly port: number;
  /** Where the host reaches Traefik: the published address, or this machine for "any". */
  readonly address: string;
  readonly path: string;
  /**
   * The port that sends http to https, where the name may have no certificate yet: with ACME it is asked for only when
   * Traefik runs, and until then the name gets no answer over https at all.
   */
  readonly redirectPort?: number;
}

const routesFile = z.object({
  http: z.object({
    routers: z.record(z.string(), z.object({ rule: z.string(), service: z.string() })),
    middlewares: z
      .object({
        "admin-only": z.object({ ipAllowList: z.object({ sourceRange: z.array(z.string()) }) }),
      })
      .partial(),
  }),
});

/** Of a model, or of what the state recorded; undefined where there is no Traefik. Throws at a file of another program. */
function routes(
  stack: string,
  resources: readonly Pick<RecordedResource, "type" | "name" | "inputs">[],
): z.output<typeof routesFile>["http"] | undefined {
  const loader = resources.find(
    ({ type, name }) => type === CONTAINER && name === `${stack}-traefik-config-loader`,
  );
  const files = loader === undefined ? undefined : plainFiles(loader);
  const text = Object.entries(files ?? {}).find(([file]) => file.endsWith("/routes.yml"))?.[1];
  return text === undefined ? undefined : routesFile.parse(parse(text)).http;
}

/** Networks that reach the pages for administrators; none where there are no such pages, or nobody can tell. */
export function adminNetworks(
  stack: string,
  resources: readonly Pick<RecordedResource, "type" | "name" | "inputs">[],
): readonly string[] {
  try {
    return routes(stack, resources)?.middlewares["admin-only"]?.ipAllowList.sourceRange ?? [];
  } catch {
    return [];
  }
}

export function routeProbes(model: Pick<Model, "stack" | "resources" | "config">): RouteProbe[] {
  const { publish, tls }: StackConfig = model.config;
  const secure = tls.mode !== "none";
  const routers = routes(model.stack, model.resources)?.routers ?? {};
  return Object.values(routers).flatMap(({ rule, service }) => {
    const host = /^Host\(`([^`]+)`\)$/.exec(rule)?.[1];
    if (host === undefined) return [];
    return {
      host,
      scheme: secure ? ("https" as const) : ("http" as const),
      port: secure ? publish.https : publish.http,
      address: LOCAL[publish.address] ?? bracketed(publish.address),
      // The dashboard's own page is somewhere else in each version; its API is not.
      path: service === "api@internal" ? "/api/version" : "/",
      ...(tls.mode === "acme" && { redirectPort: publish.http }),
    };
  });
}

const LOCAL: Readonly<Partial<Record<string, string>>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };
const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);
