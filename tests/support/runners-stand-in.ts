/**
 * A stand-in for `n8nio/runners`, made in the registry from n8n's own image: the JavaScript runner in it is n8n's own, of
 * the same version. Not in it: the launcher, for which the script below stands (it starts the runner at once and not at the
 * first task), and the Python runner.
 */
import { gzipSync } from "node:zlib";

import { Repository, sha256, splitImage, type ImageManifest } from "./registry-images";
import { tar } from "../../components/hardened/tar";

const SCRIPT = "/testbed/launcher.js";
const N8N = "/usr/local/lib/node_modules/n8n";

/** As the launcher: answers on port 5680, trades the token for a grant, and starts the runner with that alone. */
const LAUNCHER = `
const { spawn } = require("node:child_process");
const { readFileSync, realpathSync } = require("node:fs");
const { createServer } = require("node:http");

const broker = process.env.N8N_RUNNERS_TASK_BROKER_URI;
const start = require.resolve("@n8n/task-runner/start", { paths: [realpathSync("${N8N}")] });
const token = readFileSync(process.env.N8N_RUNNERS_AUTH_TOKEN_FILE, "utf8").trim();

async function run() {
  const answer = await fetch(broker + "/runners/auth", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (!answer.ok) throw new Error("the broker answered " + answer.status);
  const { data } = await answer.json();
  const env = { N8N_RUNNERS_TASK_BROKER_URI: broker, N8N_RUNNERS_GRANT_TOKEN: data.token };
  const runner = spawn(process.execPath, [start], { env, stdio: "inherit" });
  process.once("SIGTERM", () => process.exit(0));
  await new Promise((resolve) => runner.once("exit", resolve));
}

createServer((request, response) => response.end('{"status":"ok"}')).listen(5680);
const again = () => setTimeout(() => run().catch((error) => console.log(error.message)).finally(again), 1000);
again();
`;

interface ImageConfig {
  readonly config?: object;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly string[] };
  readonly history?: readonly object[];
}

/** Makes it from `n8n` (`repository:tag`) and pushes it as `runners`. */
export async function runnersStandIn(
  registryUrl: string,
  n8n: string,
  runners: string,
): Promise<void> {
  const [from, to] = [splitImage(n8n), splitImage(runners)];
  const source = new Repository(registryUrl, from.repository);
  const target = new Repository(registryUrl, to.repository);
  const { mediaType, bytes } = await source.manifest(from.tag);
  const manifest = JSON.parse(bytes.toString()) as ImageManifest;
  const config = JSON.parse((await source.blob(manifest.config.digest)).toString()) as ImageConfig;
  const layer = tar([{ path: SCRIPT.slice(1), mode: 0o644, content: Buffer.from(LAUNCHER) }]);
  for (const { digest } of manifest.layers) await target.mountBlob(digest, from.repository);
  const made = {
    ...config,
    config: { ...config.config, Entrypoint: ["tini", "--", "node", SCRIPT], Cmd: null },
    rootfs: { type: "layers", diff_ids: [...config.rootfs.diff_ids, sha256(layer)] },
    history: [...(config.history ?? []), { created_by: "stand-in for the task runners" }],
  };
  const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
  await target.putManifest(
    to.tag,
    mediaType,
    json({
      ...manifest,
      config: await target.putBlob(manifest.config.mediaType, json(made)),
      layers: [
        ...manifest.layers,
        await target.putBlob(manifest.layers[0]?.mediaType ?? "", gzipSync(layer)),
      ],
    }),
  );
}
