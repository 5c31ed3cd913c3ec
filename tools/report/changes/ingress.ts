/** The ways into a stack compared by how far they reach: TLS, administrators, published ports. Pure. */
import { notCoveredBy, reachesNoFurther, sameAddress } from "../../../host/ip-ranges";
import { onHost } from "../cis/facts";
import { EntranceView, StackView } from "../view/stack";
import { Change, changed, stricter, weaker } from "./change";
import { SavedView } from "./saved-report";

type Ingress = NonNullable<SavedView["entrance"]>;
type Port = SavedView["ports"][number];

const SUBJECT = "ingress";

export const ingressChanges = (before: Ingress, after: EntranceView): Change[] => [
  ...tlsChanges(before, after),
  ...notCoveredBy(after.adminAllow, before.adminAllow).map((network) =>
    weaker(SUBJECT, `lets administrators in from ${network}`),
  ),
  ...notCoveredBy(before.adminAllow, after.adminAllow).map((network) =>
    stricter(SUBJECT, `no longer lets administrators in from all of ${network}`),
  ),
  ...after.routes.flatMap(({ service, host }) => {
    const old = before.routes.find((route) => route.service === service);
    return old === undefined || old.host === host
      ? []
      : changed(service, `is served as ${host} instead of ${old.host}`);
  }),
  // Which of two policies allows more is not worked out.
  ...otherValue(before, after, "contentSecurityPolicy", (now, old) =>
    changed("homepage", `sends the Content-Security-Policy ${now} instead of ${old}`),
  ),
];

/** Where only one of them has a value, the homepage came or went, TLS is another, or an older report does not tell. */
function otherValue(
  before: Ingress,
  after: EntranceView,
  field: "caServer" | "dnsProvider" | "contentSecurityPolicy",
  change: (now: string, old: string) => Change,
): Change[] {
  const [old, now] = [before[field], after[field]];
  return old === undefined || now === undefined || old === now ? [] : [change(now, old)];
}

/** Let's Encrypt's CA for tests (https://letsencrypt.org/docs/staging-environment/): no browser trusts it. */
const STAGING_HOST = "acme-staging-v02.api.letsencrypt.org";

const isStaging = ({ tls, caServer }: Ingress): boolean =>
  tls === "acme" && caServer !== undefined && new URL(caServer).host === STAGING_HOST;

/** From what everybody on the way can read to what a browser trusts. */
const strength = (ingress: Ingress): number =>
  ["none", "selfSigned", "acme"].indexOf(isStaging(ingress) ? "selfSigned" : ingress.tls);

function tlsChanges(before: Ingress, after: EntranceView): Change[] {
  const step = strength(after) - strength(before);
  // Of two unknown CAs nobody can say which one browsers trust more.
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

/** Traefik's token for its DNS provider is what a step to ACME needs, which is no weaker than any other mode. */
export const tokenForTls = (before: Ingress, after: EntranceView, change: Change): Change =>
  before.tls !== "acme" &&
  after.tls === "acme" &&
  change.kind === "weaker" &&
  change.subject === "traefik" &&
  change.what === "reads acmeDnsToken"
    ? changed(change.subject, `${change.what}, for TLS`)
    : change;

/**
 * Weaker is a port of a container that somebody reaches who did not before. Another number on the host gives nobody more, nor
 * does an address that fewer reach, nor Traefik's HTTPS port where its HTTP port reached as far.
 *
 * @param reasonOf the reason that a container may publish ports
 */
export function portChanges(
  { ports: before, entrance }: SavedView & { readonly entrance: Ingress },
  { ports: after, entrance: now }: StackView,
  reasonOf: (container: string) => string | undefined,
): Change[] {
  const gone = before.filter((port) => !after.some((other) => isSame(port, other)));
  const come = after.filter((port) => !before.some((other) => isSame(port, other)));
  const isForTls = (port: Port): boolean =>
    entrance.tls === "none" &&
    now.tls !== "none" &&
    isTraefik(port, 443) &&
    before.some((http) => isTraefik(http, 80) && reachesNoFurther(port.address, http.address));
  const taken = new Set<Port>();
  // One that is gone stands for one that has come, no more.
  const free = (fits: (old: Port) => boolean): Port | undefined =>
    gone.find((old) => !taken.has(old) && fits(old));
  const opened = come.map((port) => {
    const { container } = port;
    const old =
      gone.find((one) => one.published === port.published && opensNoMore(port, one)) ??
      free((one) => opensNoMore(port, one) && opensNoMore(one, port)) ??
      free((one) => opensNoMore(port, one));
    if (old === undefined)
      return isForTls(port)
        ? changed(container, `publishes ${textOf(port)}, for TLS`)
        : weaker(container, `publishes ${textOf(port)}`, reasonOf(container));
    taken.add(old);
    const change = opensNoMore(old, port) ? changed : stricter;
    return change(container, `publishes ${textOf(port)} instead of ${textOf(old)}`);
  });
  // All who knew the old one may find another one under the same number.
  const isStillOpen = (port: Port): boolean =>
    after.some((other) => port.published === other.published && opensNoMore(port, other));
  const closed = gone
    .filter((port) => !taken.has(port) && !isStillOpen(port))
    .map((port) => stricter(port.container, `no longer publishes ${textOf(port)}`));
  return [...opened, ...closed];
}

const isTraefik = ({ container, internal }: Port, port: number): boolean =>
  container === "traefik" && internal === port;

/** As `docker ps` writes it. */
const textOf = (port: Port): string => `${onHost(port)}->${port.internal}/${port.protocol}`;

const isSamePortOf = (one: Port, other: Port): boolean =>
  one.container === other.container &&
  one.internal === other.internal &&
  one.protocol === other.protocol;

const isSame = (one: Port, other: Port): boolean =>
  isSamePortOf(one, other) &&
  one.published === other.published &&
  sameAddress(one.address, other.address);

/** Whether nobody reaches the container by `port` who did not by `other`. */
const opensNoMore = (port: Port, other: Port): boolean =>
  isSamePortOf(port, other) && reachesNoFurther(port.address, other.address);
