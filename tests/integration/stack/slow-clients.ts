/** Traefik with thousands of connections that never finish their requests. */
import assert from "node:assert/strict";

import { succeeded } from "../../support/run";
import { DOMAIN, type Whole } from "./whole";

const CONNECTIONS = 10_000;
const REQUESTS = 10;

/**
 * Opens connections that each send half of a request. Then sends whole requests; prints how many connections are still open
 * and the statuses of the answers. Opens 100 at a time, because the queue of a port is short.
 */
const HOLD = `
const [host, port, name, count, requests] = process.argv.slice(1);
const { connect } = require("node:net");
const http = require("node:http");
let [asked, open, failed] = [0, 0, 0];
const one = () =>
  new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    socket.on("connect", () => {
      open += 1;
      socket.on("close", () => (open -= 1));
      socket.write("GET / HTTP/1.1\\r\\nHost: " + name + "\\r\\nX-Slow: ");
      resolve();
    });
    socket.on("error", () => { failed += 1; resolve(); });
  });
const worker = async () => { while (asked < count) { asked += 1; await one(); } };
const ask = () =>
  new Promise((resolve) => {
    const get = http.get({ host, port, path: "/", headers: { host: name }, agent: false, timeout: 5000 }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode));
    });
    get.on("timeout", () => get.destroy(new Error("timeout")));
    get.on("error", (error) => resolve(error.code ?? error.message));
  });
(async () => {
  await Promise.all(Array.from({ length: 100 }, worker));
  const statuses = [];
  for (let at = 0; at < requests; at += 1) statuses.push(await ask());
  console.log(JSON.stringify({ open, failed, statuses }));
  process.exit(0);
})();
`;

export function slowClients(whole: () => Whole): void {
  it("answers while one client holds 10,000 connections with half a request each", async function () {
    this.timeout(60_000);
    const { world, outside, http } = whole();
    // Each connection needs an open file, here as in Traefik.
    const script = `ulimit -n ${CONNECTIONS + 1000} && exec ip netns exec outside "$@"`;
    const args = [outside.gateway, `${http}`, DOMAIN, `${CONNECTIONS}`, `${REQUESTS}`];
    const command = ["sh", process.execPath, "-e", HOLD, ...args];
    const result = await world.host.run("sh", ["-c", script, ...command]);
    assert.deepEqual(JSON.parse(succeeded("the slow client", result).stdout), {
      open: CONNECTIONS,
      failed: 0,
      statuses: Array.from({ length: REQUESTS }, () => 200),
    });
  });
}
