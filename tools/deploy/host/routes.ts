/** How the host itself reaches each route of the stack. Pure. */
import { isSecure } from "../../../components/ingress";
import { StackModel } from "../../../components/model";

export interface RouteProbe {
  readonly host: string;
  readonly scheme: "http" | "https";
  readonly port: number;
  /** Where the host reaches Traefik: the published address, or this machine for "any". */
  readonly address: string;
  readonly path: string;
  /**
   * The port that redirects http to https, where the name may have no certificate yet: Traefik asks for an ACME certificate
   * only once it runs, and until then the name gets no answer over https at all.
   */
  readonly redirectPort?: number;
}

export function routeProbes({ ingress }: Pick<StackModel, "ingress">): RouteProbe[] {
  const { publish, tls, routes } = ingress;
  const secure = isSecure(ingress);
  return routes.map(({ host, probePath }) => ({
    host,
    scheme: secure ? "https" : "http",
    port: secure ? publish.https : publish.http,
    address: LOCAL[publish.address] ?? bracketed(publish.address),
    path: probePath,
    ...(tls.mode === "acme" && { redirectPort: publish.http }),
  }));
}

const LOCAL: Readonly<Partial<Record<string, string>>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };
const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);
