/**
 * Three registries in a process of their own, so that what is measured shares no event loop with them: seven images,
 * five of them in one registry, as the stack has them, or more of the same. https with token authentication; a delay
 * before each answer.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

export interface WorldOptions {
  /** How many images there are. Default 7. */
  readonly size?: number;
  /** Before each answer, ms. */
  readonly delayMs: number;
  /** What a request for a token for several repositories gets: one for all of them, one for the first, or none. */
  readonly severalScopes: "all" | "first" | "refused";
  /** `jwt` says in itself what it is good for; of an `opaque` one only its use tells. */
  readonly tokens: "jwt" | "opaque";
  readonly tls: { readonly key: string; readonly cert: string };
}

/** How many requests of each kind came in. */
export interface Counts {
  readonly head: number;
  readonly get: number;
  readonly blob: number;
  readonly token: number;
  readonly other: number;
}

export interface BenchImage {
  readonly service: string;
  /** With its tag. */
  readonly name: string;
  /** What the tag is now, and was before. */
  readonly now: string;
  readonly before: string;
}

/** To the child, and back. */
export type Order = { readonly start: WorldOptions } | { readonly counts: true };
export interface Started {
  readonly images: readonly BenchImage[];
}

export class RegistryWorld {
  private constructor(
    private readonly child: ChildProcess,
    readonly images: readonly BenchImage[],
  ) {}

  static async start(options: WorldOptions): Promise<RegistryWorld> {
    const child = fork(join(__dirname, "registry-child.ts"), {
      execArgv: ["--require", "tsx/cjs"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const { images } = await ask<Started>(child, { start: options });
    return new RegistryWorld(child, images);
  }

  /** Since the last call. */
  counts(): Promise<Counts> {
    return ask<Counts>(this.child, { counts: true });
  }

  async stop(): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.disconnect();
    await ended;
  }
}

async function ask<T>(child: ChildProcess, order: Order): Promise<T> {
  const answered = once(child, "message", { signal: AbortSignal.timeout(20_000) });
  child.send(order);
  const [answer] = (await answered) as [T];
  return answer;
}
