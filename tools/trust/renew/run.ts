/** `npm run renew`: reads endoflife.date and OSV, and writes the data files in images/known/. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { dayOf } from "../../../images/age";
import {
  LINES_FILE,
  OSV_FILE,
  parseLines,
  parseOsv,
  type LinesFile,
  type OsvFile,
} from "../../../images/known/data";
import { UserError } from "../../../text/user-error";
import { CommandError, type Surroundings } from "../../cli/command";
import { parseProduct } from "./endoflife";
import { advisoriesFrom, parsePage, type OsvPage } from "./osv";

export interface RenewCommand extends Pick<Surroundings, "signal" | "out" | "err"> {
  /** The folder with the data files. */
  readonly folder: string;
  /** `https://endoflife.date` */
  readonly endOfLife: string;
  /** `https://api.osv.dev` */
  readonly osv: string;
  /** For one answer, in ms. Default 60 s. */
  readonly timeoutMs?: number;
  /** Default: the current time. */
  readonly now?: Date;
}

/** n8n's advisories have about 1 MiB. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_PAGES = 20;
const TIMEOUT_MS = 60_000;

/** Resolves to the exit code: 0 if every source answered, else 2. What could not be read keeps its old facts and their date. */
export async function runRenew(command: RenewCommand): Promise<number> {
  const { folder, out, err, now = new Date() } = command;
  const lines = load(folder, LINES_FILE, parseLines);
  const osv = load(folder, OSV_FILE, parseOsv);
  const read = dayOf(now);
  const failed: string[] = [];
  /** Undefined if the source did not answer, which is said. */
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      const result = await work();
      out.write(`${what}: read\n`);
      return result;
    } catch (error) {
      if (command.signal.aborted || !(error instanceof UserError)) throw error;
      failed.push(what);
      err.write(`${what}: keeps its old facts: ${error.message}\n`);
      return undefined;
    }
  };

  const products: LinesFile["products"] = [];
  for (const product of lines.products) {
    const found = await attempt(`ends of ${product.name}`, () => linesOf(product, command));
    products.push(found === undefined ? product : { ...product, read, lines: [...found] });
  }
  const packages: OsvFile["packages"] = [];
  for (const one of osv.packages) {
    const found = await attempt(`advisories of ${one.name}`, () => vulnerabilitiesOf(one, command));
    packages.push(
      found === undefined ? one : { ...one, read, advisories: [...advisoriesFrom(found, one)] },
    );
  }
  save(folder, LINES_FILE, { ...lines, products });
  save(folder, OSV_FILE, { ...osv, packages });
  return failed.length > 0 ? 2 : 0;
}

async function linesOf(
  { source, lines }: LinesFile["products"][number],
  command: RenewCommand,
): Promise<LinesFile["products"][number]["lines"]> {
  const name = new URL(source).pathname.slice(1);
  const body = await ask(
    `${command.endOfLife}/api/v1/products/${encodeURIComponent(name)}/`,
    undefined,
    command,
  );
  const found = parseProduct(body, lines);
  if (found === undefined) throw new UserError("the answer is no product of endoflife.date");
  // A format that is not understood must not look like a product without lines.
  const lost = lines.filter(({ line }) => !found.some((one) => one.line === line));
  if (lost.length > 0)
    throw new UserError(
      `the answer has no ${lost.map(({ line }) => line).join(", ")}, which the file has; if that is right, remove them from the file`,
    );
  return [...found];
}

async function vulnerabilitiesOf(
  { ecosystem, name }: OsvFile["packages"][number],
  command: RenewCommand,
): Promise<OsvPage["vulnerabilities"]> {
  const all: OsvPage["vulnerabilities"][number][] = [];
  let next: string | undefined;
  for (let count = 0; count < MAX_PAGES; count++) {
    const body = await ask(
      `${command.osv}/v1/query`,
      { package: { ecosystem, name }, ...(next !== undefined && { page_token: next }) },
      command,
    );
    const page = parsePage(body);
    if (page === undefined) throw new UserError("the answer is none of OSV");
    all.push(...page.vulnerabilities);
    if (page.next === undefined) return all;
    next = page.next;
  }
  throw new UserError(`more than ${MAX_PAGES} pages`);
}

/** Sends no credentials, follows no redirect, and reads a bounded answer. Rejects with a {@link UserError}. */
async function ask(
  url: string,
  question: object | undefined,
  { signal, timeoutMs = TIMEOUT_MS }: RenewCommand,
): Promise<Buffer> {
  const { host } = new URL(url);
  try {
    const response = await fetch(url, {
      redirect: "manual",
      credentials: "omit",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      headers: { accept: "application/json", "user-agent": "pinned-stack" },
      ...(question !== undefined && {
        method: "POST",
        body: JSON.stringify(question),
      }),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new UserError(`${host}: expected status 200, got ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let total = 0;
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      total += chunk.byteLength;
      if (total > MAX_BYTES) throw new UserError(`${host}: more than ${MAX_BYTES >> 20} MiB`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (signal.aborted || error instanceof UserError) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const isLate = error instanceof Error && error.name === "TimeoutError";
    throw new UserError(
      `${host}: ${isLate ? `no answer within ${timeoutMs / 1000} s` : `cannot be reached (${cause instanceof Error && "code" in cause ? String(cause.code) : "unknown"})`}`,
      { cause: error },
    );
  }
}

function load<T>(folder: string, name: string, parse: (text: string) => T | undefined): T {
  let content: T | undefined;
  try {
    content = parse(readFileSync(join(folder, name), "utf8"));
  } catch {
    // The same remedy.
  }
  if (content === undefined)
    throw new CommandError(`images/known/${name} cannot be used; restore it with git`);
  return content;
}

/** In one step. */
function save(folder: string, name: string, content: object): void {
  const path = join(folder, name);
  const unfinished = `${path}.${process.pid}.new`;
  try {
    writeFileSync(unfinished, `${JSON.stringify(content, undefined, 2)}\n`, { flag: "wx" });
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
