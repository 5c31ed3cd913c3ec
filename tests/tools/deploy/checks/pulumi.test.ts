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
    ["nothing pending", {}, { name: "state", status: "ok", text: "0 resources, nothing pending" }],
    [
      "a run that was cut off",
      {
        state: () => Promise.resolve({ ...parseState({}), pending: ["creating prod-app"] }),
      },
      {
        name: "state",
        status: "unknown",
        text: "the last run was interrupted while creating prod-app",
        fix: "npm run deploy -- --stack prod",
      },
    ],
    [
      "a deployment that failed",
      { history: () => Promise.resolve([past(1), past(2, { succeeded: false })]) },
      {
        name: "state",
        status: "unknown",
        text: "deployment 2 of 2026-01-02T00:00:00Z did not finish",
        fix: "npm run deploy -- --stack prod",
      },
    ],
    [
      "Pulumi's own lock",
      { locks: () => Promise.resolve(["u@m (process 7) since 2026"]) },
      {
        name: "state",
        status: "unknown",
        text: "another Pulumi process works on stack prod: u@m (process 7) since 2026",
        fix: "wait until it ends, or, if it has ended already, run: npx pulumi cancel --stack prod",
      },
    ],
  ] as const)
    it(`finds ${what}`, async () => {
      assert.deepEqual(await check(change), expected);
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
    [{}, "dev", [], "ok", "empty for stack dev, whose secrets are public"],
    [{}, "prod", [], "problem", "the secrets of prod are encrypted with one, and none is set"],
    [
      { PULUMI_CONFIG_PASSPHRASE: "" },
      "prod",
      [],
      "ok",
      "one is set; the stack is created with it",
    ],
    [
      { PULUMI_CONFIG_PASSPHRASE_FILE: "/x" },
      "prod",
      ["k"],
      "unknown",
      "one is set; whether decrypts the secrets is known once the stack is created",
    ],
    [
      { PULUMI_BACKEND_URL: "https://api.pulumi.com" },
      "prod",
      [],
      "unknown",
      "the backend may keep the key of the secrets itself",
    ],
  ] as const)
    it(`of ${stack} is looked at with ${JSON.stringify(env)}: ${status}, ${text}`, () => {
      set(env);
      const found = passphraseOfNewStack({ stack, secretKeys });
      assert.deepEqual([found.status, found.text], [status, text]);
    });
});
