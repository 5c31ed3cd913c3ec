import assert from "node:assert/strict";

import { middlewaresOf, routeOf } from "../../../tools/import/traefik";

const routed = (labels: Readonly<Record<string, string>>) =>
  routeOf(new Map(Object.entries(labels)), middlewaresOf(Object.entries(labels)));
const RULE = "traefik.http.routers.app.rule";
const MIDDLEWARES = "traefik.http.routers.app.middlewares";

describe("labels of Traefik", () => {
  it("are hosts, a path and a port", () => {
    assert.deepEqual(
      routed({
        "traefik.enable": "true",
        [RULE]: "(Host(`App.example.org`) || Host(`www.example.org`)) && PathPrefix(`/api/`)",
        "traefik.http.services.app.loadbalancer.server.port": "8080",
      }),
      {
        hosts: ["app.example.org", "www.example.org"],
        path: "/api",
        port: 8080,
        allowList: false,
        questions: [],
        dropped: [],
      },
    );
    assert.deepEqual(routed({ [RULE]: "Host(`a.org`, `b.org`)" })?.hosts, ["a.org", "b.org"]);
  });

  it("are nothing without a rule, or when they are switched off", () => {
    assert.equal(routed({ "traefik.enable": "true" }), undefined);
    assert.equal(routed({ "traefik.enable": "false", [RULE]: "Host(`a.org`)" }), undefined);
  });

  it("say who may open a page", () => {
    const route = routed({
      [RULE]: "Host(`a.org`)",
      [MIDDLEWARES]: "lan@docker, sso, headers, secure@file",
      "traefik.http.middlewares.lan.ipallowlist.sourcerange": "10.0.0.0/8",
      "traefik.http.middlewares.sso.forwardauth.trustForwardHeader": "true",
      "traefik.http.middlewares.sso.forwardauth.address": "http://authelia:9091/api/verify?rd=x",
      "traefik.http.middlewares.headers.headers.stsSeconds": "1",
    });
    assert.equal(route?.allowList, true);
    assert.equal(route.forwardAuth, "http://authelia:9091/api/verify?rd=x");
    assert.deepEqual(route.dropped, ["headers (headers)"]);
    assert.deepEqual(
      route.questions.map(([what]) => what),
      ["middleware secure@file is defined elsewhere"],
    );
  });

  const asked: readonly (readonly [what: RegExp, labels: Readonly<Record<string, string>>])[] = [
    [
      /password of Traefik/,
      { [MIDDLEWARES]: "x", "traefik.http.middlewares.x.basicauth.users": "u:h" },
    ],
    [
      /changes the path/,
      { [MIDDLEWARES]: "x", "traefik.http.middlewares.x.stripprefix.prefixes": "/x" },
    ],
    [/its rule uses ClientIP/, { [RULE]: "Host(`a.org`) && ClientIP(`10.0.0.1`)" }],
    [/its rule uses HostRegexp/, { [RULE]: "HostRegexp(`.+`)" }],
    [/https inside/, { "traefik.http.services.x.loadbalancer.server.scheme": "https" }],
    [/routes TCP or UDP/, { "traefik.tcp.routers.x.rule": "HostSNI(`*`)" }],
    [
      /several of its ports/,
      {
        "traefik.http.services.x.loadbalancer.server.port": "1",
        "traefik.http.services.y.loadbalancer.server.port": "2",
      },
    ],
    [
      /several paths/,
      { [RULE]: "PathPrefix(`/a`)", "traefik.http.routers.y.rule": "PathPrefix(`/b`)" },
    ],
  ];
  for (const [what, labels] of asked)
    it(`ask where there is no such thing here: ${String(what)}`, () => {
      const questions = routed({ [RULE]: "Host(`a.org`)", ...labels })?.questions ?? [];
      assert.ok(
        questions.some(([one]) => what.test(one)),
        JSON.stringify(questions),
      );
    });
});
