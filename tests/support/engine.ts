/** The Docker engines that the integration tests run on. */
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** How an engine keeps images: in containerd, as new installations of Engine 29 do, or in layers of its own. */
export type ImageStore = "containerd" | "classic";

export interface Engine {
  /** The folder with `dockerd`, `docker`, `containerd` and the rest. Default: wherever PATH finds each. */
  readonly folder?: string;
  /** Default: the engine's own. */
  readonly store?: ImageStore;
  /** It must be Engine 29 or newer. */
  readonly recent?: true;
}

const { PINNED_STACK_TEST_ENGINE: folder = "", PINNED_STACK_TEST_STORE: store = "" } = process.env;
if (store !== "" && store !== "containerd" && store !== "classic")
  throw new Error(`PINNED_STACK_TEST_STORE is "${store}", expected "containerd" or "classic"`);

/** What a suite runs on that says nothing else: PINNED_STACK_TEST_ENGINE with PINNED_STACK_TEST_STORE, or the machine's. */
export const DEFAULT_ENGINE: Engine = {
  ...(folder !== "" && { folder }),
  ...(store !== "" && { store }),
};

/** Where Engine 29 is looked for if PINNED_STACK_TEST_ENGINE does not say. */
const HOME = join(homedir(), ".pinned-stack");

/** Engine 29 with one of its image stores, beside an older engine of the machine. */
export const engine29 = (imageStore: ImageStore): Engine => ({
  folder: folder === "" ? (newest() ?? join(HOME, "engine-29", "bin")) : folder,
  store: imageStore,
  recent: true,
});

function newest(): string | undefined {
  const last = (existsSync(HOME) ? readdirSync(HOME) : [])
    .filter((name) => name.startsWith("engine-"))
    .sort((one, other) => one.localeCompare(other, "en", { numeric: true }))
    .at(-1);
  return last === undefined ? undefined : join(HOME, last, "bin");
}
