/** The command `npm run import`. */
import { runCommand, surroundings } from "../cli/command";
import { runImport } from "../import/run";

void runCommand({
  help: `
npm run import -- compose.yaml [--env-file F] [--stack S] [--write]

Turns the services of a Compose file into entries of a stack: services of your own under the whole policy. Prints, for each
service, what becomes tighter, which exemptions need a reason, what is refused and what to do instead, and what the file does
not say; then the entries, a command for each secret, and one for each volume. docs/from-compose.md has the way in order.

  compose.yaml         the file; what it mounts is read below its folder only
  --env-file F         values of its variables (default: .env beside it); the environment of this command is not read
  --stack S            the stack, Pulumi.S.yaml (default dev)
  --write              add the entries to Pulumi.S.yaml; without it nothing is written
  --offline            ask no registry: users, ports, volumes and health checks of the images stay unknown
  --secret-value NAME  write the value of one secret to a pipe, and nothing else

Exit code: 0 nothing is left to say, 1 reasons or questions are open, 2 a service is refused or the file cannot be read.`,
  options: {
    stack: { type: "string", default: "dev" },
    "env-file": { type: "string" },
    write: { type: "boolean", default: false },
    offline: { type: "boolean", default: false },
    "secret-value": { type: "string" },
  },
  allowPositionals: true,
  main: ({ values, positionals, signal }) =>
    runImport({
      ...values,
      envFile: values["env-file"],
      secretValue: values["secret-value"],
      args: positionals,
      ...surroundings(signal),
    }),
});
