/** What the Docker socket proxies let through. */
import assert from "node:assert/strict";

import { inNetworkOf } from "../../support/deployment";
import { services } from "../../support/inspect";
import { CANARIES, DOMAIN, STACK, type Whole } from "./whole";

/** What an API call through a proxy answers: 403 is the proxy's own. */
type Calls = Readonly<Record<string, number>>;

/** Nothing of these is for anybody. */
const NEVER: Calls = {
  "POST /containers/create": 403,
  "POST /containers/prune": 403,
  "POST /containers/CONTAINER/exec": 403,
  "POST /containers/CONTAINER/stop": 403,
  "PUT /containers/CONTAINER/archive?path=/": 403,
  // The files and the output of a container, secrets among them.
  "GET /containers/CONTAINER/archive?path=/run/secrets": 403,
  "GET /containers/CONTAINER/export": 403,
  "GET /containers/CONTAINER/logs?stdout=1": 403,
  // Processes with their environment: the daemon gives these words to ps on the host.
  "GET /containers/CONTAINER/top?ps_args=axeww": 403,
  "GET /images/x/../../exec/0/json": 403,
  "DELETE /containers/CONTAINER": 403,
  "POST /v1.41/build": 403,
  "POST /auth": 403,
  "GET /exec/0/json": 403,
  "GET /secrets": 403,
  "GET /configs": 403,
  "GET /swarm": 403,
  "GET /services": 403,
  "GET /tasks": 403,
  "GET /nodes": 403,
  "GET /plugins": 403,
  "GET /system/df": 403,
  "GET /distribution/nginx/json": 403,
  "GET /session": 403,
  "GET /": 403,
};

const PORTAINER: Calls = {
  ...NEVER,
  "GET /_ping": 200,
  "GET /version": 200,
  "GET /info": 200,
  "GET /containers/json?all=1": 200,
  "GET /v1.41/containers/CONTAINER/json": 200,
  "GET /images/json": 200,
  "GET /networks": 200,
  "GET /volumes": 200,
  "POST /networks/create": 403,
  "POST /volumes/create": 403,
  "POST /images/create?fromImage=nginx": 403,
};

/** Takes the proxy's name and calls as JSON; tells the status of each. */
const CALL = `
const { Resolver } = require("node:dns").promises;
const { request } = require("node:http");
const [name, calls] = process.argv.slice(1);
const resolver = new Resolver();
resolver.setServers(["127.0.0.11"]);
const status = (host, method, path) => new Promise((done, failed) => {
  const call = request({ host, port: 2375, method, path, agent: false, timeout: 5000 }, (answer) => {
    done(answer.statusCode);
    answer.destroy();
  });
  call.on("timeout", () => call.destroy(new Error("no answer to " + path))).on("error", failed).end();
});
resolver.resolve4(name).then(async ([host]) => {
  const seen = {};
  for (const call of JSON.parse(calls)) seen[call] = await status(host, ...call.split(" "));
  console.log(JSON.stringify(seen));
});
`;

export function proxies(whole: () => Whole): void {
  it("lets Portainer read what it declares and change nothing", async () => {
    const { portainer, homepage } = await services(whole().world, STACK);
    assert.ok(portainer && homepage);
    const expected = Object.fromEntries(
      Object.entries(PORTAINER).map(([call, status]) => [
        call.replace("CONTAINER", homepage.Id),
        status,
      ]),
    );
    const list = JSON.stringify(Object.keys(expected));
    const seen = await inNetworkOf(whole().world, portainer, CALL, "socket-proxy-portainer", list);
    assert.deepEqual(JSON.parse(seen), expected);
  });

  it("shows Portainer's administrator all containers, and refuses the same one a change", async () => {
    const host = `portainer.${DOMAIN}`;
    const login = await whole().ask(host, "/api/auth", {
      method: "POST",
      json: { Username: "admin", Password: CANARIES.portainerPassword },
    });
    assert.equal(login.status, 200);
    const { jwt } = JSON.parse(login.body) as { readonly jwt: string };
    const headers = { authorization: `Bearer ${jwt}` };
    const api = "/api/endpoints/1/docker/containers";
    const list = await whole().ask(host, `${api}/json?all=1`, { headers });
    const listed = (JSON.parse(list.body) as readonly { readonly Id: string }[]).map(
      ({ Id }) => Id,
    );
    for (const [name, { Id }] of Object.entries(await services(whole().world, STACK)))
      assert.ok(listed.includes(Id), name);
    const prune = await whole().ask(host, `${api}/prune`, { method: "POST", headers });
    assert.equal(prune.status, 403);
  });
}
