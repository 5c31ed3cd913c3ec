/** The way in and the ways to the Docker socket of two reports compared, where both tell of them. Pure. */
import { notCoveredBy } from "../../../host/ip-ranges";
import { Change, Held, heldChanges } from "./change";
import { EntranceView, RouteView } from "../view/entrance";
import { SavedView } from "./saved-report";
import { StackView } from "../view/stack";
import { tlsChanges } from "./tls";

export const entranceChanges = (before: SavedView, after: StackView): Change[] => [
  ...(before.entrance === undefined
    ? []
    : [
        ...tlsChanges(before.entrance, after.entrance),
        ...adminChanges(before.entrance, after.entrance),
        ...policyChanges(before.entrance, after.entrance),
        ...routeChanges(before.entrance.routes, after.entrance.routes, {
          known: new Set(before.containers.map(({ service }) => service)),
          stays: new Set(after.containers.map(({ service }) => service)),
        }),
      ]),
  ...(before.socketReads === undefined ? [] : readChanges(before.socketReads, after)),
];

const SUBJECT = "entrance";

const adminChanges = (before: EntranceView, after: EntranceView): Change[] => [
  ...notCoveredBy(after.adminAllow, before.adminAllow).map((network): Change => ({
    kind: "weaker",
    subject: SUBJECT,
    what: `lets administrators in from ${network}`,
  })),
  ...notCoveredBy(before.adminAllow, after.adminAllow).map((network): Change => ({
    kind: "stricter",
    subject: SUBJECT,
    what: `no longer lets administrators in from all of ${network}`,
  })),
];

/** Which of two policies allows more is not worked out. Where only one report has one, the homepage came or went. */
function policyChanges(before: EntranceView, after: EntranceView): Change[] {
  const [old, now] = [before.contentSecurityPolicy, after.contentSecurityPolicy];
  return old === undefined || now === undefined || old === now
    ? []
    : [
        {
          kind: "changed",
          subject: "homepage",
          what: `Content-Security-Policy ${now} instead of ${old}`,
        },
      ];
}

const audience = (admin: boolean): string => (admin ? "administrators" : "everybody");

/** Of services that were both there: a new one is told of once, and is none of these. */
function routeChanges(
  before: readonly RouteView[],
  after: readonly RouteView[],
  services: { readonly known: ReadonlySet<string>; readonly stays: ReadonlySet<string> },
): Change[] {
  const gone = before.filter((old) => !after.some(({ service }) => service === old.service));
  return [
    ...after
      .filter(({ service }) => services.known.has(service))
      .flatMap(({ service: subject, host, admin }): Change[] => {
        const old = before.find(({ service }) => service === subject);
        if (old === undefined)
          return [{ kind: "weaker", subject, what: `is served to ${audience(admin)} as ${host}` }];
        const opened = `is open to ${audience(admin)}, no longer to ${audience(old.admin)}`;
        return [
          ...(old.admin === admin
            ? []
            : [{ kind: admin ? "stricter" : "weaker", subject, what: opened } as const]),
          ...(old.host === host
            ? []
            : [{ kind: "changed", subject, what: `is ${host} instead of ${old.host}` } as const]),
        ];
      }),
    ...gone
      .filter(({ service }) => services.stays.has(service))
      .map(({ service, host }): Change => ({
        kind: "stricter",
        subject: service,
        what: `is no longer served as ${host}`,
      })),
  ];
}

/** Of proxies that were both there. */
function readChanges(before: StackView["socketReads"], after: StackView): Change[] {
  const held = (some: StackView["socketReads"], others: StackView["socketReads"]): Held[] =>
    some
      .filter(({ container }) => others.some((other) => other.container === container))
      .flatMap(({ container, reads }) => reads.map((read): Held => [container, read]));
  return heldChanges(
    held(before, after.socketReads),
    held(after.socketReads, before),
    "lets through",
    "no longer lets through",
  );
}
