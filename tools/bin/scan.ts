/** The command `npm run scan`. */
import { runCommand, surroundings } from "../cli/command";
import { runScan } from "../trust/scan/run";

void runCommand({
  help: `
npm run scan -- [service …] [--stack S] [--fail-on SEVERITY] [--only-fixed] [--format table|json]
npm run scan -- [service …] [--stack S] --report FILE [--report FILE …]

Says which known holes are in the images of a stack, which of them the stack accepts until when and why ("accept" in its file),
and which acceptances have ended. Lets grype, else trivy, scan each image at its registry by digest, or reads their reports.
Default: all services; with --report, those that the reports are about.

  --stack S         the stack, Pulumi.S.yaml (default dev)
  --report FILE     a JSON report of grype or trivy about one image, instead of a program; may be repeated
  --fail-on LEVEL   fail if a hole is open: critical, high, medium, low, unknown, or worse (default: none fails)
  --only-fixed      only holes with a fixed version fail
  --format F        table (default) or json, which lists all holes

The programs read registries, not Docker, and get no secrets in their environment; they run as you. Versions of trivy that were published with malware are refused.

Exit code: 0 done, 1 a hole is open with --fail-on, 2 an image could not be scanned, or an option or file is invalid.`,
  options: {
    stack: { type: "string", default: "dev" },
    report: { type: "string", multiple: true, default: [] },
    "fail-on": { type: "string" },
    "only-fixed": { type: "boolean", default: false },
    format: { type: "string", default: "table" },
  },
  allowPositionals: true,
  main: ({ values, positionals, signal }) =>
    runScan({
      ...values,
      args: positionals,
      reports: values.report,
      failOn: values["fail-on"],
      onlyFixed: values["only-fixed"],
      env: process.env,
      ...surroundings(signal),
    }),
});
