/** An owner of n8n with a workflow, whose data has to survive replacements. */
import assert from "node:assert/strict";

import type { Question } from "../../support/http";
import { until } from "../../support/until";
import { DOMAIN, type Whole } from "./whole";

const EMAIL = "owner@example.test";
const PASSWORD = "Owner-of-the-tests-1";
const WORKFLOW = {
  name: "Kept over replacements",
  nodes: [
    {
      id: "start",
      name: "Start",
      type: "n8n-nodes-base.manualTrigger",
      typeVersion: 1,
      position: [0, 0],
      parameters: {},
    },
  ],
  connections: {},
  settings: {},
  active: false,
};

type Ask = (path: string, question?: Question) => ReturnType<Whole["ask"]>;

/** n8n's owner, as its editor speaks to it: the REST API of the editor, with the cookie of a login. */
export class Owner {
  private constructor(
    readonly cookie: string,
    readonly ask: Ask,
  ) {}

  /** Creates the owner's account, which a new n8n asks for. */
  static setUp(ask: Whole["ask"]): Promise<Owner> {
    const name = { firstName: "Test", lastName: "Owner" };
    return Owner.#enter(ask, "/rest/owner/setup", { email: EMAIL, password: PASSWORD, ...name });
  }

  static logIn(ask: Whole["ask"]): Promise<Owner> {
    // Versions differ in the name of the field.
    const login = { email: EMAIL, emailOrLdapLoginId: EMAIL, password: PASSWORD };
    return Owner.#enter(ask, "/rest/login", login);
  }

  static async #enter(ask: Whole["ask"], path: string, json: object): Promise<Owner> {
    // n8n says that it is ready a moment before its API is there.
    const { status, headers, body } = await until("n8n's API", async () => {
      const answer = await ask(`n8n.${DOMAIN}`, path, { method: "POST", json });
      return answer.status === 404 ? undefined : answer;
    });
    assert.equal(status, 200, body);
    const cookie = (headers["set-cookie"] ?? []).map((line) => line.split(";", 1)[0]).join("; ");
    return new Owner(cookie, (to, question) =>
      ask(`n8n.${DOMAIN}`, to, { ...question, headers: { cookie } }),
    );
  }

  /** Gives the new workflow's id. Default: one that is started by hand. */
  async createWorkflow(workflow: object = WORKFLOW): Promise<string> {
    return (await this.#post("/rest/workflows", workflow)).id;
  }

  /** From now on its own triggers start it. */
  async activate(workflow: object): Promise<void> {
    const { id, versionId } = await this.#post("/rest/workflows", workflow);
    const { status, body } = await this.ask(`/rest/workflows/${id}`, {
      method: "PATCH",
      json: { active: true, versionId },
    });
    assert.equal(status, 200, body);
  }

  async #post(path: string, json: object): Promise<{ id: string; versionId: string }> {
    const { status, body } = await this.ask(path, { method: "POST", json });
    assert.equal(status, 200, body);
    return (JSON.parse(body) as { data: { id: string; versionId: string } }).data;
  }

  /** A credential, which only the encryption key can read again. */
  async createCredential(secret: string): Promise<string> {
    const json = { name: "Kept", type: "httpHeaderAuth", data: { name: "x-test", value: secret } };
    const { status, body } = await this.ask("/rest/credentials", { method: "POST", json });
    assert.equal(status, 200, body);
    return (JSON.parse(body) as { readonly data: { readonly id: string } }).data.id;
  }

  /** The names of all workflows by id. */
  async workflows(): Promise<Readonly<Record<string, string>>> {
    const { status, body } = await this.ask("/rest/workflows");
    assert.equal(status, 200, body);
    const { data } = JSON.parse(body) as {
      readonly data: readonly { readonly id: string; readonly name: string }[];
    };
    return Object.fromEntries(data.map(({ id, name }) => [id, name]));
  }

  /** Whether n8n can still decrypt a credential. */
  async canRead(credential: string): Promise<boolean> {
    const { status, body } = await this.ask(`/rest/credentials/${credential}?includeData=true`);
    return status === 200 && body.includes("x-test");
  }
}
