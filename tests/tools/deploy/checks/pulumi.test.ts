import assert from "node:assert/strict";

import { passphraseOfNewStack, stateCheck } from "../../../../tools/deploy/checks/pulumi";
import { parseState } from "../../../../tools/deploy/pulumi/state";
import { past } from "../past";

describe("the doctor's look at the state", () => {
  const check = (change: object = {}) =>
    stateCheck({
      stack: "prod",
      state: () => Promise.resolve(parseState({})),
      history: () => Promise.resolve([past(1)]),
      locks: () => Promise.resolve([]),
      ...change,
    });

  for (const [what, change, expected] of [
    ["nothing pending", {}, /^ok: 0 resources, no pending operations$/],
    [
      "a run that was cut off",
      {
        state: () => Promise.resolve({ ...parseState({}), pending: ["creating prod-app"] }),
      },
      /^unknown: .*creating prod-app; npm run deploy -- --stack prod$/,
    ],
    [
      "a deployment that failed",
      { history: () => Promise.resolve([past(1), past(2, { succeeded: false })]) },
      /^unknown: deployment 2 of 2026-01-02T00:00:00Z did not finish; npm run deploy -- --stack prod$/,
    ],
    [
      "Pulumi's own lock",
      { locks: () => Promise.resolve(["u@m (process 7) since 2026"]) },
      /^unknown: stack prod .*u@m \(process 7\) since 2026; wait .*: npx pulumi cancel --stack prod$/,
    ],
  ] as const)
    it(`finds ${what}`, async () => {
      const { name, status, text, fix } = await check(change);
      assert.equal(name, "state");
      assert.match(
        [`${status}: ${text}`, ...(fix === undefined ? [] : [fix])].join("; "),
        expected,
      );
    });
});

describe("the passphrase of a stack that is still to be made", () => {
  const names = ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_BACKEND_URL"];
  const before = new Map(names.map((name) => [name, process.env[name]]));
  const set = (values: Readonly<Record<string, string | undefined>>): void => {
    for (const name of names) {
      const value = values[name];
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  };
  afterEach(() => {
    set(Object.fromEntries(before));
  });

  for (const [env, stack, secretKeys, status, text] of [
    [{}, "dev", [], "ok", /^empty\b.* dev\b/],
    [{}, "prod", [], "problem", /^not set, .*secrets of stack prod/],
    [{ PULUMI_CONFIG_PASSPHRASE: "" }, "prod", [], "ok", /^set\b.*creates the stack/],
    [
      { PULUMI_CONFIG_PASSPHRASE_FILE: "/x" },
      "prod",
      ["k"],
      "unknown",
      /^set, but not checked .*stack exists/,
    ],
    [
      { PULUMI_BACKEND_URL: "https://api.pulumi.com" },
      "prod",
      [],
      "unknown",
      /^not checked, .*the backend .*key/,
    ],
  ] as const)
    it(`of ${stack} is ${status} with ${JSON.stringify(env)}`, () => {
      set(env);
      const found = passphraseOfNewStack({ stack, secretKeys });
      assert.equal(found.status, status);
      assert.match(found.text, text);
    });
});
