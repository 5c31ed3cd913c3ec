/** The command `npm run verify`. */
import { runCommand, surroundings } from "../cli/command";
import { runVerify } from "../trust/verify";

void runCommand({
  help: `
npm run verify -- [service …] [--stack S] [--offline] [--format table|json]

Asks the registries again for the signatures of the pinned images, verifies them, and holds them against the policies: those
under "trust" in the stack's file, else those that are known of the publishers. Keeps what it finds in
signatures/SERVICE.sigstore.json. Default: all services.

  --stack S     the stack, Pulumi.S.yaml (default dev)
  --offline     ask no registry: verify the files again, as a deployment does
  --format F    table (default) or json

One word per image: verified; unsigned (every place was asked); refused (not by whom the policy expects, not about this
image, or missing); uncheckable (in a form that is not known here, or by nobody that a policy names); unknown (a registry could
not tell). docs/signatures.md explains them.

Exit code: 0 every policy is met, 1 an image is refused, 2 the registries could not tell, or an option or file is invalid.`,
  options: {
    stack: { type: "string", default: "dev" },
    offline: { type: "boolean", default: false },
    format: { type: "string", default: "table" },
  },
  allowPositionals: true,
  main: ({ values, positionals, signal }) =>
    runVerify({
      ...values,
      args: positionals,
      ...surroundings(signal),
    }),
});
