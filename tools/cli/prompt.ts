/** Questions at the terminal. */
import { createInterface } from "node:readline/promises";

/** Whether the answer is exactly the wanted word. The end of the input (Ctrl-D) is none; rejects after an interrupt. */
export async function ask(question: string, wanted: string, signal: AbortSignal): Promise<boolean> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  // With a reader on the terminal Ctrl-C is a key, not a signal.
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
