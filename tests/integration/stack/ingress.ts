/** What visitors reach from outside: routes, allow-lists and forged headers. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import { keepPicture, visit } from "../../support/browser";
import { services } from "../../support/inspect";
import { succeeded } from "../../support/run";
import { until } from "../../support/until";
import { DOMAIN, STACK, type Whole } from "./whole";

/** Asks the own host's address with a Host header and a forged origin; prints the status. */
const VISIT = `
const [host, port, path, name] = process.argv.slice(1);
const headers = { host: name, "x-forwarded-for": "172.17.0.1", "x-real-ip": "172.17.0.1" };
require("node:http").get({ host, port, path, headers, agent: false }, (answer) => {
  console.log(answer.statusCode);
  answer.destroy();
});
`;

/** Answers with the headers that it was sent, as JSON. */
const ECHO = `
require("node:http").createServer((question, answer) => {
  answer.setHeader("x-echo", "1");
  answer.end(JSON.stringify(question.headers));
}).listen(18999);
`;

/** Each route: a page that answers, and whether it is for administrators. */
const ROUTES = [
  [DOMAIN, "/", false],
  [DOMAIN, "/details/", true],
  [`n8n.${DOMAIN}`, "/healthz", true],
  [`portainer.${DOMAIN}`, "/api/system/status", true],
  [`cadvisor.${DOMAIN}`, "/healthz", true],
  [`traefik.${DOMAIN}`, "/api/version", true],
] as const;

export function ingress(whole: () => Whole): void {
  const at = (name: string): string => `http://${name}.${DOMAIN}:${whole().http}/`;
  for (const [path, title, cards] of [
    ["", "whole · services", 4],
    ["details/", "whole · details", 7],
  ] as const)
    it(`shows ${title} in a browser, with ${cards} services on it`, async function () {
      this.timeout(30_000);
      const url = `http://${DOMAIN}:${whole().http}/${path}`;
      const seen = await visit(url, async (page) => {
        await keepPicture(page, path === "" ? "stack-homepage" : "stack-details");
        const anchors = await page.locator(".services h3 a").all();
        const links = await Promise.all(anchors.map((one) => one.getAttribute("href")));
        const shown = await page.locator(".services > li h3").count();
        return { title: await page.title(), cards: shown, links };
      });
      const links = [at("traefik"), at("portainer"), at("n8n"), at("cadvisor")];
      assert.deepEqual(seen, { title, cards, links });
    });

  it("gives the page of details to no stranger, however its path is written", async () => {
    const { outside, http } = whole();
    const spellings =
      "/details /details/ /details/index.html //details/ /%64etails/ /%2Fdetails/ /details%2Findex.html /x/../details/ /x%2F..%2Fdetails/ /.%2Fdetails/ /;/details/ /../details/index.html".split(
        " ",
      );
    const seen = await Promise.all(
      spellings.map((path) => outside.run(VISIT, outside.gateway, `${http}`, path, DOMAIN)),
    );
    assert.deepEqual(
      seen.filter((status) => !["400", "403", "404"].includes(status.trim())),
      [],
    );
  });

  it("shows n8n's set-up page in a browser, no request of it refused", async function () {
    this.timeout(60_000);
    await visit(`http://n8n.${DOMAIN}:${whole().http}/`, async (page) => {
      const refused: number[] = [];
      page.on("response", (answer) => {
        if (answer.status() === 429 || answer.status() >= 500) refused.push(answer.status());
      });
      await page.reload({ waitUntil: "networkidle" });
      await page.getByText("Set up owner account").waitFor();
      await keepPicture(page, "stack-n8n-setup");
      assert.match(page.url(), /\/setup$/);
      assert.deepEqual(refused, []);
    });
  });

  it("knows no host name but those of the routes", async () => {
    for (const host of ["nobody.example.test", "postgres.example.test", "127.0.0.1", "example.com"])
      assert.equal((await whole().ask(host, "/")).status, 404, host);
  });

  it("shows administrators' pages to their networks only, whatever origin a stranger claims", async () => {
    const { outside, http } = whole();
    const seen = await Promise.all(
      ROUTES.map(async ([host, path]) => {
        const admin = (await whole().ask(host, path)).status;
        const stranger = await outside.run(VISIT, outside.gateway, `${http}`, path, host);
        return [`${host}${path}`, admin, Number(stranger)];
      }),
    );
    assert.deepEqual(
      seen,
      ROUTES.map(([host, path, admin]) => [`${host}${path}`, 200, admin ? 403 : 200]),
    );
  });

  it("gives no service what a visitor claims about himself and his request", async function () {
    this.timeout(30_000);
    const { world } = whole();
    const { n8n } = await services(world, STACK);
    const enter = ["--target", `${n8n?.State.Pid ?? 0}`, "--net", "--"];
    // In n8n's place, on its own address: what Traefik sends there shows nowhere else.
    const echo = await world.host.spawn("echo", "nsenter", [
      ...enter,
      process.execPath,
      "-e",
      ECHO,
    ]);
    const redirect = async (action: "-A" | "-D"): Promise<void> => {
      const rule = "PREROUTING -p tcp --dport 5678 -j REDIRECT --to-ports 18999";
      const words = ["iptables", "-t", "nat", action, ...rule.split(" ")];
      succeeded("iptables", await world.host.run("nsenter", [...enter, ...words]));
    };
    await redirect("-A");
    try {
      const forged = [
        ...["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port"],
        ...["X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Forwarded-Ssl"],
        ...["X-Original-Url", "X-Real-Ip", "X-Rewrite-Url"],
      ].flatMap((name) => [name, name.replaceAll("-", "_"), name.replace("-", "_")]);
      const headers = {
        ...Object.fromEntries(forged.map((name) => [name, "forged"])),
        "x-of-the-visitor": "kept",
      };
      // Connections from before lead to n8n, which closes them after five seconds without a request.
      await pause(6000);
      const { body } = await until("the echo", async () => {
        const answer = await whole().ask(`n8n.${DOMAIN}`, "/", { headers });
        if (answer.headers["x-echo"] === "1") return answer;
        throw new Error(`${answer.status}: ${answer.body.slice(0, 200)}`);
      });
      const seen = JSON.parse(body) as Readonly<Record<string, string>>;
      assert.doesNotMatch(body, /forged/);
      assert.equal(seen["x-of-the-visitor"], "kept");
      assert.equal(seen["x-forwarded-host"], `n8n.${DOMAIN}`);
      assert.equal(seen["x-forwarded-proto"], "http");
      assert.match(seen["x-forwarded-for"] ?? "", /^\d+(?:\.\d+){3}$/);
      assert.equal(seen["x-real-ip"], seen["x-forwarded-for"]);
    } finally {
      await redirect("-D");
      await echo.stop();
    }
  });

  it("shows strangers n8n's webhooks and forms only", async () => {
    const { outside, http } = whole();
    const stranger = async (path: string): Promise<number> =>
      Number(await outside.run(VISIT, outside.gateway, `${http}`, path, `n8n.${DOMAIN}`));
    // n8n knows none of these, and says so itself.
    for (const path of ["/webhook/a", "/webhook-waiting/1", "/form/a", "/form-waiting/1"])
      assert.match(String(await stranger(path)), /^(?:404|409|500)$/, path);
    for (const path of [
      ...["/", "/setup", "/rest/login", "/rest/owner/setup", "/api/v1/docs", "/healthz"],
      ...["/webhook-test/a", "/form-test/a", "/webhook", "/Webhook/a", "/webhooks/a"],
      ...["/webhook/../rest/login", "/webhook/%2e%2e/rest/login", "/webhook/.%2e/rest/login"],
    ])
      assert.equal(await stranger(path), 403, path);
    // Encoded slashes stay in one part of the path, for Traefik and for n8n.
    for (const path of ["/webhook/..%2frest%2flogin", "/webhook/%2e%2e%2frest/login"])
      assert.equal(await stranger(path), 404, path);
  });

  it("tells no version and sends the security headers, on every route", async () => {
    for (const [host, path] of ROUTES) {
      const { headers } = await whole().ask(host, path);
      const { server, via, "x-powered-by": poweredBy } = headers;
      assert.deepEqual([server, via, poweredBy], [undefined, undefined, undefined], host);
      assert.equal(headers["x-content-type-options"], "nosniff", host);
      assert.equal(headers["x-frame-options"], "SAMEORIGIN", host);
      assert.equal(headers["referrer-policy"], "strict-origin-when-cross-origin", host);
      assert.equal(headers["permissions-policy"], "camera=(), microphone=(), geolocation=()", host);
      assert.equal(headers["strict-transport-security"], undefined, host);
    }
  });

  it("lets paths with encoded characters through, and backslashes and null characters not", async () => {
    const status = async (path: string): Promise<number> =>
      (await whole().ask(`n8n.${DOMAIN}`, `/healthz/${path}`)).status;
    for (const path of ["a%2Fb", "a%25b", "a%3Fb", "a%23b", "a%3Bb", "a%20b"])
      assert.notEqual(await status(path), 400, path);
    for (const path of ["a%5Cb", "a%00b"]) assert.equal(await status(path), 400, path);
  });

  it("answers a burst of 300 requests of one visitor to n8n", async () => {
    const burst = Array.from({ length: 300 }, () => whole().ask(`n8n.${DOMAIN}`, "/healthz"));
    const refused = (await Promise.all(burst)).filter(({ status }) => status !== 200);
    assert.deepEqual(refused, []);
  });
}
