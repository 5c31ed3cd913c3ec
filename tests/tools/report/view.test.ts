import assert from "node:assert/strict";

import { headline, sections } from "../../../tools/report/sections";
import { StackView } from "../../../tools/report/view/stack";
import { Said, service } from "../../support/small-stack";
import { ACME, exampleModel, exampleView, SERVICES } from "./example-stack";

const view = exampleView();
const named = <T extends { readonly name: string }>(all: readonly T[], name: string): T =>
  all.find((one) => one.name === name) ?? assert.fail(name);
const verdict = ({ cis }: StackView, item: string, who: string): string | undefined => {
  const found = cis.results.find(({ id, container }) => id === item && container === who);
  return found && `${found.verdict}: ${found.detail}`;
};

describe("the view of a stack", () => {
  it("has the controls of each container as the model has them", () => {
    for (const { name, controls, exemptions, order } of exampleModel().containers) {
      const container = named(view.containers, name);
      assert.deepEqual({ ...container, ...controls, exemptions, order }, container, name);
      assert.deepEqual([container.capDrop, container.writableHostPaths], [["ALL"], []]);
    }
  });

  it("judges every container by CIS", () => {
    const names = new Set(view.cis.results.map(({ container }) => container));
    assert.deepEqual(
      [...names],
      view.containers.map(({ name }) => name),
    );
  });

  it("has a volume for each mount of files, secrets and data", () => {
    const volumes: readonly (readonly [string, string, string, readonly string[]])[] = [
      ["app-data", "data", "from the image", []],
      ["db-1-data", "data", "70:70", []],
      ["db-passwords", "secrets", "70:70", ["/run/secrets/owner"]],
      ["traefik-config", "files", "root", ["/etc/traefik/dynamic/routes.yml"]],
    ];
    for (const [name, role, owner, files] of volumes) {
      const volume = named(view.volumes, name);
      assert.deepEqual(
        [volume.role, volume.owner, volume.files, volume.mounts.map(({ readOnly }) => readOnly)],
        [role, owner, files, [role !== "data"]],
        name,
      );
    }
  });

  it("has a data volume once, with all that mount it", () => {
    const twice = service("pair", () =>
      ["pair", "other"].map((name) => ({
        name,
        health: { command: ["check"] },
        data: { data: { path: `/${name}` } },
      })),
    );
    const { volumes } = exampleView({}, [...SERVICES, twice]);
    assert.deepEqual(named(volumes, "pair-data").mounts, [
      { container: "pair", path: "/pair", readOnly: false },
      { container: "other", path: "/other", readOnly: false },
    ]);
  });

  it("has each secret with all who read it, and how", () => {
    assert.deepEqual(
      view.secrets.map(({ name, readers }) => [
        name,
        ...readers.map(({ container, by, at }) => `${container} ${by} ${at}`),
      ]),
      [
        ["acmeDnsToken", "traefik file /run/secrets/token"],
        ["appKey", "app environment APP_KEY"],
        ["dbPassword", "app file /run/secrets/db/password", "db file /run/secrets/owner"],
      ],
    );
  });

  it("has what a proxy of the Docker socket lets through, whatever the socket is called", () => {
    assert.deepEqual(view.socketReads, [
      { container: "socket-proxy-app", reads: ["GET /_ping", "GET /version"] },
    ]);
    const other = exampleView({ host: { address: "unix:///srv/engine.socket" } });
    const proxy = named(other.containers, "socket-proxy-app");
    assert.deepEqual([proxy.dockerSocket, proxy.hostPaths], [true, []]);
    assert.equal(verdict(other, "5.32", proxy.name), "exempt: mounts /srv/engine.socket read-only");
  });

  const caServer = "https://ca.example.test/directory";
  const ingress: readonly (readonly [string, Said, Partial<StackView["ingress"]>, string[][]])[] = [
    [
      "plain HTTP without administrators",
      { tls: { mode: "none" }, adminAllow: [] },
      {
        tls: "none",
        adminAllow: [],
        routes: [{ host: "homepage.example.test", service: "homepage", admin: false }],
        contentSecurityPolicy: "default-src 'none'",
      },
      [
        ["TLS", "none"],
        ["administrators", "no route"],
        ["homepage's CSP", "default-src 'none'"],
      ],
    ],
    [
      "another CA and DNS provider",
      { tls: { ...ACME, dnsProvider: "desec", caServer } },
      { tls: "acme", caServer, dnsProvider: "desec" },
      [
        ["TLS", "acme"],
        ["certificates from", caServer],
        ["DNS records by", "desec"],
      ],
    ],
    [
      "Let's Encrypt, where the stack names no CA",
      {},
      {
        caServer: "https://acme-v02.api.letsencrypt.org/directory",
        adminAllow: ["192.0.2.0/24"],
      },
      [["certificates from", "https://acme-v02.api.letsencrypt.org/directory"]],
    ],
  ];
  for (const [name, said, expected, rows] of ingress)
    it(`has the ingress: ${name}`, () => {
      const { ingress, ...rest } = exampleView(said);
      assert.deepEqual({ ...ingress, ...expected }, ingress);
      const table = sections({ ...rest, ingress }).find(({ title }) => title === "Ingress");
      for (const row of rows)
        assert.ok(
          table?.rows.some((one) => one.join() === row.join()),
          row[0],
        );
    });

  it("has no policy without a homepage", () => {
    const without = SERVICES.filter(({ name }) => name !== "homepage");
    assert.equal(exampleView({}, without).ingress.contentSecurityPolicy, undefined);
  });

  it("knows all interfaces however they are written", () => {
    for (const address of ["::0", "0:0:0:0:0:0:0:0"])
      assert.equal(
        verdict(exampleView({ publish: { address, http: 80, https: 443 } }), "5.14", "traefik"),
        `exempt: 80 on all interfaces (${address}), 443 on all interfaces (${address})`,
      );
  });

  it("names registries over plain HTTP, and whether every image must have a digest", () => {
    const registries = { "127.0.0.1:5000": { insecure: true }, "ghcr.io": { insecure: false } };
    const { insecureRegistries, requirePins } = exampleView({ registries, requirePins: true });
    assert.deepEqual([insecureRegistries, requirePins], [["127.0.0.1:5000"], true]);
  });

  it("counts in words, one among them", () => {
    const first = (count: number): string =>
      headline({
        ...view,
        containers: view.containers.slice(0, count),
        images: view.images.slice(0, count),
        networks: view.networks.slice(0, count),
      });
    assert.match(first(0), /^stack example: 0 containers of 0 images, 0 networks, CIS section 5: /);
    assert.match(first(1), /^stack example: 1 container of 1 image, 1 network, CIS section 5: /);
  });

  it("shows an exemption once that containers of a service share", () => {
    const twice = view.containers.flatMap((one) => [one, { ...one, name: `${one.name}-2` }]);
    const rows = (of: StackView) => sections(of).find(({ title }) => title === "Exemptions")?.rows;
    assert.deepEqual(rows({ ...view, containers: twice }), rows(view));
  });
});
