/** What a hostile registry gets people to see of the password and the token that it was sent. */

import assert from "node:assert/strict";
import { inspect } from "node:util";

import fc from "fast-check";

import { RegistryClient, RegistryError } from "../../images/registry/client";
import { image, status } from "../support/faulty-registry";
import type { Fault } from "../support/registry-faults";
import { imageIn, insecure, QUICK } from "../support/registry-fixture";
import { FakeRegistry } from "../support/registry-server";
import { assertOneLine, holdsLater } from "./check";

/** How it may write the secret. */
const disguises: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => secret.toLowerCase(),
  (secret) => secret.toUpperCase(),
  (secret) => encodeURIComponent(secret),
  (secret) => encodeURIComponent(secret).toLowerCase(),
  (secret) => `you said ${secret}, did you`,
  (secret) => `${secret}${secret}`,
  (secret) => `${"x".repeat(110)}${secret}`,
];

const body = (words: unknown): string => JSON.stringify({ errors: [words] });
const places: readonly ((text: string) => Fault)[] = [
  (text) => ({ do: "answer", status: 400, body: body({ code: text, message: text }) }),
  (text) => ({ do: "answer", status: 404, body: body({ message: text }) }),
  (text) => ({ do: "answer", status: 503, body: body({ message: text }) }),
  (text) => ({ do: "answer", status: 200, headers: { "content-type": text }, body: text }),
  (text) => ({ do: "amend", headers: { "docker-content-digest": text } }),
  (text) => ({ do: "amend", headers: { "docker-content-digest": `sha256:${text}` } }),
  (text) => ({ do: "amend", headers: { "content-encoding": text } }),
  (text) => status(429, { "retry-after": text }),
  (text) => status(401, { "www-authenticate": text }),
  (text) => status(401, { "www-authenticate": `Bearer realm="${text}"` }),
  (text) => status(401, { "www-authenticate": `Bearer realm="https://${text}.invalid/"` }),
  (text) => status(307, { location: text }),
  (text) => status(307, { location: `https://10.0.0.1/${text}` }),
  (text) => status(307, { location: `https://${text}.invalid/` }),
  (text) => status(307, { location: `https://${text}@10.0.0.1/` }),
  (text) => status(307, { location: `${text}://10.0.0.1/` }),
  (text) => ({ do: "babble", text: `${text}\r\n\r\n` }),
];

describe("whatever a registry does with a secret", function () {
  // Hundreds of exchanges with a server: a second, and more on a busy machine.
  this.timeout(60_000);
  let registry: FakeRegistry;
  const credentials = { username: "deploy", password: "Canary  password-51C2" };
  before(async () => {
    registry = await FakeRegistry.start({ credentials, tokens: "opaque" });
    registry.putImage("team/app", image, "1");
  });
  after(() => registry.close());

  it("no error shows it, and each is a short line", async () => {
    const { username, password } = credentials;
    const basic = Buffer.from(`${username}:${password}`).toString("base64");
    await holdsLater(
      fc.asyncProperty(
        fc.constantFrom(...places),
        fc.constantFrom(...disguises),
        fc.constantFrom("password", "basic", "token"),
        fc.constantFrom("head", "get", "blob"),
        async (place, disguise, which, call) => {
          registry.fault = ({ authorization }) => {
            if (authorization !== "bearer") return undefined;
            const token = registry.tokens.all.at(-1) ?? "";
            return place(disguise({ password, basic, token }[which]));
          };
          const stop = new AbortController();
          const client = new RegistryClient({
            registries: insecure([registry], credentials),
            limits: QUICK,
            signal: stop.signal,
            // Names that end in .invalid are nobody's, but even the question for them stays here.
            onRequest: ({ url }) => {
              if (new URL(url).host !== registry.host) stop.abort();
            },
          });
          const reference = imageIn(registry, "team/app:1");
          const calls = {
            head: async () => (await client.digests([reference]))[0],
            get: () => client.manifest(reference, "1"),
            blob: () => client.blob(reference, image.index.digest),
          };
          const failure: unknown = await calls[call]().catch((error: unknown) => error);
          client.close();
          if (!(failure instanceof RegistryError)) {
            assert.ok(!(failure instanceof Error), String(failure));
            return;
          }
          assertOneLine(failure.message, 500);
          const everything = inspect(failure, { depth: Infinity, showHidden: true });
          const squeezed = (text: string): string => text.toLowerCase().replace(/\s+|%20/g, " ");
          for (const secret of [password, basic, ...registry.tokens.all])
            assert.ok(!squeezed(everything).includes(squeezed(secret)), everything);
        },
      ),
      120,
    );
  });
});
