/** Questions at the terminal. */
import { createInterface } from "node:readline/promises";

/** Asks at the terminal; true if the answer is exactly `wanted`. Ctrl-D means no. Rejects when `signal` aborts. */
export async function ask(question: string, wanted: string, signal: AbortSignal): Promise<boolean> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  // readline reads Ctrl-C as a key, so no signal is sent.
  reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  reader.on("close", () => {
    closed.abort();
  });
  try {
    const options = { signal: AbortSignal.any([signal, closed.signal]) };
    return (await reader.question(question, options)).trim() === wanted;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!closed.signal.aborted) throw error;
    process.stderr.write("\n");
    return false;
  } finally {
    reader.close();
  }
}
