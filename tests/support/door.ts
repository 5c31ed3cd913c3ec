/** Forwards a port of this machine into the tests' own host. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "./relay";

/** A loopback port of this machine that leads to the same port of the tests' own host. */
export interface Door {
  readonly port: number;
  /** Ends the connections and refuses new ones. */
  close(): Promise<void>;
}

/**
 * Opens a door through the relay behind a Unix socket. Port 0 picks a free one. While nothing listens
 * inside, a connection is accepted and ended at once.
 */
export function openDoor(relay: string, port = 0): Promise<Door> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (outer) => {
    open.add(outer);
    outer.on("close", () => open.delete(outer));
    const inner = connect({ path: relay, allowHalfOpen: true });
    const head = Buffer.alloc(2);
    head.writeUInt16BE((server.address() as AddressInfo).port);
    inner.write(head);
    join(outer, inner);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      for (const socket of open) socket.destroy();
    });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      resolve({ port: (server.address() as AddressInfo).port, close });
    });
  });
}
