/** What the network does to a request, and the words for it. */

import { INTERNAL_ADDRESS } from "./public-lookup";
import { ExchangeError } from "./errors";

/** What the network did, as Node's code for it: Node's messages may quote the other side. */
export class ConnectionFault extends Error {
  override readonly name = "ConnectionFault";
  constructor(readonly code: string) {
    super(code);
  }
}

/** The error for a fault that is not worth another try, or was not worth the last one. */
export function inWords(fault: ConnectionFault, url: URL): ExchangeError {
  const { code } = fault;
  const say = (kind: ExchangeError["code"], what: string) =>
    new ExchangeError(kind, what, { cause: fault });
  if (code === INTERNAL_ADDRESS)
    return say("refused", `${url.host} is an internal address that no line of registries names`);
  if (code === "ECONNREFUSED") return say("unavailable", `${url.host} refused the connection`);
  if (code === "ECONNRESET" || code === "EPIPE")
    return say("unavailable", `${url.host} cut the connection`);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return say("unavailable", `the name ${url.hostname} could not be looked up (${code})`);
  if (code === "HPE_HEADER_OVERFLOW")
    return say("too-large", `${url.host} answered with more headers than are read`);
  if (code.startsWith("HPE_")) return say("invalid-answer", `${url.host} did not answer in HTTP`);
  if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER")
    return say("tls", `${url.host} did not answer in TLS`);
  if (/CERT|SIGNED|SSL|TLS|ISSUER|UNABLE_TO/.test(code))
    return say("tls", `the certificate of ${url.host} is not accepted (${code})`);
  return say("unavailable", `${url.host} could not be reached (${code})`);
}
