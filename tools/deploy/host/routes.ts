/** The requests by which a deployment sees whether the routes work. Pure. */
import { isSecure } from "../../../components/ingress";
import { StackModel } from "../../../components/model";

/** A request to a route, sent on the host. */
export interface RouteProbe {
  readonly host: string;
  readonly scheme: "http" | "https";
  readonly port: number;
  /** The published address; the loopback address if that is "any". */
  readonly address: string;
  readonly path: string;
  /** Whether an answer 404 is good as well. Default false. */
  readonly anyAnswer?: boolean;
  /**
   * The HTTP port. Only with ACME: Traefik does not answer over HTTPS until it has the certificate, which it requests after
   * its start.
   */
  readonly redirectPort?: number;
}

/** One probe for each route. Pure. */
export function routeProbes({ ingress }: Pick<StackModel, "ingress">): RouteProbe[] {
  const { publish, tls, routes } = ingress;
  const secure = isSecure(ingress);
  return routes.flatMap(({ host, probePath, anyAnswer }) =>
    probePath === undefined
      ? []
      : [
          {
            host,
            scheme: secure ? "https" : "http",
            port: secure ? publish.https : publish.http,
            address: LOCAL[publish.address] ?? bracketed(publish.address),
            path: probePath,
            ...(anyAnswer === true && { anyAnswer }),
            ...(tls.mode === "acme" && { redirectPort: publish.http }),
          },
        ],
  );
}

const LOCAL: Readonly<Partial<Record<string, string>>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };
const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);
