import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { containerModel } from "../../../../components/hardened/model";
import {
  Rehearsal,
  rehearsalArguments,
  rehearsalScript,
} from "../../../../tools/deploy/host/rehearsal";
import { until } from "../../../support/until";
import { fakeHost, FakeHost } from "../fake-docker";

const PIN = `app:1@sha256:${"a".repeat(64)}`;
const container = containerModel({
  name: "traefik",
  image: PIN,
  exemptions: [
    { control: "capabilities", value: ["CAP_CHOWN"], reason: "a test of added capabilities" },
  ],
  cpus: 1,
  environment: { A: "b c" },
  command: ["--x"],
  mounts: [
    { kind: "files", volume: "traefik-config", path: "/etc/traefik", files: {} },
    { kind: "data", volume: "traefik-acme", path: "/acme", chown: true },
  ],
  tmpfs: { "/tmp": 16 },
  health: { command: ["traefik", "healthcheck"] },
  networks: [],
});

const rehearsal = (run: string, change: Partial<Rehearsal> = {}): Rehearsal => ({
  stack: "s",
  run,
  container,
  volumes: [{ volume: `${run}-0`, path: "/etc/traefik", files: { "dynamic/routes.yml": "it's" } }],
  routes: [{ host: "a.test", path: "/" }],
  scheme: "http",
  seconds: 9,
  ...change,
});

/**
 * Keeps containers and volumes as files that hold their labels. A trial is healthy once there is $HOME/healthy-<name>; its
 * answer to a request is in $HOME/answer.
 */
const ENGINE = `mkdir -p "$HOME/container" "$HOME/volume"
labels=''; name=''; filter=''; before=''
for word; do
  case $before in
  --label) labels="$labels $word ";;
  --name) name=$word;;
  --filter) filter=\${word#label=};;
  esac
  before=$word
done
list() { (cd "$HOME/$1" && grep -lF " $filter " * 2>/dev/null) || :; }
case "$1 $2" in
"run --detach") [ ! -e "$HOME/refuse" ] || { echo "refused: $(cat "$HOME/refuse")" >&2; exit 125; }
  echo "$labels" >"$HOME/container/$name";;
"ps -aq") list container;;
"volume ls") list volume;;
"volume create") echo "$labels" >"$HOME/volume/$before";;
"volume rm") rm "$HOME/volume/$3";;
"rm -f") rm "$HOME/container/$3";;
"rm loader") ;;
create*) echo loader;;
cp*) cp "\${2%/.}/dynamic/routes.yml" "$HOME/routes.yml";;
inspect*) [ -e "$HOME/container/$before" ] || { echo 'No such object' >&2; exit 1; }
  if [ -e "$HOME/healthy-$before" ]; then echo running healthy; else echo running starting; fi;;
exec*) cat "$HOME/answer" 2>/dev/null;;
logs*) echo "its last line";;
*) exit 7;;
esac`;

describe("a rehearsal", () => {
  let host: FakeHost;
  beforeEach(() => {
    host = fakeHost(ENGINE);
  });
  afterEach(() => {
    host.remove();
  });
  const file = (name: string, text = ""): void => {
    writeFileSync(join(host.home, name), text);
  };
  const there = (kind: "container" | "volume"): string[] =>
    existsSync(join(host.home, kind)) ? readdirSync(join(host.home, kind)) : [];
  const run = (name: string, change: Partial<Rehearsal> = {}) =>
    host.shell(rehearsalScript(rehearsal(name, change)));

  it("is under every restriction, without network and ports, on empty data", () => {
    assert.equal(
      rehearsalArguments(rehearsal("s-rehearsal-1")).join(" "),
      [
        "run --detach --name s-rehearsal-1 --label pinned-stack.rehearsal=s --label pinned-stack.rehearsal-run=s-rehearsal-1",
        "--network none --restart no",
        "--user 65532:65532 --cap-drop ALL --cap-add CAP_CHOWN --security-opt no-new-privileges:true --read-only --ipc private",
        "--memory 256m --memory-swap 256m --cpus 1 --pids-limit 200 --ulimit nofile=4096:4096",
        "--tmpfs /tmp:rw,noexec,nosuid,nodev,size=16m,uid=65532,gid=65532 --tmpfs /acme:rw,noexec,nosuid,nodev,size=16m,uid=65532,gid=65532",
        "--volume s-rehearsal-1-0:/etc/traefik:ro --env A=b c",
        "--health-cmd 'traefik' 'healthcheck' --health-interval 1s --health-timeout 5s --health-retries 60",
        `${PIN} --x`,
      ].join(" "),
    );
  });

  it("brings the files, is content with a healthy trial, and leaves nothing", async () => {
    file("healthy-one");
    file("answer", "HTTP/1.1 502 Bad Gateway");
    const { code, stderr } = await run("one");
    assert.equal(code, 0, stderr);
    assert.equal((await host.shell('cat "$HOME/routes.yml"')).stdout, "it's");
    assert.deepEqual([there("container"), there("volume")], [[], []]);
  });

  const refusals: readonly (readonly [string, () => void, Partial<Rehearsal>, RegExp])[] = [
    [
      "does not get healthy in its time",
      () => undefined,
      { seconds: 1 },
      /^traefik: not healthy within 1 seconds, but running starting\nits last line\n$/,
    ],
    [
      "has no route for a name",
      () => {
        file("healthy-one");
        file("answer", "HTTP/1.1 404 Not Found");
      },
      {},
      /^traefik: .*no route for a\.test\nits last line\n$/,
    ],
    [
      "cannot be started at all",
      () => {
        file("refuse", "no such runtime");
      },
      {},
      /^refused: no such runtime\n/,
    ],
  ];
  for (const [what, given, change, message] of refusals)
    it(`fails when the trial ${what}, says why, and leaves nothing`, async () => {
      given();
      const { code, stderr } = await run("one", change);
      assert.notEqual(code, 0);
      assert.match(stderr, message);
      assert.deepEqual([there("container"), there("volume")], [[], []]);
    });

  it("is not disturbed by an earlier one that was given up and runs on", async () => {
    const first = run("one");
    await until("the first trial", () => Promise.resolve(there("container")[0]));
    const second = run("two");
    assert.equal((await first).code, 1);
    assert.deepEqual(there("container"), ["two"]);
    file("healthy-two");
    assert.equal((await second).code, 0);
    assert.deepEqual([there("container"), there("volume")], [[], []]);
  });
});
