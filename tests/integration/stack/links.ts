/** Which containers reach which, and that nothing else is reachable. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { bridgeName } from "../../../components/hardened/model";
import { inNetworkOf } from "../../support/deployment";
import { internalNetworks, services, type Inspected } from "../../support/inspect";
import { succeeded } from "../../support/run";
import { until } from "../../support/until";
import { DOMAIN, STACK, type Whole } from "./whole";

/** Who talks to whom, and on which port the second listens. */
const LINKS = [
  ["traefik", "homepage"],
  ["traefik", "portainer"],
  ["traefik", "n8n"],
  ["traefik", "cadvisor"],
  ["n8n", "postgres"],
  ["portainer", "socket-proxy-portainer"],
] as const;

const PORTS = {
  traefik: 80,
  homepage: 8080,
  portainer: 9000,
  n8n: 5678,
  postgres: 5432,
  cadvisor: 8080,
  "socket-proxy-portainer": 2375,
} as const;
type Name = keyof typeof PORTS;
const NAMES = Object.keys(PORTS) as Name[];

/** A network has no direction: who is asked could ask too. */
const expected = (from: Name, to: Name): boolean =>
  LINKS.some(([a, b]) => (a === from && b === to) || (a === to && b === from));

const PAIRS = NAMES.flatMap((from) =>
  NAMES.filter((to) => to !== from).map((to) => [from, to] as const),
);

/** Takes a list of targets as JSON; tells of each whether its name is known here and any of its addresses answers. */
const LOOK = `
const { Resolver } = require("node:dns").promises;
const { connect } = require("node:net");
const resolver = new Resolver({ timeout: 1000, tries: 1 });
resolver.setServers(["127.0.0.11"]);
const open = (host, port) => new Promise((done) => {
  const socket = connect({ host, port, timeout: 1500 });
  for (const [event, answer] of [["connect", true], ["timeout", false], ["error", false]])
    socket.on(event, () => { socket.destroy(); done(answer); });
});
const look = async ({ name, addresses, port }) => ({
  known: await resolver.resolve4(name).then(() => true, () => false),
  open: (await Promise.all(addresses.map((address) => open(address, port)))).includes(true),
});
Promise.all(JSON.parse(process.argv[1]).map(look)).then((seen) => console.log(JSON.stringify(seen)));
`;

export function links(whole: () => Whole): void {
  let running: Readonly<Record<string, Inspected>>;
  before(async () => {
    running = await services(whole().world, STACK);
  });
  const container = (name: string): Inspected => {
    const found = running[name];
    assert.ok(found, name);
    return found;
  };

  it("joins two containers by a network exactly where they are to talk", () => {
    const networks = (name: Name): string[] =>
      Object.keys(container(name).NetworkSettings.Networks);
    const joined = PAIRS.filter(([from, to]) =>
      networks(from).some((network) => networks(to).includes(network)),
    );
    assert.deepEqual(
      joined,
      PAIRS.filter(([from, to]) => expected(from, to)),
    );
    assert.equal(joined.length, 12);
  });

  it("has no network but those of the links, and two that lead outside", async () => {
    assert.deepEqual(await internalNetworks(whole().world, STACK), {
      "traefik-homepage": true,
      "traefik-portainer": true,
      "traefik-n8n": true,
      "traefik-cadvisor": true,
      "n8n-postgres": true,
      "portainer-socket-proxy": true,
      edge: false,
      "egress-n8n": false,
    });
  });

  it("lets packets and names through between those, and between no others", async function () {
    this.timeout(60_000);
    const seen = await Promise.all(
      NAMES.map(async (from) => {
        const targets = NAMES.filter((to) => to !== from).map((name) => ({
          name,
          port: PORTS[name],
          addresses: Object.values(container(name).NetworkSettings.Networks).map(
            ({ IPAddress }) => IPAddress,
          ),
        }));
        const output = await inNetworkOf(
          whole().world,
          container(from),
          LOOK,
          JSON.stringify(targets),
        );
        const answers = JSON.parse(output) as readonly { known: boolean; open: boolean }[];
        return targets.map(({ name }, index) => ({ from, to: name, ...answers[index] }));
      }),
    );
    assert.deepEqual(
      seen.flat(),
      PAIRS.map(([from, to]) => {
        const allowed = expected(from, to);
        return { from, to, known: allowed, open: allowed };
      }),
    );
  });

  it("lets only Traefik and n8n reach an address outside", async () => {
    const { world, outside } = whole();
    const target = JSON.stringify([{ name: "-", addresses: [outside.address], port: 80 }]);
    const reaching = await Promise.all(
      NAMES.map(async (name) => {
        const output = await inNetworkOf(world, container(name), LOOK, target);
        const [answer] = JSON.parse(output) as readonly { open: boolean }[];
        return answer?.open === true ? [name] : [];
      }),
    );
    assert.deepEqual(reaching.flat(), ["traefik", "n8n"]);
  });

  describe("with a program on the host that listens on all addresses", () => {
    const PORT = 38999;
    const SERVER = `require("node:net").createServer((socket) => socket.end()).listen(${PORT}, "0.0.0.0")`;
    let addresses: readonly string[];
    before(async () => {
      const { host } = whole().world;
      const listener = await host.spawn("listener", process.execPath, ["-e", SERVER]);
      after(() => listener.stop());
      const { stdout } = await host.run("ip", ["-4", "-o", "address"]);
      addresses = [...stdout.matchAll(/ inet ([\d.]+)\//g)].map(([, address = ""]) => address);
      await until("the listener", async () => {
        const { stdout: open } = await host.run("ss", ["-Hltn", `sport = :${PORT}`]);
        return open.includes(`:${PORT}`) || undefined;
      });
    });
    /** Names of the containers that reach it at an address of the host other than its loopback. */
    const reaching = async (): Promise<string[]> => {
      const outer = addresses.filter((address) => !address.startsWith("127."));
      const target = JSON.stringify([{ name: "-", addresses: outer, port: PORT }]);
      const found = await Promise.all(
        NAMES.map(async (name) => {
          const output = await inNetworkOf(whole().world, container(name), LOOK, target);
          return (JSON.parse(output) as readonly { open: boolean }[])[0]?.open === true
            ? [name]
            : [];
        }),
      );
      return found.flat();
    };

    it("has no address on any internal network", async () => {
      const { docker, host } = whole().world;
      const names = Object.entries(await internalNetworks(whole().world, STACK));
      const seen = await Promise.all(
        names.map(async ([name, internal]) => {
          const id = await docker.ask("network", "inspect", "--format={{.Id}}", `${STACK}-${name}`);
          const bridge = internal ? `br-${id.slice(0, 12)}` : bridgeName(STACK, name);
          const { code, stdout } = await host.run("ip", ["-4", "-o", "address", "show", bridge]);
          assert.equal(code, 0, bridge);
          return [name, stdout.includes(" inet ")];
        }),
      );
      assert.deepEqual(
        seen,
        names.map(([name, internal]) => [name, !internal]),
      );
    });

    it("lets the two containers with a way out reach it, and nobody else", async () => {
      assert.deepEqual(await reaching(), ["traefik", "n8n"]);
    });

    it("keeps these two away with the firewall rule of docs/hardening.md, and serves on", async () => {
      const { host } = whole().world;
      const page = await readFile("docs/hardening.md", "utf8");
      const [, rule = ""] = /^ +iptables -I (INPUT .*)$/m.exec(page) ?? [];
      const iptables = (action: string) =>
        host.run("sh", ["-c", `iptables ${action} ${rule}`]).then((result) => {
          succeeded("iptables", result);
        });
      await iptables("-I");
      try {
        assert.deepEqual(await reaching(), []);
        assert.equal((await whole().ask(DOMAIN, "/")).status, 200);
        const { address } = whole().outside;
        const target = JSON.stringify([{ name: "-", addresses: [address], port: 80 }]);
        const output = await inNetworkOf(whole().world, container("n8n"), LOOK, target);
        assert.equal((JSON.parse(output) as readonly { open: boolean }[])[0]?.open, true);
      } finally {
        await iptables("-D");
      }
    });
  });
}
