import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { pullProblems, pullScript } from "../../../../tools/deploy/host/pull";
import { until } from "../../../support/until";
import { fakeHost, FakeHost } from "../fake-docker";

const PIN = `app:1@sha256:${"a".repeat(64)}`;

describe("the pull of new images", () => {
  let host: FakeHost;
  afterEach(() => {
    host.remove();
  });

  const script = pullScript({
    images: { app: `ghcr.io/x/${PIN}` },
    platform: "linux/amd64",
    registries: {
      "ghcr.io": { username: "u", password: "p'w" },
      "quay.io": { username: "v", password: "q" },
    },
  });

  it("logs in with the passwords of just the registries that are needed, and not in an argument", async () => {
    host = fakeHost(`case "$1 $2" in
"image inspect") [ -e "$HOME/pulled" ] || exit 1; echo linux/amd64;;
pull*) cp "$DOCKER_CONFIG/config.json" "$HOME/login"; touch "$HOME/pulled";;
esac`);
    const { code, stdout } = await host.shell(`${script}cat "$HOME/login"`);
    assert.equal(code, 0);
    const login = { auths: { "ghcr.io": { auth: Buffer.from("u:p'w").toString("base64") } } };
    assert.equal(stdout, `pulled=app\n${JSON.stringify(login)}`);
    assert.doesNotMatch(host.calls().join("\n"), /p'w/);
  });

  it("leaves no login behind when it is stopped, and stops at once", async () => {
    host = fakeHost(`case "$1 $2" in
"image inspect") exit 1;;
pull*) echo "$DOCKER_CONFIG" >"$HOME/folder"; mv "$HOME/folder" "$HOME/config-folder"; sleep 30;;
esac`);
    const stop = new AbortController();
    const started = performance.now();
    const pulled = host.shell(script, { signal: stop.signal });
    const marker = join(host.home, "config-folder");
    await until("the pull", () => Promise.resolve(existsSync(marker) || undefined));
    const { stdout: folder } = await host.shell(`cat "$HOME/config-folder"`);
    assert.ok(existsSync(folder.trim()));
    stop.abort(new Error("stopped"));
    await assert.rejects(pulled, /stopped/);
    assert.ok(performance.now() - started < 10_000);
    assert.equal(existsSync(folder.trim()), false);
  });

  it("says of an image for another platform what it is for", async () => {
    host = fakeHost(`case "$1 $2" in "image inspect") echo linux/arm64;; esac`);
    const { stdout } = await host.shell(script);
    assert.deepEqual(pullProblems(stdout), [
      "app: the image is for linux/arm64, the host is linux/amd64",
    ]);
  });

  it("tells which image could not be had, and why", () => {
    host = fakeHost("");
    const said =
      "present=a\nfailed=b: manifest unknown \nfailed=c: write /x: no space left on device \n";
    const [unknown, full = "", ...rest] = pullProblems(said);
    assert.deepEqual([unknown, rest], ["b: manifest unknown", []]);
    assert.match(
      full,
      /^c: write \/x: no space left on device; .*on the host: docker image prune --all$/,
    );
  });
});
