/** n8n 2 leaves the code of workflows to its task runners, which have nothing that is worth taking. */
import assert from "node:assert/strict";

import { newDeployment, onSocket, pinnedImages, type Deployment } from "../support/deployment";
import { ask, type Answer, type Question } from "../support/http";
import { services } from "../support/inspect";
import { IMAGES, N8N_2, POSTGRES_17 } from "../support/requirements";
import { succeeded } from "../support/run";
import { runnersStandIn } from "../support/runners-stand-in";
import { until } from "../support/until";
import { useWorld } from "../support/world";

const DOMAIN = "example.test";
const RUNNERS = N8N_2.replace("n8nio/n8n", "n8nio/runners");
const TOKEN = "canary-runners-token-4c1d";
const OWNER = { email: "owner@example.test", password: "Owner-of-the-tests-1" };

const CODE = `
const seen = (look) => { try { return look(); } catch (error) { return error.message; } };
return [{ json: {
  sum: [1, 2, 3].reduce((sum, one) => sum + one, 0),
  variables: seen(() => Object.keys(process.env)),
  token: seen(() => require("fs").readFileSync("/run/secrets/n8n-runners/token", "utf8")),
} }];`;
const node = (name: string, type: string, parameters: object): object => ({
  id: name,
  name,
  type: `n8n-nodes-base.${type}`,
  typeVersion: 2,
  position: [0, 0],
  ...(type === "webhook" && { webhookId: "aaaaaaaa-0000-4000-8000-000000000001" }),
  parameters,
});
const WORKFLOW = {
  name: "Code",
  nodes: [
    node("Hook", "webhook", { path: "run", httpMethod: "GET", responseMode: "lastNode" }),
    node("Code", "code", { jsCode: CODE }),
  ],
  connections: { Hook: { main: [[{ node: "Code", type: "main", index: 0 }]] } },
  settings: {},
  active: false,
};

describe("n8n's task runners", function () {
  this.timeout(400_000);
  const world = useWorld({ images: [IMAGES.traefik, N8N_2, POSTGRES_17], pulumi: true });
  let deployment: Deployment;
  let n8n: (path: string, question?: Question) => Promise<Answer>;

  before(async () => {
    await runnersStandIn(world().registry.url, N8N_2, RUNNERS);
    const http = await world().publishedPort();
    n8n = (path, question) =>
      ask(`http://127.0.0.1:${http}${path}`, { ...question, host: `n8n.${DOMAIN}` });
    deployment = await newDeployment(world(), {
      name: "code",
      values: {
        ...onSocket(world()),
        domain: DOMAIN,
        publish: { http },
        images: {
          ...(await pinnedImages(world(), ["traefik"])),
          n8n: await world().pinned(N8N_2),
          "n8n-runners": await world().pinned(RUNNERS),
          postgres: await world().pinned(POSTGRES_17),
        },
        requirePins: true,
        adminAllow: ["0.0.0.0/0"],
        services: { homepage: { enabled: false }, portainer: { enabled: false } },
        registries: { [world().registry.name]: { insecure: true } },
      },
      secrets: {
        postgresPassword: "canary-postgres-5b1d7e",
        n8nDatabasePassword: "canary-database-71ce09",
        n8nEncryptionKey: "canary-encryption-90fa42-7c3e18b5d2",
        n8nRunnersToken: TOKEN,
      },
    });
    succeeded("up", await deployment.up());
  });

  it("run the code of a workflow, which sees neither variables nor files", async () => {
    const owner = await until("n8n's API", async () => {
      const json = { ...OWNER, firstName: "Test", lastName: "Owner" };
      const answer = await n8n("/rest/owner/setup", { method: "POST", json });
      return answer.status === 404 ? undefined : answer;
    });
    assert.equal(owner.status, 200, owner.body);
    const cookie = (owner.headers["set-cookie"] ?? [])
      .map((line) => line.split(";", 1)[0])
      .join("; ");
    const post = async (path: string, json: object): Promise<{ id: string; versionId: string }> => {
      const { status, body } = await n8n(path, { method: "POST", json, headers: { cookie } });
      assert.equal(status, 200, body);
      return (JSON.parse(body) as { data: { id: string; versionId: string } }).data;
    };
    const { id, versionId } = await post("/rest/workflows", WORKFLOW);
    await post(`/rest/workflows/${id}/activate`, { versionId });
    const { status, body } = await until("the webhook", async () => {
      const answer = await n8n("/webhook/run");
      return answer.status === 404 ? undefined : answer;
    });
    assert.equal(status, 200, body);
    const { sum, ...seen } = JSON.parse(body) as Readonly<Record<string, unknown>>;
    assert.equal(sum, 6);
    assert.match(String(seen.variables), /process is not defined/);
    assert.match(String(seen.token), /'fs' is disallowed/);
  });

  it("have no internet access, no database and no secret in their environment", async () => {
    const { "n8n-runners": runners } = await services(world(), "code");
    assert.ok(runners);
    assert.deepEqual(Object.keys(runners.NetworkSettings.Networks), ["code-n8n-runners-n8n"]);
    assert.doesNotMatch(JSON.stringify(runners), /canary/);
    assert.equal(runners.HostConfig.ReadonlyRootfs, true);
    assert.equal(runners.Config.User, "1000:1000");
  });

  it("change nothing in a second update", async () => {
    const { stdout } = succeeded("preview", await deployment.preview("--expect-no-changes"));
    assert.doesNotMatch(stdout, /replace/);
  });
});
