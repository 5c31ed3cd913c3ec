/** Where the backups go: the address of a restic repository, and the public key of an SFTP server. Pure. */
import { z } from "zod";

import { HostAddress, hostProblems } from "../../../host/address";
import { expected, expectation } from "../../../text/messages";
import { redactCredentials } from "../../../text/redact";

export type RepositoryKind = "sftp" | "rest" | "s3" | "path";

export interface RepositoryAddress {
  readonly address: string;
  readonly hostKey?: string;
}

const ADDRESS =
  "sftp://user@host[:port]/path, rest:https://host/path, s3:https://host/bucket, or an absolute path on the host";
const HOST =
  "(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,250}[a-zA-Z0-9])?|\\[[0-9a-f:.]{2,45}\\])(?::\\d{1,5})?";
const KINDS: readonly (readonly [RepositoryKind, RegExp])[] = [
  ["sftp", /^sftp:\/\/[^/@:]+@[^/]+\/[\w./-]{1,200}$/],
  ["rest", new RegExp(`^rest:https?://${HOST}/[\\w./-]{0,200}$`)],
  ["s3", new RegExp(`^s3:https?://${HOST}/[\\w./-]{1,200}$`)],
  ["path", /^\/[\w./-]{1,200}$/],
];

/** The kind of an address; undefined if it cannot be used. */
export const kindOf = (address: string): RepositoryKind | undefined =>
  KINDS.find(([, pattern]) => pattern.test(address))?.[0];

/** The server of an SFTP address as {@link hostProblems} knows addresses. */
const server = ({ address, hostKey }: RepositoryAddress): HostAddress => ({
  address: address.replace(/^sftp:(\/\/[^/]*)\/.*$/, "ssh:$1"),
  ...(hostKey !== undefined && { hostKey }),
});

function addressProblem({ address }: RepositoryAddress): string | undefined {
  if (
    /^(?:rest:|s3:)?(?:https?|sftp):\/\/[^/]*:[^/]*@|^(?:rest|s3):https?:\/\/[^/]*@/.test(address)
  )
    return "contains a password; remove it and set pinned-stack:backupCredentials";
  const kind = kindOf(address);
  if (kind === undefined || /(?:^|\/)\.\.(?:\/|$)/.test(address))
    return expectation(ADDRESS, redactCredentials(address));
  return undefined;
}

export const repository = z
  .strictObject(
    {
      address: z.string(expected(ADDRESS)),
      hostKey: z.string(expected('"ssh-ed25519 AAAA…" as a string')).optional(),
    },
    expected("a map with address and, for sftp, hostKey"),
  )
  .transform(({ address, hostKey }, context): RepositoryAddress => {
    const value = { address, ...(hostKey !== undefined && { hostKey }) };
    const add = (path: string, message: string): void => {
      context.addIssue({ code: "custom", path: [path], message });
    };
    const problem = addressProblem(value);
    if (problem !== undefined) add("address", problem);
    else if (kindOf(address) === "sftp")
      for (const one of hostProblems(server(value)))
        add(
          one.path,
          one.problem.replace(/ssh:\/\/user@host.*?, got /, "sftp://user@host[:port]/path, got "),
        );
    else if (hostKey !== undefined) add("hostKey", "only an sftp server has a host key; remove it");
    return value;
  });

/** The line of known_hosts. */
export function knownHost({ address, hostKey = "" }: RepositoryAddress): string {
  const [, host = "", port = "22"] = /@(\[[^\]]*\]|[^:/]*)(?::(\d+))?\//.exec(address) ?? [];
  const name = host.replace(/[[\]]/g, "");
  return `${port === "22" ? name : `[${name}]:${port}`} ${hostKey.trim()}\n`;
}
