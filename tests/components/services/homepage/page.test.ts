import assert from "node:assert/strict";

import { containerModel } from "../../../../components/hardened/model";
import { Exemption, HARDENED } from "../../../../components/hardened/policy";
import { DescribedStack } from "../../../../components/services/definition";
import { renderDetails, renderPage } from "../../../../components/services/homepage/page";
import { STYLE } from "../../../../components/services/homepage/style";
import { digestOf } from "../../../support/raw-config";

/** A picture in the page itself. */
const ICON =
  "data:image/svg+xml,%3Csvg%20xmlns%3D%22http%3A%2F%2Fwww.w3.org%2F2000%2Fsvg%22%20viewBox%3D%220%200%2016%2016%22%3E%3Crect%20x%3D%222%22%20y%3D%227%22%20width%3D%2212%22%20height%3D%228%22%20rx%3D%222%22%20fill%3D%22%231f6f4a%22%2F%3E%3Cpath%20d%3D%22M5%207V5a3%203%200%200%201%206%200v2%22%20fill%3D%22none%22%20stroke%3D%22%231f6f4a%22%20stroke-width%3D%222%22%2F%3E%3C%2Fsvg%3E";

type PageService = DescribedStack["services"][number];

const service = (said: Partial<PageService> = {}): PageService => ({
  service: "n8n",
  image: `n8nio/n8n:1.64.2@${digestOf("5")}`,
  url: "https://n8n.example.test/",
  admin: false,
  ...said,
});

/** The page of these services, each one container under the policy except for these exemptions. */
function pageOf(services: readonly PageService[], exemptions: readonly Exemption[] = []): string {
  const containers = services.map(({ service: name }) => containerWith(name, exemptions));
  return renderDetails({ stack: "test", services, containers });
}

/** As the page reads it; whether it does what its exemptions allow is not the page's matter. */
function containerWith(name: string, exemptions: readonly Exemption[]) {
  const health = { command: ["check"] };
  const plain = containerModel({ name, image: "any:1", health, networks: [] });
  const exempt = Object.fromEntries(exemptions.map(({ control, value }) => [control, value]));
  return { ...plain, exemptions, controls: { ...HARDENED, ...exempt } };
}

const card = (said: Partial<PageService> = {}, exemptions: readonly Exemption[] = []): string =>
  pageOf([service(said)], exemptions);

describe("the page of details, for administrators", () => {
  it("says what is known of a version, as text, and nothing where nothing is", () => {
    const html = card({
      known: ["n8n 1 ended 2026-01-01 (endoflife.date, read 2026-08-22)", "<b>&"],
    });
    assert.ok(
      html.includes(
        "<div><dt>Known</dt><dd>n8n 1 ended 2026-01-01 (endoflife.date, read 2026-08-22)<br>&#60;b&#62;&#38;</dd></div>",
      ),
    );
    assert.doesNotMatch(card(), /Known/);
    assert.doesNotMatch(
      renderPage({ stack: "test", services: [service({ known: ["a hole"] })], containers: [] }),
      /hole/,
    );
  });

  it("is complete, small and needs nothing but its style sheet", () => {
    assert.equal(
      card(),
      `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>test · details</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="${ICON}">
</head>
<body>
<header>
<h1>test</h1>
<p>1 service, all pinned by digest, 1 without exemptions.</p>
<p class="deployed"><!-- deployed --></p>
<p><a href="/">Start page</a></p>
</header>
<main>
<section aria-labelledby="open">
<h2 id="open">Services</h2>
<ul class="services">
<li>
<div class="title"><h3><a href="https://n8n.example.test/">n8n</a></h3><span class="version">1.64.2</span></div>
<dl>
<div><dt>Image</dt><dd>n8nio/n8n</dd></div>
<div><dt>Digest</dt><dd><details><summary><code>555555555555</code></summary><code class="full">${digestOf("5")}</code></details></dd></div>
<div><dt>User</dt><dd>65532:65532</dd></div>
<div><dt>Limits</dt><dd>256 MiB, 0.5 CPU, 200 processes</dd></div>
</dl>
<ul class="badges" aria-label="Restrictions of n8n">
<li>not root</li>
<li>no capabilities</li>
<li>read-only root</li>
<li>no new privileges</li>
<li>health check</li>
<li>no internet access</li>
<li>no Docker socket</li>
</ul>
</li>
</ul>
</section>
</main>
<footer>
<p>A check mark shows an active restriction. An exclamation mark shows an exemption and its reason.</p>
</footer>
</body>
</html>
`,
    );
  });

  /** A control that is left, what the page says of it, and the badge that goes. */
  const exemptions: readonly (readonly [Exemption["control"], unknown, string, string?])[] = [
    ["user", "0:0", "runs as root", "not root"],
    ["capabilities", ["CAP_CHOWN", "CAP_FOWNER"], "has CAP_CHOWN, CAP_FOWNER", "no capabilities"],
    ["readOnlyRootfs", false, "can write to its root file system", "read-only root"],
    ["noNewPrivileges", false, "can gain privileges", "no new privileges"],
    ["dockerSocket", true, "uses the Docker socket", "no Docker socket"],
    ["hostPaths", ["/proc"], "reads the host&#39;s /proc"],
    ["publishedPorts", [80], "publishes port 80"],
    ["publishedPorts", [80, 443], "publishes ports 80 and 443"],
    ["outsideNetworks", ["egress"], "has internet access through egress", "no internet access"],
    ["environmentSecrets", ["KEY"], "has a secret in KEY"],
    ["healthCheck", false, "has no health check", "health check"],
  ];
  const badges = (html: string): string[] =>
    [...html.matchAll(/^<li>([^<]*)<\/li>$/gm)].map(([, badge = ""]) => badge);
  for (const [control, value, text, badge] of exemptions)
    it(`says that a service ${text}, and why`, () => {
      const html = card({}, [{ control, value, reason: "because of x" } as Exemption]);
      assert.ok(html.includes(`<li><strong>${text}</strong> <span>because of x</span></li>`), html);
      assert.deepEqual(
        badges(html),
        badges(card()).filter((one) => one !== badge),
      );
      assert.ok(badge === undefined || badges(card()).includes(badge));
    });

  it("groups by who goes there: everybody, administrators, nobody", () => {
    const html = pageOf([
      { service: "postgres", image: "postgres:16", admin: false },
      service({ service: "portainer", admin: true }),
      service(),
      service({ service: "homepage" }),
    ]);
    assert.deepEqual(
      [...html.matchAll(/<h[23][^>]*>(?:<a [^>]*>)?([^<]*)/g)].map(([, text]) => text),
      [
        "Services",
        "n8n",
        "Administration",
        "portainer",
        "Behind the scenes",
        "postgres",
        "homepage",
      ],
    );
    assert.doesNotMatch(html, /<a [^>]*>(?:postgres|homepage)</);
  });

  it("names the containers where they are not called like the service", () => {
    const proxies = [service({ service: "socket-proxy" })];
    const containers = ["one", "two"].map((name) => ({
      ...containerWith(name, []),
      service: "socket-proxy",
    }));
    const page = (some: typeof containers): string =>
      renderDetails({ stack: "test", services: proxies, containers: some });
    assert.match(page(containers), /Containers<\/dt><dd>one, two</);
    assert.match(page(containers.slice(0, 1)), /Container<\/dt><dd>one</);
    assert.doesNotMatch(card(), /<dt>Container/);
  });

  it("leaves out a service without a container", () => {
    const html = renderDetails({ stack: "test", services: [service()], containers: [] });
    assert.match(html, /<p>0 services, /);
    assert.doesNotMatch(html, /n8n/);
  });

  const images: readonly (readonly [string, string, string, string])[] = [
    [`traefik:v3@${digestOf("1")}`, "traefik", "v3", "111111111111"],
    [`127.0.0.1:5000/a/b:1.0@${digestOf("2")}`, "127.0.0.1:5000/a/b", "1.0", "222222222222"],
    [`127.0.0.1:5000/a@${digestOf("3")}`, "127.0.0.1:5000/a", "", "333333333333"],
    ["traefik:v3", "traefik", "v3", "not pinned"],
  ];
  for (const [image, name, tag, digest] of images)
    it(`shows name, tag and digest of ${image}`, () => {
      const html = card({ image });
      assert.ok(html.includes(`<dt>Image</dt><dd>${name}</dd>`), html);
      assert.equal(/class="version">([^<]*)</.exec(html)?.[1] ?? "", tag);
      const shown = /<dt>Digest<\/dt><dd>(?:<details><summary><code>)?([^<]*)/.exec(html);
      assert.equal(shown?.[1], digest);
      assert.match(html, digest === "not pinned" ? /0 of 1 pinned/ : /all pinned by digest/);
    });

  it("tells since when an image is deployed, where that is known", () => {
    assert.match(
      card({ since: "2026-01-31" }),
      /<dt>Since<\/dt><dd><time datetime="2026-01-31">2026-01-31<\/time><\/dd>/,
    );
    assert.doesNotMatch(card(), /Since/);
  });

  it("escapes every text", () => {
    const evil = `<script src="x" a='y'>&`;
    const container = containerWith(evil, [
      { control: "hostPaths", value: [evil], reason: evil },
      { control: "capabilities", value: ["CAP_CHOWN"], reason: evil },
    ]);
    const html = renderDetails({
      stack: evil,
      services: [
        { service: evil, image: `${evil}:${evil}@${evil}`, url: evil, since: evil, admin: true },
      ],
      containers: [{ ...container, controls: { ...container.controls, user: evil } }],
    });
    assert.doesNotMatch(html, /<script|src="x"|a='y'/);
    const escaped = "&#60;script src=&#34;x&#34; a=&#39;y&#39;&#62;&#38;";
    // Title, heading, link and its text, name, tag, the whole digest, the day twice, user, two labels, a path, two reasons.
    assert.equal(html.split(escaped).length - 1, 15);
    assert.ok(html.includes(`<title>${escaped} · details</title>`));
    assert.ok(html.includes(`<a href="${escaped}">${escaped}</a>`));
    assert.ok(html.includes(`<code class="full">${escaped}</code>`));
  });

  it("asks for nothing from elsewhere and holds no script", () => {
    const html = card();
    assert.doesNotMatch(html, /<script|onclick|style=/i);
    assert.deepEqual(
      [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, target]) => target),
      ["/style.css", ICON, "/", "https://n8n.example.test/"],
    );
    assert.doesNotMatch(STYLE, /url\(|@import/);
  });
});

describe("the start page, for everybody", () => {
  const stack: DescribedStack = {
    stack: "test",
    services: [
      { service: "postgres", image: `postgres:16.1@${digestOf("7")}`, admin: false },
      service({ since: "2026-01-31" }),
      service({ service: "portainer", admin: true, url: "https://portainer.example.test/" }),
      service({ service: "homepage", url: "https://example.test/" }),
    ],
    containers: ["postgres", "n8n", "portainer", "homepage"].map((name) =>
      containerWith(name, [{ control: "dockerSocket", value: true, reason: "because of x" }]),
    ),
  };

  it("has the names of the services with a link, and the link, and nothing else", () => {
    assert.equal(
      renderPage(stack, "/details/"),
      `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>test · services</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="${ICON}">
</head>
<body>
<header>
<h1>test</h1>
</header>
<main>
<section aria-labelledby="open">
<h2 id="open">Services</h2>
<ul class="services">
<li>
<h3><a href="https://n8n.example.test/">n8n</a></h3>
</li>
</ul>
</section>
<section aria-labelledby="admin">
<h2 id="admin">Administration</h2>
<ul class="services">
<li>
<h3><a href="https://portainer.example.test/">portainer</a></h3>
</li>
</ul>
</section>
</main>
<footer>
<p>For administrators: <a href="/details/">images and restrictions</a></p>
</footer>
</body>
</html>
`,
    );
  });

  it("tells a visitor no version, digest, day, exemption or internal service", () => {
    assert.doesNotMatch(
      renderPage(stack, "/details/"),
      /1\.64|16\.1|n8nio|sha256|[57]{12}|2026|because of|socket|root|MiB|postgres/i,
    );
  });

  it("has no footer without a page for administrators, and says so where there is nothing to open", () => {
    const html = renderPage({ ...stack, services: [] });
    assert.match(
      html,
      /<main>\n<p>This stack has no service with a page of its own\.<\/p>\n<\/main>/,
    );
    assert.doesNotMatch(html, /<footer>|details/);
  });

  it("escapes every text", () => {
    const evil = `<script src="x" a='y'>&`;
    const html = renderPage({
      stack: evil,
      services: [{ service: evil, image: "x", url: evil, admin: true }],
      containers: [containerWith(evil, [])],
    });
    assert.doesNotMatch(html, /<script|src="x"|a='y'/);
    const escaped = "&#60;script src=&#34;x&#34; a=&#39;y&#39;&#62;&#38;";
    assert.equal(html.split(escaped).length - 1, 4);
  });
});
