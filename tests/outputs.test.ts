import assert from "node:assert/strict";

import { HARDENED, RestrictionRow, restrictionRow } from "../components/hardening";
import { Service } from "../components/service";
import { parseConfig } from "../config";
import { parseReference } from "../images/reference";
import { pageServices, restrictionTable, rowsOf, stackOutputs } from "../outputs";
import { IMAGES, rawConfig } from "./support/raw-config";

const row = (service: string, container = service): RestrictionRow =>
  restrictionRow(service, container, HARDENED, []);

/** A service as far as the outputs are concerned. */
const service = (...rows: RestrictionRow[]): Service => ({
  containers: rows.map((restrictions) => ({ restrictions })) as unknown as Service["containers"],
});

describe("the restrictions table", () => {
  it("has one row a service, in the order of every table, whatever the order of making them", () => {
    const table = restrictionTable([row("homepage"), row("n8n"), row("traefik")]);
    assert.deepEqual(table, [row("traefik"), row("homepage"), row("n8n")]);
  });

  it("names all containers of a service in its one row", () => {
    const table = restrictionTable([
      row("socket-proxy", "socket-proxy-portainer"),
      row("portainer"),
      row("socket-proxy", "socket-proxy-cadvisor"),
    ]);
    assert.deepEqual(
      table.map(({ service: name, containers }) => [name, containers]),
      [
        ["socket-proxy", ["socket-proxy-portainer", "socket-proxy-cadvisor"]],
        ["portainer", ["portainer"]],
      ],
    );
  });

  it("is collected from the containers of all services", () => {
    assert.deepEqual(
      rowsOf([service(row("traefik")), service(), service(row("n8n"), row("postgres"))]),
      [row("traefik"), row("n8n"), row("postgres")],
    );
  });
});

describe("the outputs of the stack", () => {
  it("are the references that are deployed, and the restrictions", () => {
    const images = { traefik: parseReference(IMAGES.traefik), n8n: parseReference(IMAGES.n8n) };
    assert.deepEqual(stackOutputs(images, [service(row("n8n")), service(row("traefik"))]), {
      images: { traefik: IMAGES.traefik, n8n: IMAGES.n8n },
      restrictions: [row("traefik"), row("n8n")],
    });
  });
});

describe("what the start page shows", () => {
  const images = Object.fromEntries(
    Object.entries(IMAGES).map(([name, text]) => [name, parseReference(text)]),
  );
  const shown = (
    values: Record<string, unknown>,
  ): (readonly [string, boolean, string | undefined])[] =>
    pageServices(
      parseConfig(rawConfig({ services: { cadvisor: { enabled: true } }, ...values })),
      images,
      Object.keys(IMAGES).map((name) => row(name)),
    ).map(({ service: name, admin, url }) => [name, admin, url]);

  it("is every service with its address, as far as anybody may use it", () => {
    assert.deepEqual(shown({ adminAllow: ["192.0.2.0/24"] }), [
      ["traefik", true, "http://traefik.example.test/"],
      ["socket-proxy", false, undefined],
      ["homepage", false, "http://example.test/"],
      ["portainer", true, "http://portainer.example.test/"],
      ["n8n", false, "http://n8n.example.test/"],
      ["postgres", false, undefined],
      ["cadvisor", true, "http://cadvisor.example.test/"],
    ]);
  });

  it("has no address for services of admins where no network is allowed in", () => {
    assert.deepEqual(
      shown({}).map(([name, , url]) => [name, url]),
      [
        ["traefik", undefined],
        ["socket-proxy", undefined],
        ["homepage", "http://example.test/"],
        ["portainer", undefined],
        ["n8n", "http://n8n.example.test/"],
        ["postgres", undefined],
        ["cadvisor", undefined],
      ],
    );
  });

  it("has the addresses that browsers use, with TLS and other ports", () => {
    const [, , page] = shown({
      tls: { mode: "selfSigned" },
      publish: { http: 8080, https: 8443 },
      adminAllow: ["192.0.2.0/24"],
    });
    assert.deepEqual(page, ["homepage", false, "https://example.test:8443/"]);
  });

  it("has the image as it is deployed, and no service without one", () => {
    const { traefik } = images;
    assert.ok(traefik);
    const [only, ...others] = pageServices(parseConfig(rawConfig()), { traefik }, [
      row("traefik"),
      row("n8n"),
    ]);
    assert.equal(only?.image, IMAGES.traefik);
    assert.deepEqual(only.restrictions, row("traefik"));
    assert.deepEqual(others, []);
  });
});
