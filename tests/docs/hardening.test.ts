/** docs/hardening.md says what the code does: a table or a reason that is not the code's own fails here. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";

import { Controls, HARDENED } from "../../components/hardened/policy";
import { RestrictionRow, restrictionRows } from "../../components/outputs";
import { readStackFile } from "../../config/file/read";
import { PROJECT_FOLDER } from "../../tools/cli/command";
import { loadStack } from "../../tools/model/load";

const page = readFileSync(`${PROJECT_FOLDER}/docs/hardening.md`, "utf8");

/** The text below a heading, up to the next one of the same level. */
function section(level: string, title: string): string {
  const start = page.indexOf(`\n${level} ${title}\n`);
  assert.notEqual(start, -1, `docs/hardening.md has no "${level} ${title}"`);
  const rest = page.slice(start + 1);
  const end = rest.search(new RegExp(`\\n#{1,${level.length}} `));
  return end === -1 ? rest : rest.slice(0, end);
}

/** Cells of the only table in a section, without its head. */
const tableIn = (text: string): string[][] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split(" | ")
        .map((cell) => cell.trim()),
    );

function inWords(value: Controls[keyof Controls]): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "object") return value.length === 0 ? "none" : value.join(", ");
  return `\`${value}\``;
}

const yes = (value: boolean): string => (value ? "yes" : "no");

const statusCells = (row: RestrictionRow): string[] => [
  row.service,
  row.user,
  row.capDrop.join(", "),
  yes(row.readOnlyRootfs),
  yes(row.noNewPrivileges),
  String(row.pidsLimit),
  `${row.memoryMiB} MiB`,
  String(row.cpus),
  yes(row.healthCheck),
  row.exemptions.length === 0
    ? "hardened"
    : `exempt: ${row.exemptions.map(({ control }) => `\`${control}\``).join(", ")}`,
];

describe("docs/hardening.md", () => {
  const file = readStackFile("prod", PROJECT_FOLDER);
  const rows = restrictionRows(loadStack(file, { placeholders: true }).model);

  it("names every control of the policy with its value", () => {
    assert.deepEqual(
      tableIn(section("##", "The policy")).map(([control, value]) => [control, value]),
      Object.entries(HARDENED).map(([control, value]) => [
        `\`${control}\``,
        inWords(value as Controls[keyof Controls]),
      ]),
    );
  });

  it("has the restrictions of the prod stack", () => {
    assert.deepEqual(
      tableIn(section("##", "Runtime restrictions status")),
      rows.map((row) => statusCells(row)),
    );
  });

  it("has the exemptions of each service, with their reasons, in its section", () => {
    for (const { service, exemptions } of rows.filter((row) => row.exemptions.length > 0))
      assert.deepEqual(
        section("###", service)
          .split("\n")
          .filter((line) => line.startsWith("- `")),
        exemptions.map(({ control, reason }) => `- \`${control}\`: ${reason}`),
        service,
      );
  });

  it("links to files that exist", () => {
    const links = [...page.matchAll(/\]\((\.\.\/[\w./-]+)\)/g)].map(([, link = ""]) => link);
    assert.ok(links.length > 0);
    for (const link of links) assert.ok(existsSync(`${PROJECT_FOLDER}/docs/${link}`), link);
  });
});
