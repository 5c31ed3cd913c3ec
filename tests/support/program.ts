/** Starts programs in the tests' own host. */
import { spawn } from "node:child_process";
import { mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** A long-running program inside the tests' own host. */
export interface Program {
  /** What it has printed so far, both streams. */
  output(): Promise<string>;
  /** SIGTERM, and SIGKILL after five seconds. */
  stop(): Promise<void>;
}

/** @param enter nsenter's options, the program and its arguments */
export async function startInside(
  log: string,
  enter: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Program> {
  await mkdir(dirname(log), { recursive: true });
  const file = await open(log, "a");
  const nsenter = spawn("nsenter", enter, {
    env,
    stdio: ["ignore", file.fd, file.fd],
    detached: true,
  });
  const ended = new Promise<"ended">((resolve) => {
    nsenter.on("error", () => {
      resolve("ended");
    });
    nsenter.on("close", () => {
      resolve("ended");
    });
  });
  await file.close();

  // nsenter waits in front of the program it started and passes no signal on.
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    const { pid } = nsenter;
    if (pid === undefined) return;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    for (const child of children.trim().split(" ").filter(Boolean)) {
      try {
        process.kill(Number(child), name);
      } catch {
        // It has just ended by itself.
      }
    }
  };
  return {
    output: () => readFile(log, "utf8"),
    stop: async () => {
      await signal("SIGTERM");
      const patience = new AbortController();
      const late = pause(5000, "late", { signal: patience.signal }).catch(() => "late");
      if ((await Promise.race([ended, late])) === "late") await signal("SIGKILL");
      patience.abort();
      await ended;
    },
  };
}
