import assert from "node:assert/strict";

import { freshness, ageText } from "../../../tools/backup/freshness";
import {
  checkedTime,
  chooseParts,
  listText,
  readRepository,
  sizeText,
  timeOf,
} from "../../../tools/backup/runs";
import { provedNames } from "../../../tools/backup/backup";

const id = (digit: string): string => digit.repeat(64);
const snapshot = (time: string, tag: string, digit: string, host = "prod") => ({
  time,
  hostname: host,
  id: id(digit),
  paths: [tag === "postgres" ? "/dumps/prod-postgres-16-20261127T033000Z" : `/data/${tag}-data`],
  tags: [tag],
  summary: { total_bytes_processed: 2048 },
});
const LIST = JSON.stringify([
  snapshot("2026-11-26T03:30:00Z", "postgres", "1"),
  snapshot("2026-11-26T03:30:00Z", "portainer", "2"),
  snapshot("2026-11-27T04:30:00+01:00", "postgres", "3"),
  snapshot("2026-11-27T03:30:00Z", "n8n", "4"),
  snapshot("2026-11-27T03:30:00Z", "n8n", "5", "other"),
  { ...snapshot("2026-11-28T03:30:00Z", "n8n", "6"), tags: undefined },
  { ...snapshot("2026-11-28T03:30:00Z", "n8n", "7"), tags: ["$(reboot)"] },
  { ...snapshot("2026-11-28T03:30:00Z", "n8n", "8"), paths: ["/a\nb"] },
]);
const NAMES = ["postgres", "n8n", "portainer"];

describe("what a repository holds", () => {
  const repository = readRepository("prod", LIST);

  it("is the stack's own backups by their time, the newest first, and the names of other stacks", () => {
    assert.deepEqual(
      repository.runs.map(({ time, parts }) => [time, parts.map(({ name }) => name)]),
      [
        ["20261127T033000Z", ["postgres", "n8n"]],
        ["20261126T033000Z", ["postgres", "portainer"]],
      ],
    );
    assert.deepEqual(repository.otherStacks, ["other"]);
    assert.equal(
      listText(repository),
      "BACKUP            WHAT\n20261127T033000Z  n8n (2.0 KiB), postgres (2.0 KiB)\n20261126T033000Z  portainer (2.0 KiB), postgres (2.0 KiB)",
    );
  });

  it("is refused where it is no list of restic's", () => {
    for (const text of ["", "{}", '[{"time":1}]'])
      assert.throws(() => readRepository("prod", text), /cannot be read; use restic 0\.17/);
  });

  it("gives the newest backup of each name, or those of one time", () => {
    const newest = chooseParts(repository, "prod", NAMES, {});
    assert.deepEqual(
      newest.map(({ name, time, id: one }) => [name, time, one[0]]),
      [
        ["postgres", "20261127T033000Z", "3"],
        ["n8n", "20261127T033000Z", "4"],
        ["portainer", "20261126T033000Z", "2"],
      ],
    );
    const of = chooseParts(repository, "prod", NAMES, { time: "20261126T033000Z" });
    assert.deepEqual(
      of.map(({ id: one }) => one[0]),
      ["1", "2"],
    );
    const one = chooseParts(repository, "prod", NAMES, { service: "n8n" });
    assert.deepEqual(
      one.map(({ name }) => name),
      ["n8n"],
    );
  });

  it("says what there is instead of what is not there", () => {
    const choose =
      (wanted: object, from = repository, stack = "prod") =>
      () =>
        chooseParts(from, stack, NAMES, wanted);
    assert.throws(
      choose({ time: "20200101T000000Z" }),
      /has no backup of 20200101T000000Z; .*--list" shows them; the repository has backups of other: give that name with --stack/,
    );
    assert.throws(choose({ service: "redis" }), /expected one of postgres, n8n, portainer/);
    assert.throws(
      choose({ service: "portainer", time: "20261127T033000Z" }),
      /the backup of 20261127T033000Z has portainer|"npm run backup/,
    );
    assert.throws(
      choose({}, readRepository("third", LIST), "third"),
      /no backup of stack third; the repository has backups of other, prod/,
    );
    assert.throws(
      choose({}, readRepository("third", "[]"), "third"),
      /make one: npm run backup -- --stack third --now/,
    );
  });
});

describe("the words of backups", () => {
  it("are sizes and ages that people read", () => {
    assert.deepEqual([0, 1023, 1024, 5 * 1024 ** 3].map(sizeText), [
      "0 B",
      "1023 B",
      "1.0 KiB",
      "5.0 GiB",
    ]);
    assert.equal(ageText(5 * 3_600_000), "5 hours ago");
    assert.equal(ageText(75 * 3_600_000), "3 days ago");
    assert.match(ageText(-1), /clock/);
  });

  it("take a time as an argument and nothing else", () => {
    assert.equal(checkedTime(1, []), undefined);
    assert.equal(checkedTime(1, ["20261127T033000Z"]), "20261127T033000Z");
    assert.throws(() => checkedTime(1, ["latest"]), /at most one backup, such as/);
    assert.throws(() => checkedTime(0, ["20261127T033000Z"]), /expected only options/);
  });

  it("count as proved only what has said so", () => {
    const said = `restored 2 databases of 3 tables from /x into a scratch server; all row counts match
n8n: works on a copy of its data
notes: not tried, because no database server runs
`;
    assert.deepEqual(provedNames(said), ["postgres", "n8n"]);
    assert.deepEqual(provedNames("PROVED\n"), []);
  });
});

describe("how old backups are", () => {
  const repository = readRepository("prod", LIST);
  const now = timeOf("20261127T103000Z");
  const words = (names: readonly string[], proof?: { at: number; backup: string }, at = now) =>
    freshness("prod", names, repository, proof, at).map(({ status, text }) => `${status} ${text}`);

  it("is fine within two days", () => {
    const proof = { at: now - 3_600_000, backup: "20261127T033000Z" };
    assert.deepEqual(words(["postgres", "n8n"], proof), [
      "ok last: postgres 7 hours ago, n8n 7 hours ago",
      "ok backup 20261127T033000Z was restored on trial 1 hour ago",
    ]);
  });

  it("is a problem after that, and for what was never saved", () => {
    const later = now + 42 * 3_600_000;
    const found = words(["postgres", "portainer", "closed"], undefined, later);
    assert.deepEqual(found, [
      "problem older than two days: postgres 2 days ago, portainer 3 days ago, closed never",
      "unknown no backup was ever restored on trial",
    ]);
    const old = { at: now - 100 * 3_600_000, backup: "20261127T033000Z" };
    assert.match(
      words(["n8n"], old)[1] ?? "",
      /^unknown a backup was last restored on trial 4 days ago/,
    );
  });
});
