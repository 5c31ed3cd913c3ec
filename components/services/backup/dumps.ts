/** What runs in the container that dumps the databases. Pure. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export { DUMPS } from "./saved";

const file = (...path: readonly string[]): string => readFileSync(join(__dirname, ...path), "utf8");

/** The dump of a deployment, run by the container itself. */
export const DUMPS_SCRIPT = [
  file("clock.sh"),
  file("..", "..", "upgrade", "postgres.sh"),
  file("..", "..", "upgrade", "dump.sh"),
  file("dumps.sh"),
].join("");
