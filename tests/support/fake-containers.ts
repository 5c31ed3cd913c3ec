/** Containers of a fake `docker` (fake-docker.sh), for the scripts that start and replace them. Time passes fast there. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { plainEnvironment, Result } from "./run";

/**
 * What a container does once it is started: it works; answers its health check only sometimes; is healthy and does not do its
 * work; runs and is never healthy; ends at once; ends again and again; or cannot be started at all.
 */
export type Behaviour = "works" | "slow" | "idle" | "mute" | "exits" | "loops" | "refused";

export interface FakeContainer {
  /** The label `hardened.name`. Default `test-web`. */
  readonly name?: string;
  readonly image: string;
  readonly behaviour?: Behaviour;
  readonly status?: "created" | "running" | "exited";
  /** Its data volume. Default: none. */
  readonly volume?: string;
  /** Version of the data that it writes; it cannot read that of a higher one. Default 1. */
  readonly format?: number;
}

/** Where a script is killed: after its n-th call of docker that changes something, or in the middle of it. */
export type Kill = `${number}` | `${number}-`;

/** Calls of docker that change nothing, as fake-docker.sh has them: a kill after one finds what the call before has left. */
const READS =
  /^(?:inspect|container inspect|ps|logs|volume (?:inspect|ls)|exec .* (?:check|ask|pg_isready))/;

/** Every third of the moments at which a case is cut off; with PINNED_STACK_ALL_MOMENTS=1 all of them. Other ones for each title. */
export const someMoments = <T>(title: string, moments: readonly T[]): T[] =>
  process.env["PINNED_STACK_ALL_MOMENTS"] === "1"
    ? [...moments]
    : moments.filter((_, index) => (index + title.length) % 3 === 0);

export interface FakeContainers {
  add(id: string, container: FakeContainer): void;
  /** Changes what a container does from its next start on. */
  behave(id: string, behaviour: Behaviour): void;
  /** No copy works from here on. */
  failCopies(): void;
  running(): string[];
  /** What docker keeps about a container: `status`, `pids`, `set-up` … */
  of(id: string, what: string): string;
  volumes(): string[];
  /** Content of a file in a volume; undefined where it is not there. */
  read(volume: string, file: string): string | undefined;
  write(volume: string, file: string, content: string): void;
  /** Calls of docker since the last {@link run} began. */
  calls(): string[];
  /** Those of them that may change something. A script can be killed at each. */
  changes(): string[];
  /** What must never happen, and did. */
  violations(): string[];
  /** Locks that are held and helpers that still work. */
  leftovers(): string[];
  /**
   * Runs a script in a shell that stops at the first error. Exit code 137: it was killed where it was to be.
   *
   * @param failing number of the call of docker that fails. Default: none
   */
  run(script: string, kill?: Kill, failing?: number): Promise<Result>;
  remove(): void;
}

/** `TEST_SHELL="busybox sh"` runs the scripts in another shell. */
const SHELL = (process.env.TEST_SHELL ?? "sh").split(" ");

/** Functions, which need no process of their own. */
const TIME = `sleep() { :; }
date() {
  if [ "$1" != +%s ]; then command date "$@"; return; fi
  read -r now_seconds <"$FAKE/seconds"
  echo $((now_seconds + 7)) >"$FAKE/seconds"
  echo "$now_seconds"
}
`;

export function fakeContainers(): FakeContainers {
  const folder = mkdtempSync(join(tmpdir(), "fake-containers-"));
  const path = (...parts: readonly string[]): string => join(folder, ...parts);
  const text = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
  const lines = (file: string): string[] => text(path(file)).split("\n").filter(Boolean);
  for (const name of ["bin", "containers", "volumes", "locks", "helpers"]) mkdirSync(path(name));
  writeFileSync(path("clock"), "1000\n");
  writeFileSync(path("seconds"), "1000000\n");
  copyFileSync(join(__dirname, "fake-docker.sh"), path("bin", "docker"));
  chmodSync(path("bin", "docker"), 0o755);
  const put = (id: string, what: string, value: string | number): void => {
    writeFileSync(path("containers", id, what), `${value}\n`);
  };
  const of = (id: string, what: string): string => text(path("containers", id, what)).trim();
  const write = (volume: string, file: string, content: string): void => {
    const at = path("volumes", volume, "data", file);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, content);
  };
  const calls = (): string[] => text(path("log")).split("\x1e").filter(Boolean);
  return {
    add: (id, { name = "test-web", image, behaviour, status = "created", volume, format = 1 }) => {
      mkdirSync(path("containers", id));
      put(id, "name", name);
      put(id, "image", image);
      put(id, "behaviour", behaviour ?? "works");
      put(id, "status", status);
      put(id, "format", format);
      if (status !== "created") put(id, "started", `2025-12-31T00:00:00.${id}`);
      if (status === "exited") put(id, "finished", `2025-12-31T00:00:01.${id}`);
      if (volume === undefined) return;
      put(id, "volume", volume);
      if (status !== "created") write(volume, "format", `${format}\n`);
    },
    behave: (id, behaviour) => {
      put(id, "behaviour", behaviour);
    },
    failCopies: () => {
      writeFileSync(path("copies-fail"), "");
    },
    running: () => readdirSync(path("containers")).filter((id) => of(id, "status") === "running"),
    of,
    volumes: () => readdirSync(path("volumes")),
    read: (volume, file) => {
      const at = path("volumes", volume, "data", file);
      return existsSync(at) ? text(at) : undefined;
    },
    write,
    calls,
    changes: () => calls().filter((call) => !READS.test(call)),
    violations: () => lines("violations"),
    leftovers: () => ["locks", "helpers"].flatMap((kind) => readdirSync(path(kind))),
    run: (script, kill, failing) => {
      for (const counter of ["calls", "changes"]) {
        rmSync(path(counter), { recursive: true, force: true });
        mkdirSync(path(counter));
        writeFileSync(path(counter, "next"), "1\n");
      }
      writeFileSync(path("log"), "");
      const start = performance.now();
      return new Promise((resolve) => {
        const [shell = "sh", ...words] = SHELL;
        const child = spawn(
          shell,
          [...words, "-c", `set -eu\nexport FAKE_GROUP=$$\n${TIME}${script}`],
          {
            env: {
              ...plainEnvironment,
              PATH: `${path("bin")}:${plainEnvironment.PATH ?? ""}`,
              HOME: folder,
              FAKE: folder,
              FAKE_KILL: kill ?? "",
              FAKE_FAIL: failing === undefined ? "" : String(failing),
            },
            stdio: ["ignore", "pipe", "pipe"],
            // In a group of its own, which can be killed as one.
            detached: true,
          },
        );
        const [out, err]: [string[], string[]] = [[], []];
        child.stdout.setEncoding("utf8").on("data", (part: string) => out.push(part));
        child.stderr.setEncoding("utf8").on("data", (part: string) => err.push(part));
        child.on("close", (code) => {
          resolve({
            code: code ?? 137,
            stdout: out.join(""),
            stderr: err.join(""),
            ms: Math.round(performance.now() - start),
          });
        });
      });
    },
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
