/** Facts about a service in the model of a stack, on which the reason to accept a known hole may rest. Pure. */
import type { StackContainer, StackModel } from "./model";

/** The service that all routes lead through. */
const INGRESS = "traefik";

/** Each fact in the words of the configuration, and whether it holds for a service. */
const FACTS = {
  // Programs negotiate HTTP/2 unasked where clients reach them themselves, or where Traefik connects with TLS.
  "HTTP/1.1 only": (own) =>
    !own.isPublished &&
    !own.routes.some(({ target }) => /^(?:https|h2c):/.test(target)) &&
    !own.containers.some((one) =>
      says(one, /\bhttp2\s+on\b|\blisten\b[^;]*\b(?:http2|quic)\b|\bhttp3\b/i),
    ),
  "no forward auth": (own) => !own.everywhere.some((one) => says(one, /forward-?auth/i)),
  "no shared backend": (own) =>
    !own.model.ingress.routes.some(
      ({ service, admin, publicPaths = [], adminPaths = [], target }) =>
        (service === own.service || own.isIngress) &&
        ((admin && publicPaths.length > 0) || adminPaths.some((path) => path.target === target)),
    ),
  "no published port": (own) => !own.isPublished,
  "no egress": (own) =>
    own.containers.every(({ networks }) => networks.every(({ internal }) => internal)),
  "administrators only": (own) =>
    (own.isIngress || !own.isPublished) &&
    !own.model.ingress.adminAllow.some((range) => range.endsWith("/0")) &&
    (own.isIngress ? own.model.ingress.routes : own.routes).every(
      ({ admin, publicPaths = [] }) => admin && publicPaths.length === 0,
    ),
} as const satisfies Record<string, (own: Own) => boolean>;

interface Own {
  readonly model: StackModel;
  readonly service: string;
  /** Whether all routes lead through it. */
  readonly isIngress: boolean;
  /** Whether one of its containers publishes a port. */
  readonly isPublished: boolean;
  /** Those to the service. */
  readonly routes: StackModel["ingress"]["routes"];
  readonly containers: readonly StackContainer[];
  readonly everywhere: readonly StackContainer[];
}

export type Fact = keyof typeof FACTS;
export const REACH_FACTS = Object.keys(FACTS) as readonly Fact[];

/** Whether the fact holds for the service in this stack. */
export function holds(fact: Fact, service: string, model: StackModel): boolean {
  const containers = model.containers.filter((one) => one.service === service);
  return FACTS[fact]({
    ...{ model, service },
    isIngress: service === INGRESS,
    isPublished: containers.some(({ ports }) => ports.length > 0),
    routes: model.ingress.routes.filter((route) => route.service === service),
    containers,
    everywhere: model.containers,
  });
}

/** Whether a file, an argument or a variable of the container matches. */
function says({ mounts, command = [], environment }: StackContainer, pattern: RegExp): boolean {
  const files = mounts.flatMap((mount) =>
    "files" in mount
      ? Object.values(mount.files).flatMap((content) =>
          typeof content === "string"
            ? [content]
            : "base64" in content
              ? [Buffer.from(content.base64, "base64").toString("utf8")]
              : [],
        )
      : [],
  );
  return [...files, ...command, ...Object.values(environment)].some((text) => pattern.test(text));
}
