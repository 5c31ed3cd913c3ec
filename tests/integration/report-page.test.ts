import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";

import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";

import { keepPicture, visit } from "../support/browser";
import { IMAGES } from "../support/requirements";
import { FINGERPRINT, fingerprint, FOLDER, startPageFiles } from "../support/start-page";
import { until } from "../support/until";
import { useWorld } from "../support/world";

/** As for golden files: the pictures in docs/images are made anew. */
const renewing = process.env.UPDATE_GOLDEN === "1";
const WIDTHS = { phone: 390, desktop: 1280 } as const;

/** The two ports of the homepage under one address, as Traefik joins them. */
async function front(open: number, details: number): Promise<{ server: Server; port: number }> {
  const server = createServer((asked, answer) => {
    const port = asked.url?.startsWith("/details") === true ? details : open;
    const { url: path, headers } = asked;
    request({ host: "127.0.0.1", port, path, headers }, (from) => {
      answer.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(answer);
    }).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { server, port: (server.address() as AddressInfo).port };
}

describe("the two pages of the homepage in a browser", function () {
  this.timeout(120_000);
  const world = useWorld({ images: [IMAGES.homepage], browser: true });
  let url: string;
  let server: Server | undefined;
  const PAGES = { homepage: "", details: "details/" } as const;

  before(async () => {
    const files = startPageFiles();
    const folder = join(world().host.directory, "site");
    for (const [file, content] of Object.entries(files)) {
      const path = join(folder, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      await chmod(path, 0o444);
    }
    if (renewing) await writeFile(FINGERPRINT, fingerprint(files));
    const [open, details] = [await world().publishedPort(), await world().publishedPort()];
    await world().docker.ask(
      ...["run", "--detach", "--user=101:101", "--read-only", "--cap-drop=ALL"],
      ...["--tmpfs=/run:uid=101,gid=101", "--tmpfs=/var/cache/nginx:uid=101,gid=101"],
      ...[`--volume=${folder}:${FOLDER}:ro`, `--publish=127.0.0.1:${open}:8080`],
      `--publish=127.0.0.1:${details}:8081`,
      await world().pinned(IMAGES.homepage),
      ...["nginx", "-c", `${FOLDER}/nginx.conf`, "-g", "daemon off;"],
    );
    await until("nginx", async () =>
      (await fetch(`http://127.0.0.1:${open}/`)).ok ? true : undefined,
    );
    const joined = await front(open, details);
    server = joined.server;
    url = `http://home.example.test:${joined.port}/`;
  });
  after(() => void server?.close());

  for (const [name, path] of Object.entries(PAGES))
    for (const [device, width] of Object.entries(WIDTHS))
      for (const colorScheme of ["light", "dark"] as const)
        it(`has nothing that axe objects to, ${name}, ${device}, ${colorScheme}`, async () => {
          const source = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
          await visit(`${url}${path}`, async (page) => {
            await page.setViewportSize({ width, height: 900 });
            await page.emulateMedia({ colorScheme });
            await keepPicture(page, `${name}-${device}-${colorScheme}`);
            if (renewing)
              await page.screenshot({
                path: `docs/images/${name}-${device}-${colorScheme}.png`,
                // On a phone the page is long; the README shows what is seen first.
                fullPage: device === "desktop",
              });
            // Texts that are folded away are looked at too.
            await page.evaluate(
              `document.querySelectorAll("details").forEach((one) => (one.open = true))`,
            );
            // The page's own policy would not let it in as a script of the page.
            await page.evaluate(source);
            const { violations, incomplete, passes } = await page.evaluate<AxeResults>("axe.run()");
            const told = (list: AxeResults["violations"]): string[] =>
              list.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
            assert.deepEqual(told(violations), []);
            assert.deepEqual(told(incomplete), []);
            assert.ok(passes.length > 12, `${passes.length} rules had something to check`);
            assert.ok(await fits(page), "it scrolls sideways");
          });
        });

  it("keeps to its own policy and asks for nothing but itself and its style sheet", async () => {
    await visit(`${url}details/`, async (page) => {
      const asked: string[] = [];
      const said: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      page.on("console", (message) => said.push(message.text()));
      await page.addInitScript({
        content: `globalThis.violations = [];
          addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
            violations.push(violatedDirective + " " + blockedURI);
          });`,
      });
      const answer = await page.reload({ waitUntil: "load" });
      assert.match(
        answer?.headers()["content-security-policy"] ?? "",
        /^default-src 'none'; style-src 'self'; img-src data:; /,
      );
      const elsewhere = asked.filter((address) => !address.startsWith("data:"));
      assert.deepEqual(elsewhere, [`${url}details/`, `${url}style.css`]);
      assert.deepEqual(await page.evaluate<string[]>("violations"), []);
      assert.deepEqual(said, []);
      // The policy is in force: what it forbids is refused and told.
      await page.evaluate(`{
        const script = document.createElement("script");
        script.textContent = "1";
        document.body.append(script);
      }`);
      const told = await until("a violation", async () => {
        const all = await page.evaluate<string[]>("violations");
        return all.length > 0 ? all : undefined;
      });
      assert.deepEqual(told, ["script-src-elem inline"]);
    });
  });

  it("says when it was deployed, which is the age of its file", async () => {
    await visit(`${url}details/`, async (page) => {
      const answer = await page.reload();
      const written = answer?.headers()["last-modified"] ?? "";
      assert.match(written, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
      assert.equal(await page.textContent(".deployed"), `As deployed on ${written}.`);
    });
  });

  it("can be used with the keyboard: links, and digests that unfold", async () => {
    await visit(`${url}details/`, async (page) => {
      const stops = await page.locator("a[href], summary").allInnerTexts();
      for (const expected of stops) {
        await page.keyboard.press("Tab");
        const focused = await page.evaluate(
          `[document.activeElement.innerText, getComputedStyle(document.activeElement).outlineStyle]`,
        );
        assert.deepEqual(focused, [expected, "solid"]);
      }
      assert.equal(await page.locator(".full").last().isVisible(), false);
      await page.keyboard.press("Enter");
      assert.equal(await page.locator(".full").last().isVisible(), true);
    });
  });

  it("selects the whole digest with one click, to be copied", async () => {
    await visit(`${url}details/`, async (page) => {
      await page.locator("summary").first().click();
      await page.locator(".full").first().click();
      const selected = await page.evaluate<string>("getSelection().toString()");
      assert.match(selected, /^sha256:[0-9a-f]{64}$/);
    });
  });

  it("is found with and without the slash at the end, and nothing else is on its port", async () => {
    const at = async (path: string): Promise<[number, string]> => {
      const { status, url: end } = await fetch(
        `${url}${path}`.replace("home.example.test", "127.0.0.1"),
      );
      return [status, new URL(end).pathname];
    };
    assert.deepEqual(await at("details"), [200, "/details/"]);
    assert.deepEqual(await at("details/../details/"), [200, "/details/"]);
    assert.deepEqual(await at("details-nginx.conf"), [404, "/details-nginx.conf"]);
    assert.deepEqual(await at("%2Fdetails/"), [404, "/%2Fdetails/"]);
  });

  it("fits the narrowest phones", async () => {
    await visit(`${url}details/`, async (page) => {
      await page.setViewportSize({ width: 320, height: 600 });
      assert.ok(await fits(page));
    });
  });
});

const fits = (page: Page): Promise<boolean> =>
  page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth");
