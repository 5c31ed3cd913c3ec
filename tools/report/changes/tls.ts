/** TLS of two reports compared, and what Traefik has to have for a step that makes it no less. Pure. */
import { reachesNoFurther } from "../../../host/ip-ranges";
import { Change, ChangeKind, Held } from "./change";
import { EntranceView } from "../view/entrance";
import { SavedView } from "./saved-report";
import { PortView } from "../view/stack";

const SUBJECT = "entrance";

/** Let's Encrypt's CA for tests (https://letsencrypt.org/docs/staging-environment/): no browser trusts it. */
const STAGING_HOST = "acme-staging-v02.api.letsencrypt.org";

const isForTests = ({ tls, caServer }: EntranceView): boolean =>
  tls === "acme" && caServer !== undefined && new URL(caServer).host === STAGING_HOST;

/** From what anybody on the way can read to what a browser trusts. */
const BY_STRENGTH: readonly EntranceView["tls"][] = ["none", "selfSigned", "acme"];
const strength = (entrance: EntranceView): number =>
  BY_STRENGTH.indexOf(isForTests(entrance) ? "selfSigned" : entrance.tls);

/** Of CAs that are not known here nobody can say which one browsers trust more. */
export function tlsChanges(before: EntranceView, after: EntranceView): Change[] {
  const step = strength(after) - strength(before);
  const kind: ChangeKind = step === 0 ? "changed" : step < 0 ? "weaker" : "stricter";
  if (before.tls !== after.tls)
    return [{ kind, subject: SUBJECT, what: `TLS ${words(after)} instead of ${words(before)}` }];
  const pair = (field: "caServer" | "dnsProvider"): string | undefined =>
    // An older report does not tell of it.
    before[field] === undefined || before[field] === after[field]
      ? undefined
      : `${after[field] ?? ""} instead of ${before[field]}`;
  const [ca, dns] = [pair("caServer"), pair("dnsProvider")];
  const change = (as: ChangeKind, what: string): Change => ({ kind: as, subject: SUBJECT, what });
  return [
    ...(ca === undefined ? [] : [change(kind, `certificates from ${ca}`)]),
    ...(dns === undefined ? [] : [change("changed", `DNS records by ${dns}`)]),
  ];
}

const words = (entrance: EntranceView): string =>
  isForTests(entrance) ? "acme by a CA for tests" : entrance.tls;

/** What is new because of TLS that is no less than it was. */
export interface ForTls {
  readonly port: (port: PortView) => boolean;
  readonly reader: (held: Held) => boolean;
}

/**
 * Traefik's https port where its http port was as open, and its token for the DNS provider. Of a report that does not tell
 * of TLS nothing is known to be.
 */
export function forTls(before: SavedView, after: EntranceView): ForTls {
  const old = before.entrance;
  const noLess = old !== undefined && strength(after) >= strength(old);
  const http = before.ports.filter((port) => isTraefik(port, 80));
  return {
    port: (port) =>
      noLess &&
      old.tls === "none" &&
      isTraefik(port, 443) &&
      http.some(({ address }) => reachesNoFurther(port.address, address)),
    reader: ([container, secret]) =>
      noLess &&
      old.tls !== "acme" &&
      after.tls === "acme" &&
      container === "traefik" &&
      secret === "acmeDnsToken",
  };
}

const isTraefik = ({ container, internal }: PortView, port: number): boolean =>
  container === "traefik" && internal === port;
