/** Compares the ingress of two reports: TLS, administrators, routes, published ports. Pure. */
import { notCoveredBy, reachesNoFurther, sameAddress } from "../../../host/ip-ranges";
import { SELF_SIGNED_CERTIFICATE } from "../../../components/ingress";
import { onHost } from "../cis/facts";
import { IngressView, StackView } from "../view/stack";
import { Change, changed, stricter, weaker } from "./change";
import { SavedView } from "./saved-report";

type Ingress = NonNullable<SavedView["ingress"]>;
type Port = SavedView["ports"][number];

const SUBJECT = "ingress";

export const ingressChanges = (before: Ingress, after: IngressView): Change[] => [
  ...tlsChanges(before, after),
  ...notCoveredBy(after.adminAllow, before.adminAllow).map((network) =>
    weaker(SUBJECT, `lets administrators in from ${network}`),
  ),
  ...notCoveredBy(before.adminAllow, after.adminAllow).map((network) =>
    stricter(SUBJECT, `no longer lets administrators in from all of ${network}`),
  ),
  ...after.routes.flatMap((route) => {
    const old = before.routes.find(({ service }) => service === route.service);
    if (old === undefined) return [];
    const [was, is] = [old, route].map(({ host, path = "" }) => `${host}${path}`);
    return [
      ...(was === is ? [] : [changed(route.service, `is served as ${is} instead of ${was}`)]),
      ...(old.login !== undefined && route.login === undefined
        ? [weaker(route.service, "asks nobody to log in any more")]
        : []),
      ...(old.login === undefined && route.login !== undefined
        ? [stricter(route.service, `asks ${route.login} who may open it`)]
        : []),
      ...(old.login !== undefined && route.login !== undefined && old.login !== route.login
        ? [changed(route.service, `asks ${route.login} who may open it, instead of ${old.login}`)]
        : []),
    ];
  }),
  ...after.routes.flatMap((route) =>
    elsewhereChanges(
      before.routes.find(({ service }) => service === route.service),
      route,
    ),
  ),
  ...after.routes.flatMap((route) => {
    const old = before.routes.find(({ service }) => service === route.service);
    // Of a route that is open as a whole before and after. Other changes are privileges.
    if (old === undefined || old.admin || route.admin) return [];
    const [was, is] = [old.adminPaths ?? [], route.adminPaths ?? []];
    return [
      ...was
        .filter((path) => !is.includes(path))
        .map((path) => weaker(route.service, `is open to everybody at ${path}`)),
      ...is
        .filter((path) => !was.includes(path))
        .map((path) => stricter(route.service, `no longer is open to everybody at ${path}`)),
    ];
  }),
  // Does not decide which policy allows more.
  ...otherValue(before, after, "contentSecurityPolicy", (now, old) =>
    changed("homepage", `sends the Content-Security-Policy ${now} instead of ${old}`),
  ),
];

/** Of pages that run outside the stack, which are no container whose privileges could be compared. */
function elsewhereChanges(
  old: Ingress["routes"][number] | undefined,
  { service, url, host, admin, login, insecureSkipVerify }: IngressView["routes"][number],
): Change[] {
  if (url === undefined) return [];
  const skips =
    insecureSkipVerify !== undefined && old?.insecureSkipVerify === undefined
      ? [weaker(service, `accepts any certificate from ${url}`, insecureSkipVerify)]
      : [];
  if (old?.url === undefined)
    return [
      (admin || login !== undefined ? changed : weaker)(
        service,
        `opens ${url} as ${host} to ${admin ? "administrators" : login === undefined ? "everybody" : "those who log in"}`,
      ),
      ...skips,
    ];
  return [
    ...(old.url === url ? [] : [changed(service, `leads to ${url} instead of ${old.url}`)]),
    ...(old.admin && !admin ? [weaker(service, "is open to everybody")] : []),
    ...(!old.admin && admin ? [stricter(service, "no longer is open to everybody")] : []),
    ...skips,
  ];
}

/** Compares only if both have a value. Otherwise the homepage or TLS changed, or an older report lacks the field. */
function otherValue(
  before: Ingress,
  after: IngressView,
  field: "caServer" | "dnsProvider" | "contentSecurityPolicy",
  change: (now: string, old: string) => Change,
): Change[] {
  const [old, now] = [before[field], after[field]];
  return old === undefined || now === undefined || old === now ? [] : [change(now, old)];
}

/** No browser trusts it (https://letsencrypt.org/docs/staging-environment/). */
const STAGING_HOST = "acme-staging-v02.api.letsencrypt.org";

const isStaging = ({ tls, caServer }: Ingress): boolean =>
  tls === "acme" && caServer !== undefined && new URL(caServer).host === STAGING_HOST;

/** From plain text to certificates that browsers trust. */
const strength = (ingress: Ingress): number =>
  ["none", "selfSigned", "acme"].indexOf(isStaging(ingress) ? "selfSigned" : ingress.tls);

function tlsChanges(before: Ingress, after: IngressView): Change[] {
  const step = strength(after) - strength(before);
  // Equal for two production CAs, because it is unknown which one browsers trust.
  const change = step === 0 ? changed : step < 0 ? weaker : stricter;
  if (before.tls !== after.tls)
    return [change(SUBJECT, `serves ${tlsText(after)} instead of ${tlsText(before)}`)];
  return [
    ...otherValue(before, after, "caServer", (now, old) =>
      change(SUBJECT, `takes certificates from ${now} instead of ${old}`),
    ),
    ...otherValue(before, after, "dnsProvider", (now, old) =>
      changed(SUBJECT, `uses the DNS provider ${now} instead of ${old}`),
    ),
  ];
}

const tlsText = (ingress: Ingress): string =>
  isStaging(ingress)
    ? "HTTPS with certificates of a test CA"
    : {
        none: "plain HTTP",
        selfSigned: "HTTPS with a self-signed certificate",
        acme: "HTTPS with ACME certificates",
      }[ingress.tls];

/** The secret that each mode of TLS needs. */
const TLS_SECRETS: Readonly<Partial<Record<Ingress["tls"], string>>> = {
  acme: "acmeDnsToken",
  selfSigned: SELF_SIGNED_CERTIFICATE,
};

/** A switch to a mode of TLS needs a secret, and is not weaker itself. */
export const tokenForTls = (before: Ingress, after: IngressView, change: Change): Change =>
  before.tls !== after.tls &&
  change.kind === "weaker" &&
  change.subject === "traefik" &&
  change.what === `reads ${TLS_SECRETS[after.tls]}`
    ? changed(change.subject, `${change.what}, for TLS`)
    : change;

/**
 * Weaker: more clients can reach a port of a container. Not weaker: another port number on the host, a narrower address, or
 * Traefik's HTTPS port where its HTTP port was as widely published.
 *
 * @param reasonOf the reason of a container's exemption
 */
export function portChanges(
  { ports: before, ingress }: SavedView & { readonly ingress: Ingress },
  { ports: after, ingress: now }: StackView,
  reasonOf: (container: string) => string | undefined,
): Change[] {
  const removed = before.filter((port) => !after.some((other) => isSame(port, other)));
  const added = after.filter((port) => !before.some((other) => isSame(port, other)));
  const isForTls = (port: Port): boolean =>
    ingress.tls === "none" &&
    now.tls !== "none" &&
    isTraefik(port, 443) &&
    before.some((http) => isTraefik(http, 80) && reachesNoFurther(port.address, http.address));
  // Each removed port is matched with one added port at most.
  const matched = new Set<Port>();
  const unmatched = (fits: (old: Port) => boolean): Port | undefined =>
    removed.find((old) => !matched.has(old) && fits(old));
  const opened = added.map((port) => {
    const { container } = port;
    const old =
      removed.find((one) => one.published === port.published && opensNoMore(port, one)) ??
      unmatched((one) => opensNoMore(port, one) && opensNoMore(one, port)) ??
      unmatched((one) => opensNoMore(port, one));
    if (old === undefined)
      return isForTls(port)
        ? changed(container, `publishes ${textOf(port)}, for TLS`)
        : weaker(container, `publishes ${textOf(port)}`, reasonOf(container));
    matched.add(old);
    const change = opensNoMore(old, port) ? changed : stricter;
    return change(container, `publishes ${textOf(port)} instead of ${textOf(old)}`);
  });
  // Still reachable under the same number, through another published port.
  const isStillOpen = (port: Port): boolean =>
    after.some((other) => port.published === other.published && opensNoMore(port, other));
  const closed = removed
    .filter((port) => !matched.has(port) && !isStillOpen(port))
    .map((port) => stricter(port.container, `no longer publishes ${textOf(port)}`));
  return [...opened, ...closed];
}

const isTraefik = ({ container, internal }: Port, port: number): boolean =>
  container === "traefik" && internal === port;

/** In the format of `docker ps`. */
const textOf = (port: Port): string => `${onHost(port)}->${port.internal}/${port.protocol}`;

const isSamePortOf = (one: Port, other: Port): boolean =>
  one.container === other.container &&
  one.internal === other.internal &&
  one.protocol === other.protocol;

const isSame = (one: Port, other: Port): boolean =>
  isSamePortOf(one, other) &&
  one.published === other.published &&
  sameAddress(one.address, other.address);

/** Whether every client that reaches the container through `port` also does through `other`. */
const opensNoMore = (port: Port, other: Port): boolean =>
  isSamePortOf(port, other) && reachesNoFurther(port.address, other.address);
