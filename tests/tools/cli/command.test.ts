import assert from "node:assert/strict";
import {
  spawn,
  spawnSync,
  type ChildProcessByStdio,
  type ChildProcessWithoutNullStreams,
} from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";

import { columns, painter, PROJECT_FOLDER, withProgress } from "../../../tools/cli/command";
import { until } from "../../support/until";

describe("columns", () => {
  const rows: readonly (readonly [string, readonly (readonly string[])[], string])[] = [
    ["nothing", [], ""],
    ["one cell", [["a"]], "a"],
    [
      "cells of different widths",
      [
        ["service", "tag", "age"],
        ["n8n", "1.64.2", "3 days"],
      ],
      "service  tag     age\nn8n      1.64.2  3 days",
    ],
    [
      "a last cell of any length, which is not padded",
      [
        ["a", "long last cell"],
        ["bb", "x"],
      ],
      "a   long last cell\nbb  x",
    ],
    [
      "empty cells, without white space at the end",
      [
        ["a", "b", ""],
        ["ccc", "", ""],
      ],
      "a    b\nccc",
    ],
    ["rows of different lengths", [["a", "b", "c"], ["dd"]], "a   b  c\ndd"],
    [
      "colours, which have no width",
      [
        ["\u001b[31mred\u001b[39m", "x"],
        ["green", "y"],
      ],
      "\u001b[31mred\u001b[39m    x\ngreen  y",
    ],
  ];
  for (const [title, cells, text] of rows)
    it(`align ${title}`, () => {
      assert.equal(columns(cells), text);
    });
});

describe("colours", () => {
  const noColor = process.env.NO_COLOR;
  afterEach(() => {
    if (noColor === undefined) delete process.env.NO_COLOR;
    else process.env.NO_COLOR = noColor;
  });
  const painted = (isTTY: boolean, noColorNow?: string): string => {
    if (noColorNow === undefined) delete process.env.NO_COLOR;
    else process.env.NO_COLOR = noColorNow;
    return painter({ isTTY })("red", "x");
  };

  it("are for terminals only", () => {
    assert.equal(painted(false), "x");
    assert.equal(painted(true), "\u001b[31mx\u001b[39m");
  });

  it("are off where NO_COLOR says so, and an empty one says nothing", () => {
    assert.equal(painted(true, "1"), "x");
    assert.equal(painted(true, "0"), "x");
    assert.equal(painted(true, ""), "\u001b[31mx\u001b[39m");
  });
});

describe("progress", () => {
  it("gives what the work gives, and fails as it fails", async () => {
    assert.equal(await withProgress("working", Promise.resolve(5)), 5);
    await assert.rejects(withProgress("working", Promise.reject(new Error("no"))), {
      message: "no",
    });
  });
});

describe("the project's folder", () => {
  it("is where Pulumi.yaml is, wherever the tests are started from", () => {
    assert.ok(existsSync(join(PROJECT_FOLDER, "Pulumi.yaml")));
  });
});

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

/** Node with these words and this environment. `onOutput` gets all that came on stdout so far. */
const node = (
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  onOutput: (stdout: string, child: ChildProcessByStdio<null, Readable, Readable>) => void = () =>
    undefined,
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--require", "tsx/cjs", ...argv], {
      cwd: PROJECT_FOLDER,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 20_000,
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      onOutput(stdout, child);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject).on("close", (code) => {
      resolve({ stdout, stderr, code });
    });
  });

/** A command whose `main` is given as text, as the words for {@link node}. */
const commandOf = (main: string): readonly string[] => [
  "--eval",
  `const { runCommand, CommandError } = require("./tools/cli/command");
  const { UserError } = require("./text/user-error");
  void runCommand({
    help: "usage: it [--stack NAME] [word]",
    options: {
      stack: { type: "string", default: "dev" },
      "minimum-age-of-it": { type: "string" },
      yes: { type: "boolean" },
    },
    allowPositionals: true,
    main: async ({ values, positionals, signal }) => { ${main} },
  });`,
  "--",
];

describe("a command", () => {
  /** A signal is sent once it says `ready`. */
  const run = (
    main: string,
    argv: readonly string[] = [],
    signal?: NodeJS.Signals,
  ): Promise<Ended> =>
    node([...commandOf(main), ...argv], {}, (stdout, child) => {
      if (signal !== undefined && stdout === "ready\n") child.kill(signal);
    });

  const rows: readonly (readonly [string, string, readonly string[], Ended])[] = [
    [
      "ends with its own exit code, data on stdout",
      "console.log(JSON.stringify([values.stack, positionals])); return 1;",
      ["--stack", "prod", "n8n"],
      { stdout: '["prod",["n8n"]]\n', stderr: "", code: 1 },
    ],
    [
      "says what it does and does nothing else",
      "console.log('not this'); return 1;",
      ["--help"],
      { stdout: "usage: it [--stack NAME] [word]\n", stderr: "", code: 0 },
    ],
    [
      "prints an error that is meant for its user without a stack trace",
      'throw new CommandError("no such service", 3);',
      [],
      { stdout: "", stderr: "no such service\n", code: 3 },
    ],
    [
      "prints an error of the program without a stack trace",
      'throw new UserError("domain: missing");',
      [],
      { stdout: "", stderr: "domain: missing\n", code: 2 },
    ],
  ];
  for (const [title, main, argv, ended] of rows)
    it(title, async () => {
      assert.deepEqual(await run(main, argv), ended);
    });

  it("refuses an option that it does not know, with its usage", async () => {
    const { stdout, stderr, code } = await run("return 0;", ["--stcak", "prod"]);
    assert.equal(stdout, "");
    assert.match(stderr, /^Unknown option '--stcak'.*\n\nusage: it \[--stack NAME\] \[word\]\n$/s);
    assert.equal(code, 2);
  });

  it("prints the stack trace of an error that nobody expected", async () => {
    const { stderr, code } = await run('throw new TypeError("a bug");');
    assert.match(stderr, /^TypeError: a bug\n {4}at /);
    assert.equal(code, 2);
  });

  it("ends as it would have where nobody reads on", async () => {
    const main = `
      process.stdout.write("ready\\n");
      await new Promise((closed) => setTimeout(closed, 300));
      process.stdout.write("x".repeat(100_000));
      process.stderr.write("talk\\n");
      await new Promise((told) => setTimeout(told, 10));
      process.stdout.write("and on");
      await new Promise((told) => setTimeout(told, 10));
      return 3;`;
    assert.deepEqual(
      await node(commandOf(main), {}, (_stdout, child) => {
        child.stdout.destroy();
      }),
      { stdout: "ready\n", stderr: "talk\n", code: 3 },
    );
  });

  it("ends with 2 where its output cannot be written, which is no answer", function () {
    if (!existsSync("/dev/full")) this.skip();
    const words = [process.execPath, "--require", "tsx/cjs"];
    const { status, stderr } = spawnSync(
      "sh",
      ["-c", 'exec "$@" >/dev/full', "sh", ...words, ...commandOf('console.log("x"); return 0;')],
      { encoding: "utf8", cwd: PROJECT_FOLDER },
    );
    assert.equal(status, 2);
    assert.match(stderr, /^.* output: ENOSPC: no space left on device, write\n$/);
  });

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)
    it(`is told of ${signal} and ends with ${code}`, async () => {
      const main = `
        const stopped = new Promise((resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)));
        const alive = setInterval(() => {}, 1000);
        console.log("ready");
        try { await stopped } finally { clearInterval(alive) }`;
      assert.deepEqual(await run(main, [], signal), {
        stdout: "ready\n",
        stderr: `stopped by ${signal}\n`,
        code,
      });
    });

  describe("at a terminal", () => {
    let folder: string;
    before(function () {
      // From util-linux: gives a program a terminal.
      if (spawnSync("script", ["--version"]).status !== 0) this.skip();
    });
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "terminal-"));
    });
    afterEach(() => {
      rmSync(folder, { recursive: true });
    });
    const atTerminal = (program: string): ChildProcessWithoutNullStreams => {
      const file = join(folder, "program.cjs");
      writeFileSync(file, program);
      const words = [process.execPath, "--require", "tsx/cjs", file].join(" ");
      return spawn("script", ["--quiet", "--return", "--command", words, "/dev/null"], {
        cwd: PROJECT_FOLDER,
        stdio: "pipe",
      });
    };
    const present = (name: string): Promise<true | undefined> =>
      Promise.resolve(existsSync(join(folder, name)) || undefined);

    it("cleans up when that is closed, and can print while it does", async () => {
      const terminal = atTerminal(`
        const { writeFileSync } = require("node:fs");
        const { runCommand } = require("${PROJECT_FOLDER}/tools/cli/command");
        void runCommand({
          help: "",
          options: {},
          main: async ({ signal }) => {
            const alive = setInterval(() => {}, 1000);
            const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve));
            writeFileSync("${folder}/ready", "");
            await stopped;
            for (let line = 0; line < 20; line++) {
              process.stderr.write("cleaning up\\n");
              process.stdout.write("cleaning up\\n");
              await new Promise((resolve) => setTimeout(resolve, 10));
            }
            writeFileSync("${folder}/clean", "");
            clearInterval(alive);
            return 0;
          },
        });`);
      await until("the command", () => present("ready"));
      terminal.kill("SIGKILL");
      await until("its end", () => present("clean"), 10_000);
    });

    for (const [what, typed, answer] of [
      ["the word", "yes\n", "true"],
      ["another word", "no\n", "false"],
      ["Ctrl-D", "\u0004", "false"],
    ] as const)
      it(`takes ${what} as an answer: ${answer}`, async () => {
        const terminal = atTerminal(`
          const { ask } = require("${PROJECT_FOLDER}/tools/cli/prompt");
          void ask("sure? ", "yes", new AbortController().signal).then((answer) => {
            console.log("answer: " + answer);
          });`);
        let shown = "";
        terminal.stdout.setEncoding("utf8").on("data", (text: string) => {
          if (!shown.includes("sure? ") && (shown + text).includes("sure? "))
            terminal.stdin.write(typed);
          shown += text;
        });
        await once(terminal, "close");
        assert.match(shown, new RegExp(`answer: ${answer}`));
      });
  });
}).timeout(20_000);

describe("options before npm's two dashes, which npm takes for its own", () => {
  const rows: readonly (readonly [
    title: string,
    env: NodeJS.ProcessEnv,
    argv: readonly string[],
    Ended,
  ])[] = [
    [
      "are refused with the way out",
      { npm_lifecycle_event: "it", npm_config_stack: "prod" },
      [],
      {
        stdout: "",
        stderr: 'npm consumed --stack; put "--" before the options: "npm run it -- --stack prod"\n',
        code: 2,
      },
    ],
    [
      "are refused all together",
      { npm_lifecycle_event: "it", npm_config_minimum_age_of_it: "true", npm_config_yes: "true" },
      ["word"],
      {
        stdout: "",
        stderr:
          'npm consumed --minimum-age-of-it --yes; put "--" before the options: "npm run it -- --minimum-age-of-it --yes"\n',
        code: 2,
      },
    ],
    [
      "are no matter where the command got the same ones: they are npm's own settings",
      { npm_config_yes: "true" },
      ["--yes"],
      { stdout: "dev\n", stderr: "", code: 0 },
    ],
    [
      "are no matter where npm says that they are not set, nor where they are others",
      { npm_config_yes: "", npm_config_cache: "/root/.npm" },
      [],
      { stdout: "dev\n", stderr: "", code: 0 },
    ],
    [
      "are no matter to the help",
      { npm_config_stack: "prod" },
      ["--help"],
      { stdout: "usage: it [--stack NAME] [word]\n", stderr: "", code: 0 },
    ],
  ];
  for (const [title, env, argv, ended] of rows)
    it(title, async () => {
      const words = [...commandOf("console.log(values.stack); return 0;"), ...argv];
      assert.deepEqual(await node(words, env), ended);
    });

  // With words that end each of them early, were it to act on the wrong stack.
  for (const [command, ...argv] of [
    ["preview", "--", "--help"],
    ["pin", "--format", "none"],
    ["report", "--format", "none"],
    ["doctor", "--format", "none"],
    ["drift", "--format", "none"],
    ["deploy", "--history"],
  ] as const)
    it(`are refused by npm run ${command}`, async () => {
      const env = { npm_lifecycle_event: command, npm_config_stack: "prod" };
      const { stdout, stderr, code } = await node(
        [join("tools", "bin", `${command}.ts`), ...argv],
        env,
      );
      assert.deepEqual([stdout, code], ["", 2]);
      assert.match(stderr, /^npm .*--stack.*"--".*\n$/);
      assert.ok(stderr.endsWith(`"npm run ${command} -- --stack prod"\n`), stderr);
    }).timeout(20_000);
}).timeout(20_000);
