/** `npm run renew` against a server on loopback, with the shapes of endoflife.date and OSV. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { KNOWN_FOLDER, parseLines, parseOsv, readKnown } from "../../../images/known/data";
import { advisoriesOf, lineEnd } from "../../../images/known/known";
import { parseReference } from "../../../images/reference";
import { runRenew } from "../../../tools/trust/renew/run";

const NOW = new Date("2026-11-27T12:00:00Z");

const release = (
  name: string,
  eolFrom: string | null,
  isEol = eolFrom !== null && eolFrom < "2026-11-27",
) => ({
  ...{ name, codename: null, label: name, releaseDate: "2025-11-07", isLts: false, ltsFrom: null },
  ...{ isEol, eolFrom, isMaintained: !isEol },
  latest: { name: `${name}.1`, date: "2026-11-01", link: "https://example.test/" },
});
const product = (name: string, ...releases: readonly object[]) => ({
  ...{
    schema_version: "1.2.0",
    generated_at: "2026-11-27T00:00:00+00:00",
    last_modified: "2026-11-26T00:00:00+00:00",
  },
  result: { name, label: name, category: "server-app", tags: [], releases },
});

const PRODUCTS: Readonly<Record<string, object>> = {
  traefik: product(
    "traefik",
    release("3.8", null),
    release("3.7", "2027-03-01"),
    release("3.6", "2026-08-16"),
    release("1.7", null, true),
  ),
  nginx: product(
    "nginx",
    ...["1.27", "1.28", "1.29"].map((name) => release(name, null, true)),
    release("1.30", null),
    release("1.31", null),
  ),
  postgresql: product(
    "postgresql",
    ...["14", "15", "16", "17", "18"].map((name) => release(name, `${2012 + Number(name)}-11-12`)),
    release("19-beta", null),
  ),
};

const vulnerability = (id: string, more: object) => ({
  schema_version: "1.7.3",
  ...{
    id,
    modified: "2026-11-20T00:00:00Z",
    published: "2026-11-01T00:00:00Z",
    aliases: [`CVE-2026-${id.slice(-4)}`],
  },
  details: "long text",
  database_specific: { severity: "CRITICAL", github_reviewed: true },
  severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
  ...more,
});
const affected = (...events: readonly object[]) => [
  {
    package: { ecosystem: "npm", name: "n8n", purl: "pkg:npm/n8n" },
    ranges: [{ type: "SEMVER", events }],
  },
];
const N8N_1 = [
  vulnerability("GHSA-aaaa-bbbb-1111", {
    summary: "runs code\u001b[31m of\nvisitors",
    affected: [
      ...affected(
        { introduced: "0" },
        { fixed: "1.123.83" },
        { introduced: "2.0.0-rc.1" },
        { fixed: "2.41.4" },
      ),
      {
        package: { ecosystem: "npm", name: "other" },
        ranges: [{ type: "SEMVER", events: [{ introduced: "0" }] }],
      },
    ],
  }),
  vulnerability("GHSA-aaaa-bbbb-2222", {
    database_specific: { severity: "MODERATE" },
    affected: affected({ introduced: "0" }),
  }),
  vulnerability("GHSA-aaaa-bbbb-3333", {
    withdrawn: "2026-11-02T00:00:00Z",
    affected: affected({ introduced: "0" }),
  }),
];
const N8N_2 = [
  vulnerability("GHSA-aaaa-bbbb-4444", {
    severity: [
      { type: "CVSS_V4", score: "CVSS:4.0/AV:N/AC:L/AT:N/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N" },
    ],
    affected: affected({ introduced: "2.40.0" }, { last_affected: "2.42.0" }),
  }),
  vulnerability("GO-2026-1111", {
    aliases: ["CVE-2026-1111"],
    database_specific: { url: "x" },
    affected: affected({ introduced: "0" }),
  }),
  vulnerability("GO-2026-2222", {
    aliases: ["CVE-2026-2222"],
    database_specific: null,
    affected: affected({ introduced: "0" }),
  }),
];

describe("npm run renew", () => {
  let folder = "";
  let server: Server;
  let asked: {
    readonly method: string;
    readonly url: string;
    readonly body: string;
    readonly headers: IncomingHttpHeaders;
  }[];
  /** Answers before the usual ones. */
  let instead: Readonly<Record<string, (response: ServerResponse) => void>>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "renew-"));
    for (const name of ["lines.json", "osv.json", "advisories.json"])
      cpSync(join(KNOWN_FOLDER, name), join(folder, name));
    asked = [];
    instead = {};
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        asked.push({ method, url, body, headers });
        const other = Object.entries(instead).find(([part]) => `${url} ${body}`.includes(part));
        if (other !== undefined) {
          other[1](response);
          return;
        }
        const name = /^\/api\/v1\/products\/([a-z]+)\/$/.exec(url)?.[1];
        const found = name === undefined ? osv(body) : PRODUCTS[name];
        response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" });
        response.end(JSON.stringify(found ?? {}));
      });
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  function osv(body: string): object {
    const { package: of, page_token: token } = JSON.parse(body) as {
      package: { name: string };
      page_token?: string;
    };
    if (of.name !== "n8n") return {};
    return token === undefined ? { vulns: N8N_1, next_page_token: "page 2" } : { vulns: N8N_2 };
  }

  async function renew(given: { readonly timeoutMs?: number } = {}) {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    let err = "";
    const code = await runRenew({
      ...{ folder, endOfLife: base, osv: base, now: NOW, ...given },
      signal: new AbortController().signal,
      out: { write: () => true },
      err: { write: (text: string | Uint8Array) => ((err += String(text)), true) },
    });
    assert.deepEqual(readdirSync(folder).sort(), ["advisories.json", "lines.json", "osv.json"]);
    return { code, err: err.replaceAll(base.slice("http://".length), "HOST") };
  }
  const file = (name: string): string => readFileSync(join(folder, name), "utf8");
  const lines = (name: string) =>
    parseLines(file("lines.json"))?.products.find((one) => one.name === name);
  const packageOf = (name: string) =>
    parseOsv(file("osv.json"))?.packages.find((one) => one.name === name);

  it("writes the lines that a product has now, with the day", async () => {
    assert.deepEqual(await renew(), { code: 0, err: "" });
    assert.deepEqual(lines("traefik"), {
      name: "traefik",
      repositories: ["docker.io/library/traefik", "ghcr.io/traefik/traefik"],
      source: "https://endoflife.date/traefik",
      read: "2026-11-27",
      lines: [
        { line: "3.8", end: null },
        { line: "3.7", end: "2027-03-01" },
        { line: "3.6", end: "2026-08-16" },
      ],
    });
    // Ended, and the source no longer says when.
    assert.deepEqual(lines("nginx")?.lines[0], { line: "1.27", end: "2025-06-24" });
    const known = readKnown(folder);
    assert.equal(lineEnd(parseReference("traefik:v3.7.14"), NOW, known)?.end, "2027-03-01");
  });

  it("writes the high and critical advisories of all pages, each once", async () => {
    await renew();
    assert.equal(packageOf("n8n")?.read, "2026-11-27");
    assert.deepEqual(packageOf("n8n")?.advisories, [
      {
        id: "CVE-2026-1111",
        affected: [
          { from: "0", before: "1.123.83" },
          { from: "2.0.0", before: "2.41.4" },
        ],
        login: false,
        summary: "runs code of visitors",
        source: "https://osv.dev/vulnerability/GHSA-aaaa-bbbb-1111",
      },
      {
        id: "CVE-2026-4444",
        affected: [{ from: "2.40.0", before: null }],
        login: true,
        summary: "see the advisory",
        source: "https://osv.dev/vulnerability/GHSA-aaaa-bbbb-4444",
      },
    ]);
    const ids = (image: string) =>
      advisoriesOf(parseReference(image), readKnown(folder))
        .map(({ id }) => id)
        .filter((id) => /-\d{4}$/.test(id));
    assert.deepEqual(ids("n8nio/n8n:1.123.82"), ["CVE-2026-1111"]);
    assert.deepEqual(ids("n8nio/n8n:2.41.4"), ["CVE-2026-4444"]);
    assert.deepEqual(packageOf("github.com/google/cadvisor")?.advisories, []);
  });

  it("asks each source once a page, and sends no credentials", async () => {
    await renew();
    assert.deepEqual(
      asked.map(({ method, url }) => `${method} ${url}`),
      [
        ...["traefik", "nginx", "postgresql"].map((name) => `GET /api/v1/products/${name}/`),
        ...Array.from({ length: 5 }, () => "POST /v1/query"),
      ],
    );
    for (const { headers } of asked) {
      assert.equal(headers.authorization, undefined);
      assert.equal(headers.cookie, undefined);
    }
    assert.match(asked[4]?.body ?? "", /"page_token":"page 2"/);
  });

  const failures: readonly (readonly [string, (response: ServerResponse) => void, RegExp])[] = [
    [
      "fails",
      (response) => response.writeHead(500).end("\u001b[31mno"),
      /HOST: expected status 200, got 500$/,
    ],
    [
      "leads elsewhere",
      (response) => response.writeHead(302, { location: "/api/v1/products/nginx/" }).end(),
      /HOST: expected status 200, got 302$/,
    ],
    [
      "is no JSON",
      (response) => response.end("<html>"),
      /the answer is no product of endoflife\.date$/,
    ],
    [
      "has no lines",
      (response) => response.end(JSON.stringify(product("traefik"))),
      /the answer is no product of endoflife\.date$/,
    ],
    [
      "has lost a line",
      (response) => response.end(JSON.stringify(product("traefik", release("3.7", null)))),
      /the answer has no 3\.6, which the file has; if that is right, remove them from the file$/,
    ],
    ["breaks off", (response) => response.destroy(), /HOST: cannot be reached \(\w+\)$/],
    ["never comes", () => undefined, /HOST: no answer within 1 s$/],
    [
      "never ends",
      (response) => {
        const chunk = Buffer.alloc(1024 * 1024, " ");
        const more = (): void => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on("drain", more);
        more();
      },
      /HOST: (?:more than 32 MiB|no answer within 1 s)$/,
    ],
  ];
  for (const [what, answer, message] of failures)
    it(`keeps the old facts with their date when an answer ${what}`, async () => {
      instead = { "/products/traefik/": answer };
      const before = lines("traefik");
      // Only those that never end need the limit.
      const { code, err } = await renew(what.startsWith("never") ? { timeoutMs: 1000 } : {});
      assert.equal(code, 2);
      assert.match(err.split("\n")[0] ?? "", message);
      assert.match(err, /^ends of traefik: keeps its old facts: /);
      assert.deepEqual(lines("traefik"), before);
      assert.equal(lines("nginx")?.read, "2026-11-27");
    });

  it("keeps the old advisories when OSV breaks off between two pages", async () => {
    instead = { "page 2": (response) => response.writeHead(503).end() };
    const { code, err } = await renew();
    assert.equal(code, 2);
    assert.equal(
      err,
      "advisories of n8n: keeps its old facts: HOST: expected status 200, got 503\n",
    );
    assert.equal(packageOf("n8n")?.read, null);
  });

  it("does not follow pages without an end", async () => {
    instead = {
      '"n8n"': (response) => response.end(JSON.stringify({ vulns: [], next_page_token: "again" })),
    };
    assert.match(
      (await renew()).err,
      /^advisories of n8n: keeps its old facts: more than 20 pages$/m,
    );
  });
});
