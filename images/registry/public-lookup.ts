import dns from "node:dns";
import type { LookupFunction } from "node:net";

import { isInternalAddress } from "./origin";

/** The code of the error that {@link publicLookup} gives. */
export const INTERNAL_ADDRESS = "EINTERNAL";

/**
 * Node's look-up of names, for hosts that only a server has named: one of whose addresses is an internal one is not
 * connected to. The connection goes to the addresses that were judged, so a second look-up cannot answer otherwise.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, options, (error, address, family) => {
    const found = error === null ? [address].flat() : [];
    const internal = found.some((one) =>
      isInternalAddress(typeof one === "string" ? one : one.address),
    );
    const refused = Object.assign(new Error(hostname), { code: INTERNAL_ADDRESS });
    callback(internal ? refused : error, address, family);
  });
};
