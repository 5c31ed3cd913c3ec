import { recordedContainers } from "../../model/containers";
import { LATER, Model } from "../../model/synth";
import { ComposeSecret, secretVariables } from "./secrets";
import { SOCKET_GROUP } from "./service";
import { insecureRegistries } from "../view/insecure-registries";

/** What a reader has to know before the file is used, as comments. */
export function composeHead(
  model: Model,
  secrets: readonly ComposeSecret[],
  socket: string,
): string {
  const { stack, unresolved, config } = model;
  const containers = recordedContainers(model);
  const insecure = insecureRegistries(config);
  const variables = [
    ...(containers.some(({ inputs }) => inputs.groupAdds?.includes(LATER))
      ? [`${SOCKET_GROUP}=<stat -c %g ${socket}>`]
      : []),
    ...secretVariables(containers).map(({ variable, secret }) => `${variable}='<${secret}>'`),
  ];
  const lines = [
    `Stack "${stack}" as a Compose file: the same images, restrictions, networks and files.`,
    'Made by "npm run report -- --format compose". Needs Docker Compose 2.23.1 or newer.',
    "",
    ...(secrets.length > 0
      ? [
          "Before the first start, each secret in a file of its own. No line break at its end. Compose mounts the file as it",
          "is on the host, so it has to belong to the user who reads it, or the service cannot open it (as root):",
          "",
          "  umask 077; mkdir secrets",
          ...secrets.map(
            ({ name, secret, owner }) =>
              `  printf %s '<${secret}>' > secrets/${name} && chown ${owner} secrets/${name}`,
          ),
          "",
        ]
      : []),
    ...(variables.length > 0
      ? [
          "In the environment or in a file .env beside this one:",
          "",
          ...variables.map((line) => `  ${line}`),
          "",
        ]
      : []),
    "Data volumes have the names that the program gives them, so data is found again (Compose warns that it did not make",
    "them). Never run both at once: stop the stack's containers before this file is started on the same host.",
    "",
    "What a Compose file cannot carry:",
    "- new containers that become healthy before the old ones go: Compose stops first, always",
    "- the check of the host (engine version, architecture, disk) and of moved tags; all images pulled before anything stops",
    "- secrets encrypted in the stack's file and owned by their readers without a hand on the host",
    "- loaders that never start: here others wait until each has run and ended, so each runs one chown as root",
    '- data volumes that nothing deletes: "docker compose down --volumes" does',
    "- passwords of PostgreSQL that follow their files: its image sets them when the data volume is empty, and never again",
    "- the refusal of a restriction that is weakened without a reason, and of a PostgreSQL that cannot read the data",
    ...(Object.values(config.registries).some(({ username }) => username !== undefined)
      ? ['- registry logins: "docker login" on the host']
      : []),
    ...(insecure.length > 0
      ? [
          `- registries without TLS: "insecure-registries": ${JSON.stringify(insecure)} in the engine's daemon.json`,
        ]
      : []),
    ...unresolved.map(
      (service) =>
        `- the digest of ${service}: its image is not pinned, so Compose takes what its tag is that day`,
    ),
  ];
  return lines.map((line) => (line === "" ? "#\n" : `# ${line}\n`)).join("");
}
