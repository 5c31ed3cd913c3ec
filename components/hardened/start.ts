/** The shell script that starts a container on its host and, on failure, restores the previous one. Pure. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { quote } from "../../host/shell-quote";
import { ContainerModel, DataMount, FIXED, Question } from "./model";

/** Bodies of shell functions that the caller provides. `$1` is the container's id; exit code 0 means success or yes. */
export interface StartHooks {
  /** Sets up the container once it is healthy. Must be idempotent. */
  readonly after?: string;
  /** Saves a copy of what a newer image might change. Both containers are stopped; `$old` is the previous one. */
  readonly snapshot?: string;
  /** Restores the copy of `snapshot`, then deletes it. */
  readonly restore?: string;
  /** Deletes the copy of `snapshot`, if there is one. */
  readonly forget?: string;
  /** Whether the data of `$1` has to be migrated into another volume, as for a new major version of PostgreSQL. */
  readonly moves?: string;
  /** Migrates the data. Replaces the usual stop-first procedure. */
  readonly move?: string;
  /** Whether an earlier migration to container `$1` was interrupted and must start again. */
  readonly unfinished?: string;
  /** Starts the clients that the migration stopped, unless they run. Fails if one of them does not work. */
  readonly resume?: string;
  /** The database that `snapshot` copies. */
  readonly database?: string;
  /** Definitions of functions that these bodies call. */
  readonly library?: string;
}

export interface StartSettings extends StartHooks {
  readonly model: ContainerModel;
  /** The label `hardened.name`, which the container shares with the one before it. */
  readonly name: string;
  /** Image with `/bin/sh` and `cp`, for copies of data volumes. */
  readonly toolImage: string;
}

/** start.sh, which calls the functions that {@link startFunctions} defines. */
export const START_LIBRARY = readFileSync(join(__dirname, "start.sh"), "utf8");

/** Settings and functions for one container, as start.sh reads them; without the call. */
export function startFunctions({ model, name, toolImage, ...hooks }: StartSettings): string {
  const { health, question, mounts } = model;
  const copied = mounts.filter(
    (mount): mount is DataMount => mount.kind === "data" && mount.copy !== "never",
  );
  const exec = (words: readonly string[]): string =>
    `timeout ${FIXED.health.timeout} docker exec "$1" ${words.map(quote).join(" ")}`;
  return `name=${quote(name)}
alias=${quote(model.name)}
order=${model.order}
grace=${model.stopGraceSeconds}
seconds=${(health?.startSeconds ?? 30) + FIXED.health.interval * FIXED.health.retries}
pids=${model.controls.pidsLimit}
has_health=${health === undefined ? "no" : "yes"}
kept_paths=${quote(copied.map(({ path }) => path).join(" "))}
kept_database=${quote(hooks.database ?? "")}
tool_image=${quote(toolImage)}
HEALTH() { ${health === undefined ? ":" : health.command.length === 0 ? IMAGE_HEALTH : exec(health.command)}; }
QUESTION() { ${question === undefined ? ":" : questionScript(question, toolImage)}; }
${hooks.library ?? ""}${shellFunction("AFTER", hooks.after)}
${shellFunction("SNAPSHOT", [...copied.map(({ path }, index) => `copy_volume "$(volume_at "$old" ${quote(path)})" / "$name-before" /${index} || return 1`), hooks.snapshot ?? ""].join("\n"))}
${shellFunction("RESTORE", [...copied.map(({ path }, index) => `copy_volume "$name-before" /${index} "$(volume_at "$old" ${quote(path)})" / || return 1`), hooks.restore ?? ""].join("\n"))}
${shellFunction("FORGET", hooks.forget)}
${shellFunction("MOVES", hooks.moves ?? "return 1")}
${shellFunction("MOVE", hooks.move)}
${shellFunction("UNFINISHED", hooks.unfinished ?? "return 1")}
${shellFunction("RESUME", hooks.resume)}
`;
}

/**
 * Starts the container whose id is in `$new`, or fails with the container before it running again. Safe to run again after
 * any interruption. What it says goes to stderr.
 */
export const startScript = (settings: StartSettings): string =>
  `${startFunctions(settings)}${START_LIBRARY}trap drop_lock EXIT\ntake_lock "$name" || exit 1\nmain\n`;

/**
 * A script that ends what it has begun even where the connection, or the program at its other end, is gone: the shell that
 * does the work has a session of its own and writes to a file, not to the connection. It sees exported variables.
 */
export const detached = (script: string): string =>
  `said=$(mktemp)
exec 3>"$said" 4<"$said"
rm -f "$said"
if command -v setsid >/dev/null; then own=setsid; else own=; fi
$own sh -c ${quote(`trap '' HUP INT TERM PIPE\nset -eu\n${script}`)} </dev/null >&3 2>&3 &
work=$!
while kill -0 $work 2>/dev/null; do cat <&4 >&2; sleep 0.4; done
code=0
wait $work || code=$?
cat <&4 >&2
exit $code
`;

/** What Docker says of the image's own health check. Without one the container is not healthy, and the reason says so. */
const IMAGE_HEALTH = `case $(docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' "$1") in
healthy) ;;
none) why='has no health check, because its image has none (HEALTHCHECK); write one under healthcheck'; return 1 ;;
*) return 1 ;;
esac`;

const questionScript = (question: Question, toolImage: string): string =>
  "command" in question
    ? `timeout 20 docker exec "$1" ${question.command.map(quote).join(" ")} >/dev/null 2>&1`
    : `timeout 10 docker run --rm --label hardened.role=helper --label "hardened.for=$worked_on" --network "container:$1" --user 65534:65534 --cap-drop ALL --security-opt no-new-privileges --read-only --memory 32m --pids-limit 20 --entrypoint /bin/sh ${quote(toolImage)} -c ${quote(`exec timeout 5 wget -q -O /dev/null http://127.0.0.1:${question.port}${question.path}`)} >/dev/null 2>&1`;

const shellFunction = (name: string, body: string | undefined): string => {
  const text = (body ?? "").trim();
  return `${name}() {\n${text === "" ? ":" : text}\n}`;
};
