import assert from "node:assert/strict";

import { HARDENED, RestrictionRow, restrictionRow } from "../../components/hardened/policy";
import { Service } from "../../components/services/service";
import { parseConfig } from "../../config/config";
import { isRouted, RoutedName, SERVICE_NAMES } from "../../config/schema";
import { parseReference } from "../../images/reference";
import {
  imagesSince,
  pageServices,
  postgresOutputs,
  restrictionTable,
  rowsOf,
  stackOutputs,
} from "../../components/outputs";
import { IMAGES, rawConfig } from "../support/raw-config";

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

describe("the day since which an image is deployed", () => {
  const [old, now] = [IMAGES.traefik, IMAGES.n8n];
  const since = (last: string | undefined, day: string | undefined, today: string | undefined) =>
    imagesSince(
      { traefik: parseReference(now) },
      {
        images: last === undefined ? {} : { traefik: last },
        imagesSince: day === undefined ? {} : { traefik: day },
      },
      today,
    );

  it("is today's for a new image and for another one, and stays with one that stays", () => {
    assert.deepEqual(since(undefined, undefined, "2026-02-01"), { traefik: "2026-02-01" });
    assert.deepEqual(since(old, "2026-01-31", "2026-02-01"), { traefik: "2026-02-01" });
    assert.deepEqual(since(now, "2026-01-31", "2026-02-01"), { traefik: "2026-01-31" });
  });

  it("is not made up where nobody said it", () => {
    assert.deepEqual(since(now, undefined, "2026-02-01"), {});
    assert.deepEqual(since(undefined, undefined, undefined), {});
  });
});

describe("what is said of PostgreSQL's data", () => {
  it("is its format and its user, as far as they are known", () => {
    assert.deepEqual(postgresOutputs({ major: 16, user: "70:70" }), {
      postgresMajor: 16,
      postgresUser: "70:70",
    });
    assert.deepEqual(postgresOutputs({ major: undefined, user: undefined }), {});
  });
});

const NO_PAGES = [false, undefined] as const;

describe("what the start page shows", () => {
  const images = Object.fromEntries(
    Object.entries(IMAGES).map(([name, text]) => [name, parseReference(text)]),
  );
  type Shown = readonly [service: string, admin: boolean, url: string | undefined];
  const shown = (values: Record<string, unknown>): Shown[] =>
    pageServices(
      parseConfig(rawConfig({ services: { cadvisor: { enabled: true } }, ...values })),
      images,
      {},
      SERVICE_NAMES.map((name) => row(name)),
    ).map(({ service: name, admin, url }) => [name, admin, url]);
  /** All services: those that are said here, and the others, which are not reached by browsers. */
  const every = (
    said: Readonly<Record<RoutedName, readonly [admin: boolean, url: string | undefined]>>,
  ): Shown[] =>
    SERVICE_NAMES.map((name) => [name, ...(isRouted(name) ? said[name] : NO_PAGES)] as const);

  it("is every service with its address, as far as anybody may use it", () => {
    assert.deepEqual(
      shown({ adminAllow: ["192.0.2.0/24"] }),
      every({
        traefik: [true, "http://traefik.example.test/"],
        homepage: [false, "http://example.test/"],
        portainer: [true, "http://portainer.example.test/"],
        n8n: [false, "http://n8n.example.test/"],
        cadvisor: [true, "http://cadvisor.example.test/"],
      }),
    );
  });

  it("has no address for services of admins where no network is allowed in", () => {
    assert.deepEqual(
      shown({}),
      every({
        traefik: [true, undefined],
        homepage: [false, "http://example.test/"],
        portainer: [true, undefined],
        n8n: [false, "http://n8n.example.test/"],
        cadvisor: [true, undefined],
      }),
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
    const since = { traefik: "2026-01-31" };
    const rows = [row("traefik"), row("n8n")];
    const [only, ...others] = pageServices(parseConfig(rawConfig()), { traefik }, since, rows);
    assert.equal(only?.image, IMAGES.traefik);
    assert.equal(only.since, "2026-01-31");
    assert.deepEqual(only.restrictions, row("traefik"));
    assert.deepEqual(others, []);
  });
});
