/**
 * Mutation testing: each change of a line that no test notices is a gap in the tests. `npm run mutation`, not part of
 * `npm test`; what it found is in docs/testing.md. One part of the program: `npm run mutation -- --mutate 'images/*.ts'`.
 */
export default {
  mutate: [
    "config.ts",
    "config-messages.ts",
    "config-rules.ts",
    "config-schema.ts",
    "components/hardening.ts",
    "host/address.ts",
    // Pure ones: what the others do with a network is for tests/images/registry*.test.ts to notice.
    "images/age.ts",
    "images/answers.ts",
    "images/challenge.ts",
    "images/explain.ts",
    "images/media-types.ts",
    "images/nearest-tags.ts",
    "images/origin.ts",
    "images/pin-decision.ts",
    "images/pin-plan.ts",
    "images/pins.ts",
    "images/platform.ts",
    "images/reference.ts",
    "images/retry.ts",
    "images/scheme.ts",
    "images/server-text.ts",
    "images/token.ts",
    "images/way-out.ts",
  ],
  testRunner: "mocha",
  mochaOptions: {
    config: "mutation/mocharc.json",
  },
  coverageAnalysis: "perTest",
  // Most rules here are constants of a module, patterns above all: worth the new process that each of their mutants takes.
  ignoreStatic: false,
  concurrency: 2,
  timeoutMS: 10_000,
  tempDirName: "test-output/mutation-tmp",
  ignorePatterns: ["mutation/node_modules", "coverage", "docs", "tests/integration", "bench"],
  reporters: ["clear-text", "progress-append-only", "html", "json"],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: "test-output/mutation/index.html" },
  jsonReporter: { fileName: "test-output/mutation/mutation.json" },
  allowEmpty: false,
};
