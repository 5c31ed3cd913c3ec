/** Chromium, for the tests of pages. */
import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { chromium, type Page } from "playwright-core";

export const CHROMIUM = "/usr/bin/chromium";

/** Where a test keeps a picture: `test-output/<name>.png`, ignored by git. */
export const picture = (name: string): string => resolve("test-output", `${name}.png`);

/**
 * Opens `url` in a new Chromium, gives the page to `look` once it has loaded, and closes the browser whatever happens.
 * Every host name means 127.0.0.1, so a page is reached by the name it is served under and nothing leaves this
 * machine. Certificates are not checked.
 */
export async function visit<T>(url: string, look: (page: Page) => Promise<T>): Promise<T> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    // Chromium refuses its sandbox to root, and the tests' own host needs root.
    args: ["--no-sandbox", "--host-resolver-rules=MAP * 127.0.0.1"],
    timeout: 30_000,
  });
  try {
    const page = await browser.newPage({ ignoreHTTPSErrors: true });
    page.setDefaultTimeout(15_000);
    await page.goto(url, { waitUntil: "load" });
    return await look(page);
  } finally {
    await browser.close();
  }
}

/** Keeps a picture of the whole page; gives its path. */
export async function keepPicture(page: Page, name: string): Promise<string> {
  const path = picture(name);
  await mkdir(dirname(path), { recursive: true });
  await page.screenshot({ path, fullPage: true });
  return path;
}
