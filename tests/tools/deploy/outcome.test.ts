/** How a deployment, a backup and a timer tell what is wrong: each end in words of its own. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { backupNotice, tellBackup } from "../../../tools/backup/outcome";
import { Reporter } from "../../../tools/deploy/console";
import { asWatched, driftLines, watchNotices } from "../../../tools/deploy/checks/watch";
import { ok, problem, unknownCheck } from "../../../tools/deploy/checks/check";
import { Refused } from "../../../tools/deploy/context";
import { Databases } from "../../../tools/deploy/host/dump";
import { tell } from "../../../tools/deploy/notify";
import { tellOutcome } from "../../../tools/deploy/outcome";
import { Notice } from "../../../tools/notify/notice";
import { Sending } from "../../../tools/notify/notify";

const reporter: Reporter = { log: () => undefined, stage: () => undefined, show: () => undefined };

/** What is sent after a deployment that ends in this way. */
async function sentAfter(
  work: (reporter: Reporter) => Promise<number>,
  { declined = false, abort = false } = {},
): Promise<{ readonly notices: Sending["notices"]; readonly ended: unknown }> {
  let notices: Sending["notices"] = [];
  const stop = new AbortController();
  if (abort) stop.abort();
  const ended: unknown = await tellOutcome(
    { stack: "prod", signal: stop.signal, reporter, declined: () => declined },
    work,
    (_, given) => {
      notices = given;
      return Promise.resolve(1);
    },
  ).catch((error: unknown) => error);
  return { notices, ended };
}

describe("the notification after a deployment", () => {
  const failing =
    (code: number, ...outcome: readonly string[]) =>
    (heard: Reporter): Promise<number> => {
      heard.stage("deployment");
      heard.log("n8n: created");
      heard.stage("what failed");
      heard.log("n8n is unhealthy");
      heard.log("log of n8n: a word that belongs to nobody else");
      heard.stage("outcome");
      heard.log("failed: n8n is unhealthy");
      outcome.forEach((line) => {
        heard.log(line);
      });
      return Promise.resolve(code);
    };

  for (const [what, code, line, notice] of [
    [
      "was returned",
      3,
      "RETURNED: deployment 4 runs again with its data; everything is healthy",
      {
        event: "returned",
        title: "prod: deployment FAILED, and the stack was RETURNED to what ran before",
      },
    ],
    [
      "was not returned",
      2,
      "NOT RETURNED to deployment 4; to try again, run: …",
      {
        event: "failure",
        title: "prod: deployment FAILED, and the stack was NOT RETURNED to what ran before",
      },
    ],
  ] as const)
    it(`says that it ${what}, why, and nothing that containers said`, async () => {
      const { notices, ended } = await sentAfter(failing(code, line));
      assert.equal(ended, code);
      assert.deepEqual(notices, [{ ...notice, lines: ["failed: n8n is unhealthy", line] }]);
      assert.doesNotMatch(JSON.stringify(notices), /completed|succeeded|done/);
    });

  it("says that a refused deployment has changed nothing, and why", async () => {
    const { notices, ended } = await sentAfter((heard) => {
      heard.stage("deployment");
      heard.log("REFUSED: n8n would not have worked");
      return Promise.reject(new Refused("refused: the stack runs as before; correct it"));
    });
    assert.ok(ended instanceof Refused);
    assert.deepEqual(notices, [
      {
        event: "failure",
        title: "prod: deployment refused; what ran before goes on running",
        lines: [
          "REFUSED: n8n would not have worked",
          "refused: the stack runs as before; correct it",
        ],
      },
    ]);
  });

  it("says that nobody knows the end after an error", async () => {
    const { notices } = await sentAfter(() => Promise.reject(new Error("lost")));
    assert.equal(notices[0]?.event, "failure");
    assert.match(notices[0].title, /^prod: deployment FAILED; nobody knows/);
  });

  it("says that something is unhealthy where nothing was to be deployed", async () => {
    const { notices } = await sentAfter((heard) => {
      heard.stage("health");
      heard.log("n8n is unhealthy");
      heard.log("nothing to do, but not everything is healthy");
      return Promise.resolve(2);
    });
    assert.equal(notices[0]?.title, "prod: not everything is healthy");
    assert.equal(notices[0].lines[0], "n8n is unhealthy");
  });

  it("is not sent for a success, a refused plan and an interrupt", async () => {
    assert.deepEqual((await sentAfter(() => Promise.resolve(0))).notices, []);
    const refuse = (): Promise<number> => Promise.reject(new Refused("not confirmed"));
    assert.deepEqual((await sentAfter(refuse, { declined: true })).notices, []);
    assert.deepEqual((await sentAfter(refuse, { abort: true })).notices, []);
  });
});

describe("the notification about a backup", () => {
  const run = async (mode: "now" | "verify", line: string): Promise<Sending["notices"]> => {
    let notices: Sending["notices"] = [];
    const { signal } = new AbortController();
    const at = { log: () => undefined } as unknown as Databases;
    await assert.rejects(
      tellBackup(
        { stack: "prod", mode, signal },
        ({ log }) => {
          log("n8n: saved 1 bytes, sent 1 bytes");
          log(line);
          return Promise.reject(new Refused("the lines above say why"));
        },
        (work) => work(at),
        (_, given) => {
          notices = given;
          return Promise.resolve(1);
        },
      ),
      Refused,
    );
    return notices;
  };

  it("says of one that failed and of one that is not proved why", async () => {
    const full = "FAILED: the target is full; make room there";
    assert.deepEqual(await run("now", full), [
      {
        event: "backup",
        title: "prod: backup FAILED; the data of today may not be saved",
        lines: [full, "the lines above say why"],
      },
    ]);
    const [notice] = await run("verify", "NOT PROVED: the dump could not be restored");
    assert.equal(notice?.title, "prod: backup NOT PROVED; a restore might not work");
  });

  it("has no stack trace of a refusal", () => {
    assert.deepEqual(backupNotice("prod", "now", new Refused("locked"), []).lines, ["locked"]);
  });
});

describe("the notifications of a timer", () => {
  it("tell only what is wrong, by event", () => {
    const drift = driftLines("prod", [
      { where: "n8n", kind: "user", expected: "1000", found: "0\u001b[31m" },
    ]);
    const checks = asWatched([
      ok("config", "fine"),
      problem("disk", "full", "make room"),
      unknownCheck("dns", "not checked"),
      ...drift,
      problem("pins", "images.n8n: n8n:2 moved"),
      problem("backup", "older than two days: n8n never", "make one"),
      unknownCheck("restore", "no backup was ever restored on trial", "prove one"),
    ]);
    assert.deepEqual(watchNotices("prod", checks), [
      {
        event: "failure",
        title: "prod: the check found 1 problem",
        lines: ["disk: full; make room"],
      },
      {
        event: "drift",
        title: "prod: drift: 2 differences from the stack file",
        lines: [
          "drift: n8n: user: found 0 instead of 1000; npm run drift -- --stack prod",
          "pins: images.n8n: n8n:2 moved",
        ],
      },
      {
        event: "backup",
        title: "prod: backups: 2 problems",
        lines: [
          "backup: older than two days: n8n never; make one",
          "restore: no backup was ever restored on trial; prove one",
        ],
      },
    ]);
    assert.deepEqual(watchNotices("prod", [ok("config", ""), unknownCheck("dns", "")]), []);
  });
});

describe("telling the recipients of a stack", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "notify-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const NOTICE: Notice = { event: "backup", title: "prod: backup FAILED", lines: ["why"] };
  const telling = async (
    stackFile: string,
    decrypt: NonNullable<Parameters<typeof tell>[2]>["decrypt"],
  ): Promise<{ readonly sent: number; readonly warned: readonly string[] }> => {
    writeFileSync(join(folder, "Pulumi.prod.yaml"), stackFile);
    const warned: string[] = [];
    const warn = (line: string): void => void warned.push(line);
    const sent = await tell("prod", [NOTICE], {
      ...{ folder, warn, limitMs: 2000 },
      ...(decrypt && { decrypt }),
    });
    return { sent, warned };
  };
  const ENCRYPTED_FILE = "config:\n  pinned-stack:notify:\n    - url: { secure: v1:xyz }\n";

  it("decrypts only where it must, and delivers", async () => {
    const got: string[] = [];
    const server = createServer((request, response) => {
      got.push(request.url ?? "");
      request.resume().on("end", () => response.end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const never = (): Promise<never> => assert.fail("nothing is encrypted");
    assert.deepEqual(await telling("config: {}\n", never), { sent: 0, warned: [] });
    const clear = `config:\n  pinned-stack:notify:\n    - url: ${url}\n    - on: [nothing]\n`;
    assert.deepEqual(await telling(clear, never), { sent: 1, warned: [] });
    const decrypt = () =>
      Promise.resolve({
        values: { "pinned-stack:notify": JSON.stringify([{ url, on: ["backup"] }]) },
        secretKeys: ["pinned-stack:notify"],
      });
    assert.deepEqual(await telling(ENCRYPTED_FILE, decrypt), { sent: 1, warned: [] });
    server.close();
    assert.deepEqual(got, ["/hook", "/hook"]);
  });

  it("warns in one line each, and fails never", async () => {
    const lost = await telling(ENCRYPTED_FILE, () =>
      Promise.resolve({
        values: {
          "pinned-stack:notify": JSON.stringify([
            { url: "http://127.0.0.1:1/canary-path-0123456" },
          ]),
        },
        secretKeys: [],
      }),
    );
    assert.equal(lost.sent, 0);
    assert.equal(lost.warned.length, 1);
    assert.match(lost.warned[0] ?? "", /^warning: notify\.0: not delivered: webhook \(json\): /);
    assert.doesNotMatch(lost.warned.join(), /canary/);
    const broken = await telling(ENCRYPTED_FILE, () => Promise.reject(new Error("canary")));
    assert.deepEqual(broken.warned.length, 1);
    assert.doesNotMatch(broken.warned.join(), /canary/);
  });
});
