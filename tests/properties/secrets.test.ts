/** What a stack's resources and outputs tell about its secrets: nothing, not even a hash or a length. */

import assert from "node:assert/strict";

import fc from "fast-check";

import { SECRET_NAMES } from "../../config/schema";
import { CONTAINER } from "../support/pulumi-mocks";
import { HOST_KEY, pulumiConfig } from "../support/raw-config";
import { synth } from "../support/synth";
import { holdsLater } from "./check";

/** Characters that mean something to a shell, to SQL, YAML, JSON or Go templates, and the length of any. */
const secret = fc
  .array(
    fc.oneof(
      fc.constantFrom(..."' \" \\ $ ` % { } : # ; * & ! é 日".split(" ")),
      fc.stringMatching(/^[a-z0-9]{1,9}$/),
    ),
    {
      minLength: 16,
      maxLength: 24,
    },
  )
  // The end makes it long and varied enough for a key.
  .map((parts) => `${parts.join("")}fedcba9876543210`);
const secrets = fc.tuple(...SECRET_NAMES.map(() => secret));
const enabled = fc.record({ enabled: fc.boolean() });
const shape = fc.record({
  services: fc.record({ n8n: enabled, portainer: enabled, cadvisor: enabled, homepage: enabled }),
  tls: fc.constantFrom(
    { mode: "none" },
    { mode: "selfSigned" },
    { mode: "acme", email: "admin@example.com", dnsProvider: "cloudflare" },
  ),
  host: fc.constantFrom(
    { address: "unix:///var/run/docker.sock" },
    { address: "ssh://deploy@203.0.113.7", hostKey: HOST_KEY },
  ),
});

function stackFile(said: object, values: readonly string[]) {
  const registries = { "ghcr.io": { username: "deploy", password: values[0] } };
  const hidden = Object.fromEntries(SECRET_NAMES.map((name, n) => [name, values[n]]));
  return {
    stack: "test",
    ...pulumiConfig({ registries, adminAllow: ["192.0.2.0/24"], ...said, ...hidden }),
  };
}

describe("every stack", function () {
  // Each is the whole program twice.
  this.timeout(60_000);

  it("is the same to a reader whatever its secrets are", async () => {
    await holdsLater(
      fc.asyncProperty(shape, secrets, secrets, async (said, mine, yours) => {
        const [first, second] = [
          await synth(stackFile(said, mine)),
          await synth(stackFile(said, yours)),
        ];
        // Volumes of secrets are replaced when a secret changes.
        const shownOf = ({ resources, outputs, stack }: typeof first): unknown[] => [
          resources.map(({ options, ...rest }) => ({
            ...rest,
            options: { ...options, replacementTrigger: undefined },
          })),
          [...outputs],
          stack,
        ];
        assert.deepEqual(shownOf(first), shownOf(second));
        const shown = JSON.stringify([first.resources, ...first.outputs, first.stack]);
        for (const value of mine) assert.ok(!shown.includes(JSON.stringify(value).slice(1, -1)));
        assert.ok(first.resources.filter(({ type }) => type === CONTAINER).length >= 2);
      }),
      4,
    );
  });
});
