import assert from "node:assert/strict";

import { pulumiCommand, Process } from "../../../images/resolve/pulumi-command";

/** Processes from the program upwards, as /proc would tell them. */
const among =
  (...commandLines: readonly string[]) =>
  (pid: number): Process | undefined => {
    const line = commandLines[pid];
    return line === undefined ? undefined : { argv: line.split(" "), parent: pid + 1 };
  };

const RUN = "/usr/bin/node /root/.pulumi/cmd/run/index.js .";
const LANGUAGE = "/root/.pulumi/bin/pulumi-language-nodejs 127.0.0.1:4000";

describe("the command that runs the program", () => {
  const rows: readonly (readonly [string, readonly string[], string | undefined])[] = [
    ["pulumi preview", [RUN, LANGUAGE, "pulumi preview --diff"], "preview"],
    ["a path", [RUN, LANGUAGE, "/root/.pulumi/bin/pulumi up --yes"], "up"],
    ["on Windows' name", [RUN, "C:/bin/pulumi.exe up"], "up"],
    ["flags with a value first", [RUN, "pulumi -C /srv --color never --verbose 3 up"], "up"],
    ["its other name", [RUN, LANGUAGE, "pulumi update --yes"], "up"],
    ["a memory profile", [RUN, "pulumi --memprofilerate 5 up"], "up"],
    ["traces", [RUN, "pulumi --otel-traces file:///tmp/traces update"], "up"],
    ["flags without a value first", [RUN, "pulumi --non-interactive --logtostderr up"], "up"],
    ["a value after an equals sign", [RUN, "pulumi --cwd=/srv preview"], "preview"],
    [
      "npx above it",
      [RUN, LANGUAGE, "/home/a/pulumi up", "node /usr/bin/npx pulumi preview"],
      "up",
    ],
    ["the program itself", ["pulumi destroy"], "destroy"],
    ["the furthest that is looked at", [RUN, "a", "b", "c", "d", "pulumi up"], "up"],
    ["one too far up", [RUN, "a", "b", "c", "d", "e", "pulumi up"], undefined],
    ["no command", [RUN, "pulumi --version"], undefined],
    ["another program's name", [RUN, "/opt/pulumi/language up", "notpulumi up"], undefined],
    ["a process that was removed", [RUN], undefined],
    ["a process without a command line", ["", ""], undefined],
  ];
  for (const [title, lines, expected] of rows)
    it(`is ${expected ?? "unknown"} with ${title}`, () => {
      assert.equal(pulumiCommand(among(...lines), 0), expected);
    });

  it("is unknown, not an error, where nothing of the sort runs", () => {
    assert.equal(pulumiCommand(), undefined);
  });
});
