/**
 * Mutation testing: each change of a line that no test notices is a gap in the tests. `npm run mutation`, not part of
 * `npm test`; what it found is in docs/testing.md. One part of the program: `npm run mutation -- --mutate 'images/*.ts'`.
 */
export default {
  mutate: [
    "config/config.ts",
    "text/messages.ts",
    "config/rules.ts",
    "config/schema.ts",
    "components/hardened/policy.ts",
    "host/address.ts",
    // Pure ones: what the others do with a network is for tests/images/registry*.test.ts to notice.
    "images/age.ts",
    "images/registry/response.ts",
    "images/registry/auth.ts",
    "images/inspect/explain.ts",
    "images/registry/origin.ts",
    "tools/pin/decision.ts",
    "tools/pin/plan.ts",
    "config/file/pins.ts",
    "images/platform.ts",
    "images/reference.ts",
    "images/registry/retry.ts",
    "text/redact.ts",
    "images/registry/remedy.ts",
  ],
  testRunner: "mocha",
  mochaOptions: {
    config: "tests/mutation/mocharc.json",
  },
  coverageAnalysis: "perTest",
  // Most rules here are constants of a module, patterns above all: worth the new process that each of their mutants takes.
  ignoreStatic: false,
  concurrency: 2,
  timeoutMS: 10_000,
  tempDirName: "test-output/mutation-tmp",
  ignorePatterns: ["tests/mutation/node_modules", "coverage", "tests/integration", "tests/bench"],
  reporters: ["clear-text", "progress-append-only", "html", "json"],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: "test-output/mutation/index.html" },
  jsonReporter: { fileName: "test-output/mutation/mutation.json" },
  allowEmpty: false,
};
