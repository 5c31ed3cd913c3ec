import assert from "node:assert/strict";

import { allowedPaths, proxyConfig, SocketRead } from "../../../components/hardened/haproxy";
import { portainer } from "../../../components/services/portainer";

/** The expressions of the rules that let a request through. */
const allowed = (reads: readonly SocketRead[]): RegExp[] =>
  [...proxyConfig(reads).matchAll(/^ {2}http-request allow if \{ path_reg (\S+) \}$/gm)].map(
    ([, expression = ""]) => new RegExp(expression),
  );

/** HAProxy goes through its rules from the top, and the first one denies two dots. */
const passes = (reads: readonly SocketRead[], path: string): boolean =>
  !path.includes("..") && allowed(reads).some((expression) => expression.test(path));

describe("the configuration of a socket proxy", () => {
  it("lets whole paths through and answers 403 to all else, in this order", () => {
    assert.equal(
      proxyConfig(["version", "container"]),
      `global
  log stdout format raw daemon warning
  maxconn 200

defaults
  mode http
  log global
  option dontlognull
  timeout http-request 10s
  timeout connect 10s
  timeout queue 1m
  timeout client 1h
  timeout server 1h

frontend api
  bind :2375
  http-request deny deny_status 403 unless METH_GET
  http-request deny deny_status 403 if { path_sub .. }
  http-request allow if { path_reg ^(/v1[.][0-9]+)?/_ping$ }
  http-request allow if { path_reg ^(/v1[.][0-9]+)?/version$ }
  http-request allow if { path_reg ^(/v1[.][0-9]+)?/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/json$ }
  http-request deny deny_status 403
  default_backend engine

backend engine
  server socket /var/run/docker.sock
`,
    );
  });

  it("always lets the ping of its own health check through, once", () => {
    assert.deepEqual(allowedPaths([]), ["/_ping"]);
    assert.deepEqual(allowedPaths(["version", "ping", "version"]), ["/_ping", "/version"]);
  });

  const never =
    "/containers/n8n/archive /v1.41/containers/n8n/archive /containers/n8n/export /containers/n8n/logs " +
    "/containers/n8n/top /containers/n8n/attach/ws /images/nginx/get /images/get /exec/1/json /secrets /configs " +
    "/swarm /plugins /system/df /containers/../secrets /images/x/../../exec/1/json /containers/json/ //containers/json";
  const both = ["/_ping", "/v1.41/info", "/containers/json", "/containers/a1-b_c.d/json"];
  const clients: readonly (readonly [string, readonly SocketRead[], readonly string[]])[] = [
    ["a client of four reads", ["version", "info", "containers", "container"], both],
    [
      "portainer",
      portainer.dockerApi ?? [],
      [...both, "/images/json", "/networks", "/volumes/x", "/images/ghcr.io/a/b:1@sha256:0/json"],
    ],
  ];
  for (const [client, reads, paths] of clients)
    it(`gives ${client} what it reads, and neither files, logs nor a terminal`, () => {
      assert.deepEqual(
        [...never.split(" "), ...paths].filter((path) => passes(reads, path)),
        paths,
      );
    });
});
