/** The commands that the user runs after an import: one for each secret, and one for each volume. Pure. */
import { shellWord } from "./compose/syntax";
import { type ImportedSecret } from "./secrets";
import { type MovedData } from "./data-volumes";

export interface CommandOptions {
  readonly stack: string;
  /** The arguments of this command that name the Compose file and its variables. */
  readonly args: readonly string[];
  /** An image with a shell and `cp`. */
  readonly toolImage: string;
  /** Name of the Compose project. */
  readonly project: string;
}

/** One command for each secret. Values go from one program to another and are never shown. */
export function secretCommands(
  secrets: readonly ImportedSecret[],
  { stack, args }: CommandOptions,
): readonly string[] {
  return secrets.map(({ name, value, file }) => {
    const set = `npx pulumi config set --secret --path --stack ${stack} 'secrets.${name}'`;
    if (file !== undefined) return `${set} < ${hostPath(file)}`;
    if (value === undefined) return `${set}   # asks for it: it is in no file that was read`;
    const words = [...args, "--stack", stack, "--secret-value", name].map(shellWord);
    // In two steps, so that a failure of the first one does not set an empty value.
    return `value=$(npm run -s import -- ${words.join(" ")}) && printf %s "$value" | ${set}`;
  });
}

/** Copies a volume or a folder into a new volume, on the Docker host. Refuses to write to one that has data. */
const copyFunction = (image: string): readonly string[] => [
  "copy() {",
  '  case "$1" in',
  '    /*) test -d "$1" || { echo "$1: there is no such folder here, nothing was copied" >&2; return 1; } ;;',
  '    *) docker volume inspect "$1" >/dev/null || return 1 ;;',
  "  esac",
  '  docker volume create "$2" >/dev/null &&',
  `    docker run --rm --network none --user 0:0 --entrypoint /bin/sh -v "$1:/from:ro" -v "$2:/to" ${shellWord(image)} \\`,
  `      -c 'test -z "$(ls -A /to)" || { echo "has data already, nothing was copied" >&2; exit 1; }; mkdir -p "/to/$1" && cp -a /from/. "/to/$1/"' sh "$3" &&`,
  '    echo "$1 is in $2"',
  "}",
];

/** The commands for the Docker host. Empty if there is nothing to move. */
export function moveCommands(
  data: readonly MovedData[],
  { stack, toolImage, project }: CommandOptions,
): readonly string[] {
  const moves = data.map(({ from, kind, service, volume, mountedAt, compose, folder }) => {
    const to = [`${stack}-${service}-${volume}`, folder ?? ""]
      .filter((word) => word !== "")
      .map(shellWord)
      .join(" ");
    const format = `{{range .Mounts}}{{if eq .Destination ${JSON.stringify(mountedAt)}}}{{.Name}}{{end}}{{end}}`;
    const label = "--filter label=com.docker.compose";
    return kind === "anonymous"
      ? `copy "$(docker inspect -f ${shellWord(format)} "$(docker ps -aq ${label}.project=${project} ${label}.service=${compose})")" ${to}`
      : `copy ${hostPath(from)} ${to}`;
  });
  return moves.length === 0 ? [] : [...copyFunction(toolImage), ...moves];
}

/** A path for a shell. */
const hostPath = (path: string): string =>
  path.startsWith("~/") ? `"$HOME"/${shellWord(path.slice(2))}` : shellWord(path);
