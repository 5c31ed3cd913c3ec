/** What happens to the running stack: killed processes, new images, other settings, the end and a new beginning. */
import assert from "node:assert/strict";
import { connect, type PeerCertificate } from "node:tls";

import { keepPicture, visit } from "../../support/browser";
import { SERVICE_IMAGES } from "../../support/deployment";
import { ask } from "../../support/http";
import { condition, services, type Inspected } from "../../support/inspect";
import { succeeded } from "../../support/run";
import { until } from "../../support/until";
import { Owner } from "./n8n-owner";
import { CANARIES, DOMAIN, measured, STACK, type Whole } from "./whole";

const N8N = `n8n.${DOMAIN}`;

/** Waits until every container is healthy; Portainer's only runs, and its page answers. */
export async function allWell(whole: Whole): Promise<Readonly<Record<string, Inspected>>> {
  return until(
    "a healthy stack",
    async () => {
      const all = await services(whole.world, STACK);
      const ill = Object.entries(all).filter(
        ([name, one]) => condition(one) !== (name === "portainer" ? "running" : "healthy"),
      );
      if (ill.length === 0) return all;
      throw new Error(ill.map(([name, one]) => `${name} is ${condition(one)}`).join(", "));
    },
    60_000,
  );
}

/** The certificate that a client gets who asks for this name. */
const certificate = (port: number, servername: string): Promise<PeerCertificate> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
    socket.setTimeout(10_000, () => socket.destroy(new Error("no certificate in time")));
    socket.on("error", reject);
    socket.on("secureConnect", () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
  });

/** Ids of what was made in n8n. */
interface Kept {
  workflow: string;
  credential: string;
}

/** New images of the services with data, each tried on a copy of it first. For each engine that the tests run on. */
export function newImages(whole: () => Whole, kept: Kept = { workflow: "", credential: "" }): void {
  it("keeps workflows and credentials when n8n and PostgreSQL get new images", async function () {
    this.timeout(300_000);
    const { world, deployment } = whole();
    const owner = await Owner.setUp(whole().ask);
    kept.workflow = await owner.createWorkflow();
    kept.credential = await owner.createCredential("kept-value");
    const before = await services(world, STACK);
    for (const service of ["n8n", "postgres"] as const) {
      await world.variant(SERVICE_IMAGES[service], "rebuild");
      await deployment.pin({ [service]: await world.pinned(SERVICE_IMAGES[service]) });
    }
    succeeded("up", await measured(whole(), "replacing n8n and PostgreSQL", () => deployment.up()));
    const after = await allWell(whole());
    for (const name of ["n8n", "postgres"])
      assert.notEqual(after[name]?.Image, before[name]?.Image);
    for (const name of ["traefik", "portainer", "cadvisor"])
      assert.equal(after[name]?.Id, before[name]?.Id, name);
    const again = await Owner.logIn(whole().ask);
    assert.deepEqual(await again.workflows(), { [kept.workflow]: "Kept over replacements" });
    assert.equal(await again.canRead(kept.credential), true);
    const clean = await deployment.preview("--expect-no-changes");
    assert.equal(clean.code, 0, clean.stdout);
  });
}

export function changes(whole: () => Whole): void {
  const kept: Kept = { workflow: "", credential: "" };

  it("brings every container back after SIGKILL of its main process", async function () {
    this.timeout(90_000);
    const before = await services(whole().world, STACK);
    const pids = Object.values(before).map(({ State }) => `${State.Pid}`);
    succeeded("kill", await whole().world.host.run("kill", ["-KILL", ...pids]));
    await until("all to have started again", async () => {
      const now = await services(whole().world, STACK);
      return (
        Object.entries(before).every(([name, { State }]) => {
          const { StartedAt = State.StartedAt, Status } = now[name]?.State ?? {};
          return StartedAt !== State.StartedAt && Status === "running";
        }) || undefined
      );
    });
    const after = await allWell(whole());
    for (const [name, { HostConfig }] of Object.entries(after))
      assert.equal(HostConfig.PidsLimit, before[name]?.HostConfig.PidsLimit, name);
    assert.equal((await whole().ask(N8N, "/healthz/readiness")).status, 200);
  });

  newImages(whole, kept);

  it("shows the kept workflow in n8n's editor, in a browser", async function () {
    this.timeout(60_000);
    const { cookie } = await Owner.logIn(whole().ask);
    const [name = "", value = ""] = cookie.split("=");
    const url = `http://${N8N}:${whole().http}`;
    await visit(`${url}/signin`, async (page) => {
      await page.context().addCookies([{ name, value, url }]);
      await page.goto(`${url}/workflow/${kept.workflow}`);
      await page.getByTitle("Kept over replacements").waitFor();
      await page.getByText("Start", { exact: true }).waitFor();
      await keepPicture(page, "stack-n8n-editor");
    });
  });

  it("takes new passwords of PostgreSQL by a deployment alone, and the old ones count no more", async function () {
    this.timeout(120_000);
    const { world, deployment } = whole();
    const fresh = { postgres: "canary-new-postgres-7d21", n8n: "canary-new-database-55c0" };
    await deployment.stack.setSecret("pinned-stack:postgresPassword", fresh.postgres);
    await deployment.stack.setSecret("pinned-stack:n8nDatabasePassword", fresh.n8n);
    succeeded("up", await measured(whole(), "new passwords", () => deployment.up()));
    await allWell(whole());
    const isRefused = async (role: string, password: string): Promise<boolean> => {
      const psql = ["psql", "-h", "127.0.0.1", "-U", role, "-d", "postgres", "-Atc", "select 1"];
      const id = (await services(world, STACK)).postgres?.Id ?? assert.fail("no postgres runs");
      const words = ["exec", "-e", `PGPASSWORD=${password}`, id, ...psql];
      return /password authentication failed/.test((await world.docker.cli(words)).stderr);
    };
    for (const [role, password, refused] of [
      ["postgres", fresh.postgres, false],
      ["postgres", CANARIES.postgresPassword, true],
      ["n8n", fresh.n8n, false],
      ["n8n", CANARIES.n8nDatabasePassword, true],
    ] as const)
      assert.equal(await isRefused(role, password), refused, `${role} with ${password}`);
    const owner = await Owner.logIn(whole().ask);
    assert.equal(await owner.canRead(kept.credential), true);
  });

  it("stops before anything is touched when the host does not fit", async function () {
    this.timeout(60_000);
    const { world, deployment } = whole();
    const before = await services(world, STACK);
    await deployment.set({ platform: "linux/arm64" });
    const refused = await deployment.up();
    assert.notEqual(refused.code, 0);
    assert.match(
      refused.stdout,
      /docker: the host is linux\/amd64, the configuration says linux\/arm64; set pinned-stack:platform/,
    );
    await deployment.set({ platform: "linux/amd64" });
    const clean = await deployment.preview("--expect-no-changes");
    assert.equal(clean.code, 0, clean.stdout);
    const after = await services(world, STACK);
    for (const [name, { Id }] of Object.entries(before)) assert.equal(after[name]?.Id, Id, name);
  });

  it("refuses to switch off a service while its data is protected, and touches nothing", async function () {
    this.timeout(60_000);
    const { world, deployment } = whole();
    const before = await services(world, STACK);
    await deployment.set({
      services: { portainer: { enabled: false } },
      tls: { mode: "selfSigned" },
    });
    const refused = await deployment.preview();
    assert.notEqual(refused.code, 0);
    assert.match(
      refused.stdout,
      /whole-portainer-data" cannot be deleted\s+because it is protected/,
    );
    assert.deepEqual(Object.keys(await services(world, STACK)), Object.keys(before));
  });

  it("switches Portainer and cAdvisor off with proxy and networks once that is let go", async function () {
    this.timeout(240_000);
    const { world, deployment } = whole();
    const data = "pinned-stack:index:Stack$hardened:docker:DataVolume$docker:index/volume:Volume";
    const urn = `urn:pulumi:${STACK}::pinned-stack::${data}::${STACK}-portainer-data`;
    const release = ["state", "unprotect", `--stack=${STACK}`, "--yes", urn];
    succeeded("pulumi state unprotect", await deployment.stack.pulumi(...release));
    succeeded("up", await measured(whole(), "switching off and to TLS", () => deployment.up()));
    assert.deepEqual(Object.keys(await allWell(whole())).sort(), [
      "homepage",
      "n8n",
      "postgres",
      "traefik",
    ]);
    const filter = `--filter=label=pinned-stack.stack=${STACK}`;
    const networks = await world.docker.ask("network", "ls", "--format={{.Name}}", filter);
    assert.deepEqual(networks.split("\n").sort(), [
      "whole-edge",
      "whole-egress-n8n",
      "whole-n8n-postgres",
      "whole-traefik-homepage",
      "whole-traefik-n8n",
    ]);
    const volumes = await world.docker.ask("volume", "ls", "--format={{.Name}}", filter);
    assert.ok(volumes.split("\n").includes("whole-portainer-data"));
    assert.ok(!volumes.includes("whole-portainer-password"));
  });

  it("serves HTTPS under a certificate of its own and sends HTTP there", async () => {
    const { https } = whole();
    for (const [host, path] of [
      [DOMAIN, "/"],
      [N8N, "/healthz"],
    ] as const) {
      const moved = await whole().ask(host, path);
      assert.equal(moved.status, 301);
      assert.equal(moved.headers.location, `https://${host}:${https}${path}`);
      const secure = await ask(`https://127.0.0.1:${https}${path}`, { host });
      assert.equal(secure.status, 200);
      assert.equal(secure.headers["strict-transport-security"], "max-age=31536000");
      assert.equal(secure.headers.server, undefined);
    }
    // For all host names, and the same on each connection.
    const [first, second] = [await certificate(https, DOMAIN), await certificate(https, N8N)];
    assert.equal(first.subjectaltname, `DNS:traefik.${DOMAIN}, DNS:${DOMAIN}, DNS:${N8N}`);
    assert.equal(first.fingerprint256, second.fingerprint256);
    const gone = await ask(`https://127.0.0.1:${https}/`, { host: `portainer.${DOMAIN}` });
    assert.equal(gone.status, 404);
  });

  it("plans no plain destroy while there is data, and touches nothing", async function () {
    this.timeout(60_000);
    const { world, deployment } = whole();
    const before = await services(world, STACK);
    const refused = await deployment.stack.pulumi("destroy", `--stack=${STACK}`, "--yes");
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout, /whole-n8n-data" cannot be deleted\s+because it is protected/);
    assert.deepEqual(Object.keys(await services(world, STACK)), Object.keys(before));
  });

  it("leaves nothing but the data volumes after destroy --exclude-protected", async function () {
    this.timeout(60_000);
    const { docker } = whole().world;
    succeeded(
      "destroy",
      await measured(whole(), "destroy", () => whole().deployment.destroy("--exclude-protected")),
    );
    assert.equal(await docker.ask("ps", "--all", "--quiet"), "");
    const networks = await docker.ask("network", "ls", "--format={{.Name}}");
    assert.deepEqual(networks.split("\n"), ["bridge", "host", "none"]);
    const volumes = await docker.ask("volume", "ls", "--format={{.Name}}");
    assert.deepEqual(volumes.split("\n"), [
      "whole-n8n-data",
      "whole-portainer-data",
      "whole-postgres-16-data",
    ]);
  });

  it("finds the data again when it is deployed anew", async function () {
    this.timeout(120_000);
    await whole().deployment.set({
      services: { cadvisor: { enabled: true } },
      tls: { mode: "none" },
    });
    succeeded("up", await measured(whole(), "up after destroy", () => whole().deployment.up()));
    assert.equal(Object.keys(await allWell(whole())).length, 7);
    const owner = await Owner.logIn(whole().ask);
    assert.deepEqual(await owner.workflows(), { [kept.workflow]: "Kept over replacements" });
    assert.equal(await owner.canRead(kept.credential), true);
  });
}
