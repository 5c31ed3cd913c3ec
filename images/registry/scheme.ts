/** How a registry wants to be asked, from its first 401. Pure. */

import type { Said } from "./response";
import { parseChallenges } from "./auth";
import type { Answer } from "./http";
import { placeOf, whyNotTo, type Registries } from "./origin";
import { ExchangeError } from "./errors";
import type { TokenService } from "./token";

export type Scheme =
  { readonly kind: "basic" } | { readonly kind: "bearer"; readonly service: TokenService };

/** For a 401 of a server that was sent no authorization, because the registry redirected to it. */
export const redirectedTo401 = ({ url }: Answer): ExchangeError =>
  new ExchangeError("denied", `${url.host}, where the registry redirected to, answered 401`);

/** Throws where the answer names no scheme this client knows, or a token service it does not go to. */
export function readScheme({ answer, text }: Said, home: URL, registries: Registries): Scheme {
  const host = answer.url.host;
  // A server the registry redirected to does not get to name the place credentials are sent to.
  if (answer.url.origin !== home.origin) throw redirectedTo401(answer);
  const header = answer.headers["www-authenticate"];
  const challenges = header === undefined ? undefined : parseChallenges(header);
  const bearer = challenges?.find(({ scheme }) => scheme === "bearer")?.parameters;
  if (bearer?.realm !== undefined) {
    const { realm: named, service } = bearer;
    const realm = URL.canParse(named) ? new URL(named) : undefined;
    const why =
      realm === undefined
        ? "it is no web address"
        : text.containsSecret(realm.host) && realm.hostname !== home.hostname
          ? "its name has a secret in it"
          : whyNotTo(realm, home, registries);
    if (realm === undefined || why !== undefined)
      throw new ExchangeError(
        "refused",
        `${host} wants a token from ${text.quote(placeOf(realm) ?? named)}, which is not asked: ${why ?? ""}`,
      );
    return { kind: "bearer", service: { realm, ...(service !== undefined && { service }) } };
  }
  if (challenges?.some(({ scheme }) => scheme === "basic") === true) return { kind: "basic" };
  throw new ExchangeError(
    "invalid-answer",
    `${host} answered 401 without saying what it wants${header === undefined ? "" : `: ${text.quote(header)}`}`,
  );
}
