/** One image of one registry, asked for while the registry misbehaves. */

import assert from "node:assert/strict";
import type { Digest } from "../../images/reference";
import type { RegistryClientOptions, RegistryError } from "../../images/registry/client";
import { indexedImage, platformImage } from "./oci-images";
import type { Fault } from "./registry-faults";
import { imageIn, outcomeText, type RegistryFixture } from "./registry-fixture";
import type { FakeRegistry, FakeRegistryOptions, LoggedRequest } from "./registry-server";

/** What `team/app:1` is, where {@link askFaulty} gets an answer. */
export const image = indexedImage([platformImage()]);

export type FaultOf = (request: LoggedRequest, registry: FakeRegistry) => Fault | undefined;

export interface Seen {
  readonly answer: Digest | RegistryError;
  /** The digest, or `code: answer` with ports taken out. */
  readonly text: string;
  readonly registry: FakeRegistry;
}

/** Asks a registry with this fault for the digest of `team/app:1`. */
export async function askFaulty(
  { start, client }: RegistryFixture,
  faultOf: FaultOf,
  options: FakeRegistryOptions & { readonly client?: RegistryClientOptions } = {},
): Promise<Seen> {
  const registry = await start(options);
  registry.putImage("team/app", image, "1");
  registry.fault = (request) => faultOf(request, registry);
  const [answer] = await client([registry], options.client).digests([
    imageIn(registry, "team/app:1"),
  ]);
  assert.ok(answer !== undefined);
  return { answer, text: outcomeText(answer, registry), registry };
}

/** The fault for everything but tokens. */
export const always =
  (fault: Fault) =>
  ({ kind }: LoggedRequest): Fault | undefined =>
    kind === "token" ? undefined : fault;

/** The fault for the first `times` requests of this kind. */
export function first(times: number, wanted: LoggedRequest["kind"], fault: Fault) {
  let left = times;
  return ({ kind }: LoggedRequest): Fault | undefined =>
    kind === wanted && left-- > 0 ? fault : undefined;
}

/** The fault for the HEAD that has a token. */
export const authorized =
  (fault: Fault) =>
  ({ kind, authorization }: LoggedRequest): Fault | undefined =>
    kind === "head" && authorization === "bearer" ? fault : undefined;

/** The fault for the GET of the manifest, to which a registry without HEAD leads. */
export const onGet =
  (fault: Fault) =>
  (request: LoggedRequest): Fault | undefined =>
    request.kind === "get" ? fault : authorized(status(405))(request);

/** An answer without body. */
export const status = (code: number, headers: Readonly<Record<string, string>> = {}): Fault => ({
  do: "answer",
  status: code,
  headers,
});
