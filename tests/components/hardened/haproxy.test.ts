import assert from "node:assert/strict";

import { Cadvisor } from "../../../../components/services/cadvisor";
import { Portainer } from "../../../../components/services/portainer";
import { proxyConfig, SocketRead } from "../../../../components/services/socket-proxy/config";

/** The expressions of the rules that let something through. */
const allowed = (reads: readonly SocketRead[]): RegExp[] =>
  proxyConfig(reads, "/var/run/docker.sock")
    .split("\n")
    .flatMap((line) => {
      const expression = /^ {2}http-request allow if \{ path_reg (\S+) \}$/.exec(line)?.[1];
      return expression === undefined ? [] : [new RegExp(expression)];
    });

/** HAProxy goes through its rules from the top: what is denied first passes by no later one. */
const passes = (reads: readonly SocketRead[], path: string): boolean =>
  !path.includes("..") && allowed(reads).some((expression) => expression.test(path));

describe("the configuration of a socket proxy", () => {
  it("lets whole paths through and answers 403 to all else, in this order", () => {
    assert.equal(
      proxyConfig(["version", "container"], "/var/run/docker.sock"),
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

  it("gives no consumer files, logs, terminals or images", () => {
    const never = [
      "/containers/n8n/archive",
      "/v1.41/containers/n8n/archive",
      "/containers/n8n/export",
      "/containers/n8n/logs",
      "/containers/n8n/top",
      "/containers/n8n/attach/ws",
      "/images/nginx/get",
      "/images/get",
      "/exec/1/json",
      "/secrets",
      "/configs",
      "/swarm",
      "/plugins",
      "/system/df",
      "/containers/../secrets",
      "/images/x/../../exec/1/json",
      "/containers/json/",
      "//containers/json",
    ];
    for (const reads of [Portainer.reads, Cadvisor.reads])
      assert.deepEqual(
        never.filter((path) => passes(reads, path)),
        [],
      );
  });

  it("gives each consumer what it reads", () => {
    for (const path of ["/_ping", "/v1.41/info", "/containers/json", "/containers/a1-b_c.d/json"])
      assert.ok(passes(Cadvisor.reads, path), path);
    for (const path of [
      "/images/json",
      "/networks",
      "/volumes/x",
      "/images/ghcr.io/a/b:1@sha256:0/json",
    ])
      assert.ok(passes(Portainer.reads, path), path);
    assert.ok(!passes(Cadvisor.reads, "/images/json"));
  });
});
