import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { KNOWN_FOLDER, parseLines, parseOsv, readKnown } from "../../../images/known/data";
import { advisoriesOf, datelessLines, limitsOfFacts, lineEnd } from "../../../images/known/known";
import { parseReference } from "../../../images/reference";

const NOW = new Date("2026-11-27T12:00:00Z");
const of = (text: string) => parseReference(text);

describe("the end of a line", () => {
  const ends: readonly (readonly [string, string | undefined])[] = [
    ["traefik:v3.6.25", "3.6 ended 2026-08-16"],
    ["traefik:v3.7.14", "3.7 open"],
    ["nginx:1.27-alpine", "1.27 ended 2025-06-24"],
    ["postgres:14-alpine", "14 ended 2026-11-12"],
    ["postgres:16.15-alpine", "16 open 2028-11-09"],
    ["traefik:v3.60.1", undefined],
    ["traefik:latest", undefined],
    ["portainer/portainer-ce:2.19.5", undefined],
    ["ghcr.io/evil/traefik:v3.6.4", undefined],
  ];
  for (const [image, expected] of ends)
    it(`of ${image} is ${expected ?? "not known"}`, () => {
      const found = lineEnd(of(image), NOW);
      const shown = found && [found.line, found.state, found.end].filter(Boolean).join(" ");
      assert.equal(shown, expected);
    });

  it("is said 90 days ahead", () => {
    const at = (day: string) => lineEnd(of("postgres:15-alpine"), new Date(day))?.state;
    assert.deepEqual(
      [at("2027-08-01"), at("2027-09-01"), at("2027-11-12")],
      ["open", "ends soon", "ended"],
    );
  });
});

describe("the known holes", () => {
  const ids = (image: string): readonly string[] =>
    advisoriesOf(of(image)).map(({ id, fixed }) => `${id} ${fixed}`);

  it("are those of the version, with the version that closes them", () => {
    assert.deepEqual(ids("traefik:v3.7.12"), ["CVE-2026-88008 3.7.13"]);
    assert.deepEqual(ids("traefik:v3.7.13"), []);
    assert.deepEqual(ids("n8nio/n8n:2.42.4"), ["CVE-2026-119408 2.42.6"]);
    assert.deepEqual(ids("n8nio/n8n:2.48.5"), []);
    assert.ok(ids("n8nio/n8n:1.64.2").includes("CVE-2026-110852 1.123.83"));
    assert.deepEqual(ids("nginx:1.30.7-alpine"), []);
    assert.deepEqual(ids("nginx:1.31.2-alpine"), [
      "CVE-2026-123007 1.31.9",
      "CVE-2026-123633 1.31.9",
    ]);
    assert.deepEqual(ids("portainer/portainer-ce:2.39.9"), []);
    assert.deepEqual(ids("portainer/portainer-ce:2.45.1"), ["CVE-2026-134804 2.45.4"]);
  });

  it("are not told of a tag that is less precise, or of another repository", () => {
    assert.deepEqual(ids("postgres:16-alpine"), []);
    assert.deepEqual(ids("postgres:16.15-alpine"), ["CVE-2026-116314 16.16"]);
    assert.deepEqual(ids("ghcr.io/evil/n8n:1.64.2"), []);
    assert.deepEqual(ids("n8nio/n8n:latest"), []);
  });
});

describe("the facts on a page", () => {
  it("do not change from day to day: an acceptance has its last day, and a line its date", () => {
    const accepted = {
      ...{ id: "CVE-2026-88008", reason: "no backend takes h2c", until: "2026-01-31" },
      while: "no shared backend",
    };
    assert.deepEqual(datelessLines(of("traefik:v3.6.4"), [accepted]), [
      "traefik 3.6 ended 2026-08-16 (endoflife.date, read 2026-08-22)",
      "CVE-2026-88008, without login, fixed in 3.7.13: a backend that accepts an h2c upgrade becomes a tunnel past the router and its middlewares, ipAllowList included (read 2026-11-27); accepted until 2026-01-31 while no shared backend: no backend takes h2c",
    ]);
    // Ended since then, and still true.
    assert.match(
      datelessLines(of("postgres:14-alpine"), [])[0] ?? "",
      /^postgres 14 ends 2026-11-12/,
    );
    assert.deepEqual(datelessLines(of("example.test/own:1"), []), []);
  });
});

describe("the data files", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "known-"));
    for (const name of ["lines.json", "advisories.json", "osv.json"])
      cpSync(join(KNOWN_FOLDER, name), join(folder, name));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("of this project can be used", () => {
    assert.deepEqual(readKnown().problems, []);
    assert.ok(parseLines(readFileSync(join(KNOWN_FOLDER, "lines.json"), "utf8")) !== undefined);
    assert.ok(parseOsv(readFileSync(join(KNOWN_FOLDER, "osv.json"), "utf8")) !== undefined);
  });

  it("that cannot be used are said, stop nothing, and leave the others", () => {
    writeFileSync(join(folder, "lines.json"), "<html>");
    rmSync(join(folder, "osv.json"));
    const data = readKnown(folder);
    assert.deepEqual(data.problems, [
      "images/known/lines.json cannot be used; restore it with git",
      "images/known/osv.json cannot be used; restore it with git",
    ]);
    assert.equal(lineEnd(of("traefik:v3.6.4"), NOW, data), undefined);
    assert.equal(advisoriesOf(of("traefik:v3.7.12"), data).length, 1);
    assert.deepEqual(limitsOfFacts([], NOW, data), data.problems);
  });

  it("take what OSV says over what somebody wrote about the same hole", () => {
    const osv = parseOsv(readFileSync(join(folder, "osv.json"), "utf8"));
    const packages = osv?.packages.map((one) =>
      one.name === "n8n"
        ? {
            ...one,
            read: "2026-11-20",
            advisories: [
              {
                ...{
                  id: "CVE-2026-119408",
                  login: false,
                  summary: "from OSV",
                  source: "https://osv.dev/",
                },
                affected: [{ from: "2.0.0", before: null }],
              },
            ],
          }
        : one,
    );
    writeFileSync(join(folder, "osv.json"), JSON.stringify({ format: 1, packages }));
    const found = advisoriesOf(of("n8nio/n8n:2.42.4"), readKnown(folder));
    assert.deepEqual(found, [
      {
        ...{ id: "CVE-2026-119408", login: false, summary: "from OSV", source: "https://osv.dev/" },
        ...{ fixed: null, read: "2026-11-20" },
      },
    ]);
  });

  it("are said with their date when nobody renewed them for 60 days", () => {
    const said = (day: string) =>
      limitsOfFacts([of("nginx:1.30.5-alpine")], new Date(day), readKnown(folder));
    assert.deepEqual(said("2026-09-01"), []);
    assert.deepEqual(said("2026-11-27"), [
      'what is known of ends of lines is as of 2026-08-22, 97 days ago; renew it: "npm run renew"',
    ]);
    assert.deepEqual(
      limitsOfFacts([of("example.test/own:1")], new Date("2026-11-27"), readKnown(folder)),
      [],
    );
  });
});
