/** The end of a trial: late, after an error, and after a kill. With a `docker` of which nothing ends by itself. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { START_LIBRARY } from "../../../components/hardened/start";
import { DUMP } from "../../../components/upgrade/dump";
import { library, POSTGRES } from "../../../components/upgrade/hooks";
import { quote } from "../../../host/shell-quote";
import { run, Result } from "../../support/run";
import { fakeHost, FakeHost } from "../../tools/deploy/fake-docker";

/** A copy, a restore or a dump ends where its helper, its container or its session is gone. */
const DOCKER = `at() { while [ -e "$HOME/$1" ]; do sleep 0.1; done; echo "$1 is gone" >&2; exit 1; }
case "$1 $2" in
"create --pull") echo 10c;;
"run --rm") touch "$HOME/helper"; at helper;;
"exec -i") case "$*" in
  *pg_terminate_backend*) rm -f "$HOME/session";;
  "exec -i trial"*) touch "$HOME/trial"; at trial;;
  *) touch "$HOME/session"; at session;;
  esac;;
"ps -aq") case "$*" in
  *role=helper*) [ ! -e "$HOME/helper" ] || echo helper;;
  *role=trial*) [ ! -e "$HOME/trial" ] || echo trial;;
  esac;;
"rm -f") for id; do :; done; rm -f "$HOME/$id";;
"rm -v") touch "$HOME/unlocked";;
"pause old") touch "$HOME/paused";;
"unpause old") rm -f "$HOME/paused";;
"inspect --format") echo 'running 0';;
"volume "*|"network "*) ;;
*) exit 7;;
esac`;

/** Any time has passed after a while. A function, because BusyBox prefers its own programs to those of PATH. */
const DATE = `n=$(cat "$HOME/clock" 2>/dev/null || echo 1000)
echo $((n + 15)) >"$HOME/clock"
echo $n
`;

describe("the end of a trial", function () {
  this.timeout(60_000);
  let host: FakeHost;
  beforeEach(() => {
    host = fakeHost(DOCKER);
  });
  afterEach(() => {
    host.remove();
  });
  const text = (name: string): string | undefined => {
    try {
      return readFileSync(join(host.home, name), "utf8");
    } catch {
      return undefined;
    }
  };
  const left = (): string[] =>
    ["helper", "trial", "session", "paused"].filter((name) => text(name) !== undefined);

  const trial = (shell: string, steps: string, atMost = 1): Promise<Result> => {
    const script = `set -eu
export HOME=${quote(host.home)} PATH=${quote(host.home)}:"$PATH" TMPDIR=${quote(host.home)}
date() { ${DATE}}
stack=test
at_most=${atMost}
keep=2
folder=$HOME/dumps
without_trial='deploy without the trial'
tool_image=tools:1
alias=web
has_health=no
seconds=30
${START_LIBRARY}${POSTGRES}${DUMP}${library("trial.sh")}
files=$(mktemp -d)
trap ended EXIT
begin
server=server
echo $server >"$files/server"
${steps}
`;
    const [program = "sh", ...words] = shell.split(" ");
    return run(program, [...words, "-s"], { input: script });
  };

  const steps: Readonly<Record<string, string>> = {
    "a copy": "copy_of old /data copy paused",
    "a measurement": "needs_copy_of data",
    "a dump": `dump_into "$server" || refuse 'the databases could not be dumped'`,
    "a restore": `dump=$HOME; : >"$HOME/globals.sql"; : >"$HOME/a.dump"; restore_trial trial`,
    "the setup after a start": `docker exec -i trial psql || refuse 'no passwords'`,
  };
  for (const shell of ["sh", ...(spawnSync("busybox").error === undefined ? ["busybox sh"] : [])])
    for (const [step, command] of Object.entries(steps))
      it(`comes in the middle of ${step} that takes too long, in ${shell}`, async () => {
        const { code, stderr } = await trial(shell, command);
        assert.equal(code, 1, stderr);
        assert.match(
          stderr,
          /\nREFUSED: the trial takes longer than 1 minutes .*; no running container was touched\n$/,
        );
        assert.equal(stderr.match(/REFUSED/g)?.length, 1, stderr);
        assert.deepEqual(left(), []);
        assert.notEqual(text("unlocked"), undefined);
      });

  it("is a refusal after any error", async () => {
    const { code, stderr } = await trial("sh", "docker info");
    assert.equal(code, 1);
    assert.match(stderr, /^REFUSED: the trial ended with the error above; no running container/m);
  });

  it("lets nothing stand still after a kill", async () => {
    await trial("sh", "( sleep 1; kill -9 $$ ) &\ncopy_of old /data copy paused", 60);
    const until = Date.now() + 20_000;
    while (left().length > 0 && Date.now() < until) await pause(100);
    assert.deepEqual(left(), []);
  });
});
