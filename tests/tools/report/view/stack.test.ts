import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

import { headline, sections } from "../../../../tools/report/sections";
import { socketViews } from "../../../../tools/report/view/sockets";
import { StackView, stackView } from "../../../../tools/report/view/stack";
import { goldenModel } from "../../../support/golden-stack";

const GENERATED_POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const viewOf = async (said: Readonly<Record<string, unknown>>): Promise<StackView> =>
  stackView(await goldenModel(said));

const verdict = ({ cis }: StackView, item: string, who: string): string | undefined => {
  const found = cis.results.find(({ id, container }) => id === item && container === who);
  return found && `${found.verdict}: ${found.detail}`;
};

describe("the report of a stack", () => {
  it("knows the Docker socket whatever it is called on the host", async () => {
    for (const socket of ["/run/podman/podman.sock", "/srv/engine.socket"]) {
      const view = await viewOf({ host: { address: `unix://${socket}` } });
      const proxies = view.containers.filter(({ service }) => service === "socket-proxy");
      assert.deepEqual(
        proxies.map(({ name, dockerSocket, hostPaths }) => [name, dockerSocket, hostPaths]),
        [
          ["socket-proxy-portainer", true, []],
          ["socket-proxy-cadvisor", true, []],
        ],
      );
      assert.equal(
        verdict(view, "5.32", "socket-proxy-cadvisor"),
        `exempt: mounts ${socket} read-only`,
      );
    }
  });

  it("knows all interfaces however they are written", async () => {
    for (const address of ["::0", "0:0:0:0:0:0:0:0"])
      assert.equal(
        verdict(await viewOf({ publish: { address } }), "5.14", "traefik"),
        `exempt: 80 on all interfaces (${address}), 443 on all interfaces (${address})`,
      );
  });

  it("tells what is kept of Docker's own capabilities, and what of the host can be written to", async () => {
    const model = await goldenModel();
    const resources = model.resources.map((one) => {
      if (one.name !== "golden-n8n") return one;
      const volumes = [{ hostPath: "/srv", containerPath: "/srv" }];
      return { ...one, inputs: { ...one.inputs, capabilities: { adds: ["CAP_KILL"] }, volumes } };
    });
    const view = stackView({ ...model, resources });
    const n8n = view.containers.find(({ name }) => name === "n8n") ?? assert.fail();
    assert.deepEqual(
      [n8n.capDrop, n8n.capabilities, n8n.hostPaths, n8n.writableHostPaths],
      [[], ["CAP_KILL"], ["/srv"], ["/srv"]],
    );
    const restrictions = sections(view).find(({ title }) => title === "Restrictions");
    assert.deepEqual(
      restrictions?.rows.filter(([name]) => name === "n8n").map((row) => row.slice(0, 3)),
      [["n8n", "1000:1000", "Docker's own CAP_KILL"]],
    );
  });

  it("names registries over plain http, and whether every image must have a digest", async () => {
    const registries = { "127.0.0.1:5000": { insecure: true }, "ghcr.io": { insecure: false } };
    const view = await viewOf({ registries });
    assert.deepEqual([view.insecureRegistries, view.requirePins], [["127.0.0.1:5000"], false]);
    const table = (of: StackView) =>
      sections(of).find(({ title }) => title === "Registries over plain http");
    assert.deepEqual(table(view)?.rows, [["registry"], ["127.0.0.1:5000"]]);
    assert.equal(table(await viewOf({})), undefined);
  });

  it("counts in words, one among them", async () => {
    const view = await viewOf({});
    const first = (count: number): string => {
      const { containers, images, networks } = view;
      return headline({
        ...view,
        containers: containers.slice(0, count),
        images: images.slice(0, count),
        networks: networks.slice(0, count),
      });
    };
    assert.match(first(0), /^stack golden: 0 containers of 0 images, 0 networks, CIS section 5: /);
    assert.match(first(1), /^stack golden: 1 container of 1 image, 1 network, CIS section 5: /);
    assert.match(first(2), /^stack golden: 2 containers of 2 images, 2 networks, CIS section 5: /);
  });

  it("tells how the stack is entered, and by whom", async () => {
    const open = await viewOf({ tls: { mode: "none" }, adminAllow: [] });
    assert.deepEqual(open.entrance, {
      tls: "none",
      adminAllow: [],
      routes: [
        { host: "n8n.example.test", service: "n8n", admin: false },
        { host: "example.test", service: "homepage", admin: false },
      ],
      contentSecurityPolicy: GENERATED_POLICY,
    });
    const rows = sections(open).find(({ title }) => title === "Entrance")?.rows;
    assert.deepEqual(rows?.slice(1), [
      ["TLS", "none"],
      ["administrators", "no route"],
      ["homepage's CSP", GENERATED_POLICY],
    ]);
    const view = await viewOf({ tls: { mode: "selfSigned" }, adminAllow: ["10.0.0.0/8"] });
    assert.deepEqual([view.entrance.tls, view.entrance.adminAllow], ["selfSigned", ["10.0.0.0/8"]]);
  });

  it("tells which CA the certificates are from, and who proves the domain to it", async () => {
    const acme = { mode: "acme", email: "admin@example.test", dnsProvider: "desec" };
    const row = async (said: object): Promise<readonly string[][]> => {
      const rows = sections(await viewOf({ tls: { ...acme, ...said } })).find(
        ({ title }) => title === "Entrance",
      )?.rows;
      return (rows ?? []).slice(1, 4).map((cells) => [...cells]);
    };
    const caServer = "https://ca.example.test/directory";
    const dns = ["DNS records by", "desec"];
    assert.deepEqual(await row({ caServer }), [
      ["TLS", "acme"],
      ["certificates from", caServer],
      dns,
    ]);
    assert.deepEqual(await row({}), [
      ["TLS", "acme"],
      ["certificates from", "https://acme-v02.api.letsencrypt.org/directory"],
      dns,
    ]);
  });

  it("tells what browsers are told of a homepage of the user's own", async () => {
    const site = await mkdtemp(join(tmpdir(), "site-"));
    await writeFile(join(site, "index.html"), "<p>");
    const folder = relative(resolve("."), site);
    const view = await viewOf({ services: { homepage: { folder } } });
    await rm(site, { recursive: true });
    assert.equal(view.entrance.contentSecurityPolicy, "frame-ancestors 'self'; base-uri 'self'");
  });
});

describe("what a proxy of the Docker socket lets through", () => {
  const proxy = (config: string): readonly string[] | undefined => {
    const volumes = [{ volumeName: "v", containerPath: "/etc/proxy" }];
    const common = { service: "p", pidsLimit: 1, dependsOn: [] };
    const inputs = { image: "haproxy:1", labels: [], volumes };
    const uploads = [{ file: "/etc/proxy/haproxy.cfg", content: config }];
    const [view, ...more] = socketViews([
      { ...common, resource: "s-p", name: "p", role: "service", inputs },
      { ...common, resource: "s-l", name: "s-l", role: "loader", inputs: { ...inputs, uploads } },
    ]);
    assert.deepEqual([view?.container, more], ["p", []]);
    return view?.reads;
  };
  const deny = "  http-request deny deny_status 403 unless METH_GET\n";
  const allow = (path: string): string =>
    `  http-request allow if { path_reg ^(/v1[.][0-9]+)?${path}$ }\n`;
  const cases: readonly (readonly [string, ...string[]])[] = [
    ["", ...[]],
    [deny + allow("/version"), "GET /version"],
    [allow("/version"), "ANY /version"],
    [deny + allow("/a/[a-z]*") + allow("/b"), "GET /a/[a-z]*", "GET /b"],
    [`${deny}  http-request allow if { src 10.0.0.1 }\n`, "GET { src 10.0.0.1 }"],
    ["  http-request allow\n", "ANY everything"],
  ];
  for (const [config, ...expected] of cases)
    it(`is ${expected.join(" and ") || "nothing"}`, () => {
      assert.deepEqual(proxy(config), expected);
    });
});
