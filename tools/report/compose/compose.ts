/**
 * The stack as a Compose file (https://github.com/compose-spec/compose-spec), for those who leave, and for tools that read
 * such files. Pure.
 */
import { StackModel } from "../../../components/model";
import { isPinned } from "../../../images/reference";
import {
  composeSecrets,
  composeService,
  ComposeSecret,
  initContainers,
  initService,
  SOCKET_GROUP,
} from "./services";
import { composeYaml } from "./yaml";

/**
 * Throws a CommandError for a file that is no text.
 *
 * @param logins registries that take a login
 */
export function compose(model: StackModel, logins: readonly string[] = []): string {
  const { stack, platform, containers, networks } = model;
  const inits = initContainers(containers);
  const secrets = composeSecrets(containers);
  const mounts = containers.flatMap((container) => container.mounts);
  const configs = inits.flatMap(({ files }) => files);
  const document = {
    name: projectName(stack),
    services: Object.fromEntries([
      ...inits.map((init): [string, object] => [init.name, initService(init, platform)]),
      ...containers.map((one): [string, object] => [
        one.name,
        composeService(one, { model, inits, secrets }),
      ]),
    ]),
    networks: Object.fromEntries(networks.map(({ name, internal }) => [name, { internal }])),
    volumes: Object.fromEntries(
      mounts.flatMap((mount): [string, object][] => {
        if (mount.kind === "files") return [[mount.volume, {}]];
        // Data keeps its name, so that it is found again.
        return mount.kind === "data" ? [[mount.volume, { name: `${stack}-${mount.volume}` }]] : [];
      }),
    ),
    ...(configs.length > 0 && {
      configs: Object.fromEntries(configs.map(({ name, content }) => [name, { content }])),
    }),
    ...(secrets.length > 0 && {
      secrets: Object.fromEntries(secrets.map(({ name }) => [name, { file: `./secrets/${name}` }])),
    }),
  };
  return `${composeHead(model, secrets, logins)}\n${composeYaml(document)}`;
}

/** Compose takes lower case, digits, - and _, the first of them no - or _ (compose-spec, "Name top-level element"). */
const projectName = (stack: string): string =>
  stack
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "-")
    .replace(/^[_-]+/, "") || "stack";

/** What a reader has to know before the file is used, as comments. */
function composeHead(
  { stack, containers, images, insecureRegistries }: StackModel,
  secrets: readonly ComposeSecret[],
  logins: readonly string[],
): string {
  const sockets = containers.flatMap(({ mounts }) =>
    mounts.flatMap((mount) => (mount.kind === "socket" ? [mount.source] : [])),
  );
  const variables = [
    ...sockets.slice(0, 1).map((socket) => `${SOCKET_GROUP}=<stat -c %g ${socket}>`),
    ...containers.flatMap(({ secretEnvironment }) =>
      Object.entries(secretEnvironment).map(([variable, secret]) => `${variable}='<${secret}>'`),
    ),
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
    "- init containers that never start: here others wait until each has run and ended, so each runs one chown as root",
    '- data volumes that nothing deletes: "docker compose down --volumes" does',
    "- passwords of PostgreSQL that follow their files: its image sets them when the data volume is empty, and never again",
    "- the refusal of a restriction that is weakened without a reason, and of a PostgreSQL that cannot read the data",
    ...(logins.length > 0
      ? [`- registry logins: "docker login" on the host for ${logins.join(", ")}`]
      : []),
    ...(insecureRegistries.length > 0
      ? [
          `- registries without TLS: "insecure-registries": ${JSON.stringify(insecureRegistries)} in the engine's daemon.json`,
        ]
      : []),
    ...images
      .filter(({ reference }) => !isPinned(reference))
      .map(
        ({ service }) =>
          `- the digest of ${service}: its image is not pinned, so Compose takes what its tag is that day`,
      ),
  ];
  return lines.map((line) => (line === "" ? "#\n" : `# ${line}\n`)).join("");
}
