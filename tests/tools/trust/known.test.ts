import assert from "node:assert/strict";

import { parseConfig } from "../../../config/config";
import { describeStack } from "../../../components/describe";
import { holds } from "../../../components/reach";
import { parseReference } from "../../../images/reference";
import { imageLines, knownLines } from "../../../tools/trust/known";
import { openvex } from "../../../tools/trust/openvex";
import { IMAGES, problemsOf, rawConfig } from "../../support/raw-config";

const NOW = new Date("2026-11-27T12:00:00Z");
const NGINX = `nginx:1.30.5-alpine@sha256:${"3".repeat(64)}`;

function stackWith(accept: readonly object[], images: object = {}) {
  const config = parseConfig(
    rawConfig({ accept, images: { ...IMAGES, homepage: NGINX, ...images } }),
  );
  return { config, model: describeStack(config, config.images) };
}
const HOLE = {
  id: "CVE-2026-123007",
  reason: "the start page speaks HTTP/1.1 only",
  until: "2027-02-28",
};
const lines = (accept: readonly object[]): readonly string[] =>
  knownLines(stackWith(accept), NOW).filter((line) => line.includes("CVE-2026-123007"));

describe("known holes of a stack", () => {
  it("are said with what closes them, until they are accepted", () => {
    assert.deepEqual(lines([]), [
      "homepage: nginx 1.30.5-alpine: CVE-2026-123007, without login, fixed in 1.30.7: an underflow in HTTP/2 runs code (read 2026-11-27)",
    ]);
    assert.deepEqual(lines([HOLE]), []);
    assert.deepEqual(lines([{ ...HOLE, while: "HTTP/1.1 only" }]), []);
  });

  it("are said again after the last day, and when the fact is not true", () => {
    assert.match(
      lines([{ ...HOLE, until: "2026-11-26" }])[0] ?? "",
      /; accepted until 2026-11-26 only$/,
    );
    assert.deepEqual(lines([{ ...HOLE, until: "2026-11-27" }]), []);
    assert.match(
      lines([{ ...HOLE, while: "administrators only" }])[0] ?? "",
      /; accepted while "administrators only", which is not so for homepage$/,
    );
  });

  it("that are accepted without being there are said, unless only a scanner knows them", () => {
    const said = (id: string) =>
      knownLines(
        stackWith([{ ...HOLE, id }], { traefik: `traefik:v3.7.17@sha256:${"1".repeat(64)}` }),
        NOW,
      ).filter((line) => line.startsWith("accept: "));
    assert.deepEqual(said("CVE-2026-88008"), [
      "accept: CVE-2026-88008 concerns no pinned version; remove it",
    ]);
    assert.deepEqual(said("CVE-2020-1234"), []);
  });

  it("are said for five at most of one image, first those without login", () => {
    const said = knownLines(
      stackWith([], { n8n: `n8nio/n8n:1.64.2@sha256:${"5".repeat(64)}` }),
      NOW,
    ).filter((line) => line.startsWith("n8n: "));
    assert.ok(said.length >= 2 && said.length <= 6);
    assert.match(said[0] ?? "", /, without login, /);
    const many = Array.from({ length: 8 }, (_, index) => ({
      ...{
        id: `CVE-2026-1000${index}`,
        fixed: null,
        summary: "a hole",
        source: "test",
        read: "2026-11-27",
      },
      login: index === 7 ? false : true,
    }));
    const image = parseReference("n8nio/n8n:1.64.2");
    const short = imageLines({ image, holes: many });
    assert.equal(short.length, 6);
    assert.match(short[0] ?? "", /CVE-2026-10007, without login, no fix yet: a hole/);
    assert.match(short[5] ?? "", /n8nio\/n8n 1\.64\.2: and 3 more; /);
  });

  it("are refused without a reason, a day or a known fact", () => {
    const of = (accept: object): readonly string[] => problemsOf(rawConfig({ accept: [accept] }));
    assert.match(of({ ...HOLE, reason: "x" })[0] ?? "", /^accept\.0\.reason: expected a reason/);
    assert.match(
      of({ ...HOLE, until: "soon" })[0] ?? "",
      /^accept\.0\.until: expected the last day/,
    );
    assert.match(of({ ...HOLE, id: "hole" })[0] ?? "", /^accept\.0\.id: expected the id/);
    assert.match(
      of({ ...HOLE, while: "I say so" })[0] ?? "",
      /^accept\.0\.while: expected one of HTTP\/1\.1 only/,
    );
  });

  it("may have the day as Pulumi passes on one without quotes", () => {
    const of = (until: string): readonly string[] =>
      problemsOf(rawConfig({ accept: [{ ...HOLE, until }] }));
    assert.deepEqual(of("2027-02-28 00:00:00 +0000 UTC"), []);
    for (const until of ["2027-02-30 00:00:00 +0000 UTC", "2027-02-28 12:00:00 +0000 UTC"])
      assert.match(of(until)[0] ?? "", /^accept\.0\.until: expected the last day/);
  });

  it("that are accepted are OpenVEX: not affected only with a fact", () => {
    const vex = (accept: readonly object[]) =>
      JSON.parse(openvex(stackWith(accept), NOW)) as {
        statements: Record<string, unknown>[] & { products: { "@id": string }[] }[];
      };
    assert.deepEqual(vex([]).statements, []);
    const [one] = vex([{ ...HOLE, while: "HTTP/1.1 only" }]).statements;
    assert.equal(one?.status, "not_affected");
    // The schema wants one of the two: https://github.com/openvex/spec/blob/main/openvex_json_schema.json
    assert.equal(one.justification, "vulnerable_code_not_in_execute_path");
    assert.ok(!("impact_statement" in one));
    assert.equal(
      one.status_notes,
      `${HOLE.reason} (checked in the configuration: HTTP/1.1 only; until ${HOLE.until})`,
    );
    const [other] = vex([{ ...HOLE, while: "no published port" }]).statements;
    assert.equal(other?.justification, "vulnerable_code_cannot_be_controlled_by_adversary");
    assert.equal(
      one.products[0]?.["@id"],
      `pkg:oci/nginx@sha256%3A${"3".repeat(64)}?repository_url=index.docker.io%2Flibrary%2Fnginx`,
    );
    assert.equal(vex([HOLE]).statements[0]?.status, "affected");
  });
});

describe("a fact about a service", () => {
  const { model } = stackWith([]);
  it("is read from the model", () => {
    assert.ok(holds("HTTP/1.1 only", "homepage", model));
    assert.ok(holds("no forward auth", "traefik", model));
    assert.ok(holds("no published port", "n8n", model));
    assert.ok(!holds("no published port", "traefik", model));
    assert.ok(holds("no egress", "postgres", model));
    assert.ok(!holds("no egress", "n8n", model));
    assert.ok(holds("administrators only", "portainer", model));
    assert.ok(!holds("administrators only", "homepage", model));
  });

  it("is not claimed of what all requests go through", () => {
    // Traefik speaks HTTP/2 without being told to, and serves the public routes too.
    assert.ok(!holds("HTTP/1.1 only", "traefik", model));
    assert.ok(!holds("administrators only", "traefik", model));
    const routes = model.ingress.routes.map((route) => ({
      ...{ ...route, admin: true, publicPaths: [] },
    }));
    const closed = { ...model, ingress: { ...model.ingress, routes } };
    assert.ok(holds("administrators only", "traefik", closed));
    const open = { ...model.ingress, adminAllow: ["10.0.0.0/8", "0.0.0.0/0"] };
    assert.ok(!holds("administrators only", "portainer", { ...model, ingress: open }));
  });

  it("is not claimed of a service that publishes a port of its own, or has a backend with TLS", () => {
    const publishing = {
      ...model,
      containers: model.containers.map((one) =>
        one.service === "portainer"
          ? { ...one, ports: [{ address: "0.0.0.0", published: 8080, target: 8080 }] }
          : one,
      ),
    } as unknown as typeof model;
    assert.ok(holds("administrators only", "postgres", publishing));
    for (const fact of ["administrators only", "HTTP/1.1 only", "no published port"] as const)
      assert.ok(!holds(fact, "portainer", publishing), fact);
    const routes = model.ingress.routes.map((route) => ({
      ...route,
      target: route.target.replace("http:", "https:"),
    }));
    const encrypted = { ...model, ingress: { ...model.ingress, routes } };
    assert.ok(holds("HTTP/1.1 only", "n8n", model));
    assert.ok(!holds("HTTP/1.1 only", "n8n", encrypted));
  });

  it("stops being true when a file says otherwise", () => {
    const changed = {
      ...model,
      containers: model.containers.map((one) =>
        one.service === "homepage"
          ? { ...one, command: ["listen 8080 default_server http2;"] }
          : one,
      ),
    };
    assert.ok(!holds("HTTP/1.1 only", "homepage", changed));
  });
});
