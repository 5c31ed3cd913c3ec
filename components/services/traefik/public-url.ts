import { Tls } from "./config";

export interface Published {
  readonly tls: Tls;
  readonly publish: { readonly http: number; readonly https: number };
}

/** The address that a browser uses for a host name behind Traefik. */
export function publicUrl({ tls, publish }: Published, host: string): string {
  const secure = tls.mode !== "none";
  const port = secure ? publish.https : publish.http;
  const usual = secure ? 443 : 80;
  return `${secure ? "https" : "http"}://${host}${port === usual ? "" : `:${port}`}/`;
}
