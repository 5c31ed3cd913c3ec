/** `npm run scan`: reports of both scanners, programs played by scripts, and what a stack accepts. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PROJECT_FOLDER } from "../../../tools/cli/command";
import { isMaliciousTrivy, maliciousBuild, parseReport } from "../../../tools/trust/scan/findings";
import { runScan, type ScanCommand } from "../../../tools/trust/scan/run";
import { grypeReport, trivyReport, type Hole } from "../../support/scan-reports";

const NOW = new Date("2026-11-27T12:00:00Z");
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const HOMEPAGE = digest("3");
const BAD: Hole = { id: "CVE-2026-40001", severity: "Critical", fixed: ["3.5.2-r0"] };
const MILD: Hole = { id: "CVE-2026-40002", severity: "Negligible", package: "busybox" };

describe("npm run scan", () => {
  let folder = "";
  /** Number of images in the stack file. */
  let images = 0;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scan-test-"));
    mkdirSync(join(folder, "bin"));
    stack([]);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** The stack `dev`, with these acceptances and digests of its own. */
  function stack(accept: readonly object[]): void {
    images = 0;
    const text = readFileSync(join(PROJECT_FOLDER, "Pulumi.dev.yaml"), "utf8").replace(
      /@sha256:[0-9a-f]{64}/g,
      () => `@${digest((++images).toString(16))}`,
    );
    writeFileSync(
      join(folder, "Pulumi.dev.yaml"),
      text.replace("config:\n", `config:\n  pinned-stack:accept: ${JSON.stringify(accept)}\n`),
    );
  }

  function report(name: string, content: object | string): string {
    const file = join(folder, name);
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    return file;
  }

  /** A program that writes down its arguments and environment. `script` has `target` and `print`. */
  function program(name: string, script: string, comment = ""): void {
    const path = join(folder, "bin", name);
    writeFileSync(
      path,
      `#!${process.execPath}
// ${comment}
const fs = require("node:fs");
const args = process.argv.slice(2);
fs.appendFileSync(${JSON.stringify(join(folder, "calls"))}, JSON.stringify({ args, env: process.env, cwd: process.cwd() }) + "\\n");
const target = args.find((one) => one.includes("@sha256:")) ?? "";
const digest = target.split("@")[1];
const print = (value) => fs.writeSync(1, JSON.stringify(value));
${script}
`,
    );
    chmodSync(path, 0o755);
  }

  const calls = () =>
    existsSync(join(folder, "calls"))
      ? readFileSync(join(folder, "calls"), "utf8")
          .trim()
          .split("\n")
          .map(
            (line) =>
              JSON.parse(line) as { args: string[]; env: Record<string, string>; cwd: string },
          )
      : [];

  async function scan(given: Partial<ScanCommand>) {
    let out = "";
    let err = "";
    const code = await runScan({
      ...{ stack: "dev", args: [], reports: [], onlyFixed: false, format: "table", folder },
      signal: new AbortController().signal,
      out: { write: (text: string | Uint8Array) => ((out += String(text)), true) },
      err: { write: (text: string | Uint8Array) => ((err += String(text)), true) },
      paint: (_style, text) => text,
      env: { PATH: join(folder, "bin") },
      now: NOW,
      ...given,
    });
    return { code, out, err };
  }

  for (const [scanner, make, source] of [
    ["grype", grypeReport, "grype 0.121.3, database of 2026-11-25"],
    [
      "trivy",
      trivyReport,
      "trivy 0.75.0, database date not in the report, which was made on 2026-11-26",
    ],
  ] as const)
    it(`reads a report of ${scanner}, and says what is open`, async () => {
      const file = report("report.json", make(HOMEPAGE, [BAD, MILD]));
      const { code, out, err } = await scan({ reports: [file] });
      assert.equal(code, 0);
      assert.equal(out.split("\n")[0], source);
      assert.match(out, /^SERVICE +IMAGE +CRITICAL +HIGH +MEDIUM +LOW +UNKNOWN +ACCEPTED$/m);
      assert.match(out, /^homepage +nginx:1\.30\.5-alpine +1 +0 +0 +(?:1 +0|0 +1) +0$/m);
      assert.match(
        out,
        /^homepage: critical CVE-2026-40001 in openssl 3\.5\.1-r0, fixed in 3\.5\.2-r0$/m,
      );
      assert.doesNotMatch(out, /CVE-2026-40002/);
      assert.match(err, /^no report is about traefik, /);
    });

  it("fails from the given severity on, and with --only-fixed only where there is a fix", async () => {
    const high = { id: "CVE-2026-40003", severity: "High" };
    const reports = [report("report.json", grypeReport(HOMEPAGE, [high]))];
    const code = async (given: Partial<ScanCommand>): Promise<number> =>
      (await scan({ reports, ...given })).code;
    assert.equal(await code({}), 0);
    assert.equal(await code({ failOn: "critical" }), 0);
    assert.equal(await code({ failOn: "high" }), 1);
    assert.equal(await code({ failOn: "low" }), 1);
    assert.equal(await code({ failOn: "high", onlyFixed: true }), 0);
    await assert.rejects(
      code({ failOn: "bad" }),
      /--fail-on: expected critical, high, medium, low, unknown, got "bad"/,
    );
  });

  it("counts accepted holes as such, with until when and why, by any of their names", async () => {
    const accepted = { id: "CVE-2026-40001", reason: "no file is parsed", until: "2027-01-31" };
    stack([accepted]);
    const named = { ...BAD, id: "GHSA-abcd-1234-efgh", related: ["CVE-2026-40001"] };
    const reports = [report("report.json", grypeReport(HOMEPAGE, [named]))];
    const { code, out } = await scan({ reports, failOn: "low" });
    assert.equal(code, 0);
    assert.match(out, /^homepage +nginx:1\.30\.5-alpine +0 +0 +0 +0 +0 +1$/m);
    assert.match(out, /; accepted until 2027-01-31: no file is parsed$/m);
  });

  it("calls an acceptance ended after its last day, and when its fact is not true", async () => {
    const reports = [report("report.json", grypeReport(HOMEPAGE, [MILD, BAD]))];
    for (const [given, why] of [
      [{ until: "2026-11-26" }, "accepted until 2026-11-26 only"],
      [{ until: "2027-01-31", while: "no published port" }, undefined],
      [
        { until: "2027-01-31", while: "administrators only" },
        'accepted while "administrators only", which is not so for homepage',
      ],
    ] as const) {
      stack([{ id: "CVE-2026-40001", reason: "no file is parsed", ...given }]);
      const { code, out } = await scan({ reports, failOn: "critical" });
      assert.equal(code, why === undefined ? 0 : 1);
      if (why !== undefined) assert.ok(out.includes(`3.5.2-r0; ${why}\n`), out);
      else assert.ok(out.includes("accepted until 2027-01-31 while no published port: "), out);
    }
  });

  it("says which acceptance concerns nothing, if all images were scanned", async () => {
    stack([{ id: "CVE-2020-1234", reason: "was in an old version", until: "2027-01-31" }]);
    program("grype", `print(${grypeScript("[]")});`);
    const { code, err } = await scan({});
    assert.equal(code, 0);
    assert.equal(err, "accept: CVE-2020-1234 was found in no image of the stack; remove it\n");
    const one = await scan({ args: ["homepage"] });
    assert.equal(one.err, "");
  });

  it("prints nothing of a report that could steer a terminal", async () => {
    const evil = {
      ...BAD,
      package: "open\u001b]0;owned\u0007ssl\nfake: line",
      installed: "\u202e1",
    };
    const reports = [report("report.json", grypeReport(HOMEPAGE, [evil]))];
    for (const format of ["table", "json"]) {
      const { out } = await scan({ reports, format });
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      assert.doesNotMatch(out, /^fake/m);
    }
  });

  it("refuses a report that is none, of another image, too large, or of a malicious trivy", async () => {
    const rejected = async (file: string, message: RegExp): Promise<void> =>
      assert.rejects(scan({ reports: [file] }), message);
    await rejected(report("a.json", "{}"), /a\.json: expected a JSON report about an image/);
    await rejected(report("b.json", "[".repeat(100_000)), /b\.json: expected a JSON report/);
    await rejected(
      report("c.json", {
        ...grypeReport(HOMEPAGE, []),
        source: { type: "directory", target: "/" },
      }),
      /c\.json: expected a JSON report about an image/,
    );
    await rejected(
      report("d.json", trivyReport(digest("f"), [])),
      /d\.json: is about docker\.io\/library\/nginx@sha256:f+, expected an image of the stack by its digest/,
    );
    await rejected(
      report("e.json", trivyReport(HOMEPAGE, [], { version: "0.69.4" })),
      /e\.json: was made by trivy 0\.69\.4, which was published with malware/,
    );
    await rejected(join(folder, "none.json"), /none\.json: cannot be read \(ENOENT\)/);
    await rejected("/dev/zero", /\/dev\/zero: is larger than 64 MiB/);
  });

  it("does not call a service clean that no report is about", async () => {
    const reports = [report("report.json", grypeReport(HOMEPAGE, []))];
    const { code, err } = await scan({ args: ["n8n"], reports }).catch((error: unknown) => ({
      code: 2,
      err: String(error),
    }));
    assert.equal(code, 2);
    assert.match(err, /expected an image of the stack by its digest/);
    const both = await scan({ args: ["n8n", "homepage"], reports });
    assert.equal(both.code, 2);
    assert.equal(both.err, "n8n: not scanned: no report is about its digest\n");
  });

  it("lets grype scan each image once, by digest, without the environment's secrets", async () => {
    program("grype", `print(${grypeScript(JSON.stringify([BAD]))});`);
    program("trivy", "process.exit(9);");
    const { code, out } = await scan({
      env: {
        PATH: join(folder, "bin"),
        HOME: folder,
        HTTPS_PROXY: "http://127.0.0.1:1",
        PULUMI_CONFIG_PASSPHRASE: "secret",
        AWS_SECRET_ACCESS_KEY: "secret",
        SSH_AUTH_SOCK: "/tmp/agent",
        DOCKER_HOST: "unix:///var/run/docker.sock",
      },
    });
    assert.equal(code, 0);
    assert.match(out, /^postgres +postgres:16-alpine +8 /m);
    assert.equal(calls().length, images);
    const first = calls()[0] ?? assert.fail();
    assert.deepEqual(first.args, [
      `registry:docker.io/library/traefik@${digest("1")}`,
      ...["--platform", "linux/amd64", "-o", "json"],
    ]);
    assert.deepEqual(Object.keys(first.env).sort(), ["HOME", "HTTPS_PROXY", "PATH"]);
    assert.notEqual(first.cwd, process.cwd());
    assert.ok(!existsSync(first.cwd));
  });

  /** A report about the target, in the words of a script. */
  const grypeScript = (holes: string): string =>
    `((holes) => { const made = ${JSON.stringify(grypeReport("DIGEST", [BAD]))}; const [match] = made.matches;
      made.matches = holes.flatMap((hole) => Array.from({ length: digest.includes("7") ? 8 : 1 }, (_, index) => ({ ...match, artifact: { ...match.artifact, name: "package" + index } })));
      return JSON.parse(JSON.stringify(made).replaceAll("DIGEST", digest)); })(${holes})`;

  it("calls a database old after five days, and a missing one no result", async () => {
    for (const [built, expected] of [
      ["2026-11-10T00:00:00Z", /database of 2026-11-10 \(17 days old: holes that became known/],
      [null, /homepage: not scanned: grype did not say the date of its database; get its/],
    ] as const) {
      program("grype", `print(${JSON.stringify(grypeReport(HOMEPAGE, [], { built }))});`);
      const { code, out, err } = await scan({ args: ["homepage"], failOn: "low" });
      assert.equal(code, built === null ? 2 : 0);
      assert.match(out + err, expected);
    }
  });

  it("says why a scan failed, in one clean line", async () => {
    for (const [script, expected] of [
      [
        `process.stderr.write("[0003]  WARN no db\\n1 error occurred:\\n\\t* failed to load vulnerability db: database does not exist\\n"); process.exit(1);`,
        'failed to load vulnerability db: database does not exist; get its database where there is internet access: "grype db update"',
      ],
      [`process.stderr.write("\\u001b[31mboom\\u001b[0m\\n"); process.exit(3);`, "boom"],
      [`process.exit(3);`, "it ended with 3"],
      [`print({});`, "grype printed no report that can be read"],
      [
        `print(${JSON.stringify(grypeReport(digest("e"), []))});`,
        `grype reported about registry:docker.io/library/nginx@${digest("e")}, expected docker.io/library/nginx@${HOMEPAGE}`,
      ],
      [`setInterval(() => {}, 1000);`, "it did not end within 1 s"],
    ] as const) {
      program("grype", script);
      const { code, err } = await scan({ args: ["homepage"], timeoutMs: 1000 });
      assert.equal(code, 2);
      assert.equal(err, `homepage: not scanned: ${expected}\n`);
    }
  });

  it("asks trivy for the date of its database, and gives it no socket", async () => {
    const version = {
      Version: "0.75.0",
      VulnerabilityDB: { Version: 2, UpdatedAt: "2026-11-26T06:00:00Z" },
    };
    program(
      "trivy",
      `print(args[0] === "version" ? ${JSON.stringify(version)} : ${JSON.stringify(trivyReport(HOMEPAGE, [BAD]))});`,
    );
    const { code, out } = await scan({ args: ["homepage"], failOn: "critical" });
    assert.equal(code, 1);
    assert.equal(out.split("\n")[0], "trivy 0.75.0, database of 2026-11-26");
    assert.deepEqual(
      calls().map(({ args }) => args.join(" ")),
      [
        `image --image-src remote --scanners vuln --format json --platform linux/amd64 docker.io/library/nginx@${HOMEPAGE}`,
        "version --format json",
      ],
    );
  });

  it("never starts a trivy that was published with malware, and trusts none that says so", async () => {
    program("trivy", "print({});", "mod\tgithub.com/aquasecurity/trivy\tv0.69.4\th1:");
    await assert.rejects(
      scan({ args: ["homepage"] }),
      /trivy: refused, because trivy 0\.69\.4 was published with malware/,
    );
    assert.deepEqual(calls(), []);
    program(
      "trivy",
      `print(args[0] === "version" ? { Version: "v0.69.5" } : ${JSON.stringify(trivyReport(HOMEPAGE, []))});`,
    );
    const { code, err } = await scan({ args: ["homepage"] });
    assert.equal(code, 2);
    assert.match(err, /trivy: refused, because trivy v0\.69\.5 was published with malware/);
  });

  it("says how to get a scanner without one", async () => {
    await assert.rejects(scan({}), /neither grype nor trivy is on PATH; install one/);
  });
});

describe("a trivy program", () => {
  it("is malicious by the number of its version, whatever its build is called", () => {
    for (const one of ["0.69.4", "v0.69.5", "0.69.6+dirty", "0.69.4-rc1", " v0.69.4\n"])
      assert.ok(isMaliciousTrivy(one), one);
    for (const one of ["0.69.3", "0.69.40", "0.69.4.1", "10.69.4", "", "latest"])
      assert.ok(!isMaliciousTrivy(one), one);
  });

  it("is malicious by its build information only, not by another module's version", () => {
    const of = (text: string): string | undefined =>
      maliciousBuild(Buffer.from(`\u0000ELF${text}`));
    assert.equal(of("-X=github.com/aquasecurity/trivy/pkg/version/app.ver=0.69.6 -s"), "0.69.6");
    assert.equal(of("dep\tgithub.com/aquasecurity/trivy\tv0.69.40"), undefined);
    assert.equal(of("mod\tgithub.com/aquasecurity/trivy\tv0.69.4\th1:"), "0.69.4");
    assert.equal(of("dep\texample.test/other\tv0.69.4\t"), undefined);
    assert.equal(of("mod\tgithub.com/aquasecurity/trivy\tv0.75.0\t"), undefined);
  });
});

describe("a report of a scanner", () => {
  it("of the older grype has its database's date in another place", () => {
    const { descriptor, ...rest } = grypeReport(HOMEPAGE, []);
    const old = { ...rest, descriptor: { ...descriptor, db: { built: "2024-01-02T00:00:00Z" } } };
    assert.equal(
      parseReport(JSON.stringify(old))?.database?.toISOString(),
      "2024-01-02T00:00:00.000Z",
    );
  });

  it("has no more findings than are read", () => {
    const many = grypeReport(
      HOMEPAGE,
      Array.from({ length: 50_001 }, () => BAD),
    );
    assert.equal(parseReport(JSON.stringify(many)), undefined);
  });
});
