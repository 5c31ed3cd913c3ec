/**
 * Runs inside the tests' own host: `relay.ts SOCKET` listens on a Unix socket, which crosses network namespaces.
 * A connection's first two bytes are a port (big-endian); what follows goes to 127.0.0.1 on that port and back.
 */
import { connect, createServer, type Socket } from "node:net";

/** Bytes flow both ways until both sides have ended; a failure of one ends the other. */
export function join(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
}

function serve(path: string): void {
  const server = createServer({ allowHalfOpen: true }, (outer) => {
    outer.on("error", () => outer.destroy());
    outer.once("readable", () => {
      const head = outer.read(2) as Buffer | null;
      if (head === null) return void outer.destroy();
      const port = head.readUInt16BE();
      join(outer, connect({ host: "127.0.0.1", port, allowHalfOpen: true }));
    });
  });
  server.listen(path);
}

if (require.main === module) serve(process.argv[2] ?? "");
