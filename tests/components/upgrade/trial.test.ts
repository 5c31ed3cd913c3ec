/** The scripts of an upgrade as text. What they do is tested with a real engine in tests/integration/. */
import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import { START_LIBRARY } from "../../../components/hardened/start";
import { startScript } from "../../../components/hardened/start";
import { StackModel } from "../../../components/model";
import { DEFINITIONS } from "../../../components/services";
import { Stack } from "../../../components/stack";
import { nameOf, startHooks, triedContainers } from "../../../components/upgrade/hooks";
import { cleanupScript, markReturnScript, returnScript } from "../../../components/upgrade/return";
import { TrialArgs, trialScript } from "../../../components/upgrade/trial";
import { SECRET_NAMES } from "../../../config/schema";
import { DockerHost } from "../../../host/docker-host";
import { COMMAND, record } from "../../support/pulumi-mocks";
import { run } from "../../support/run";
import { modelOf, realServices, service } from "../../support/small-stack";

const TRIAL: Omit<TrialArgs, "stack" | "containers"> = {
  atMost: 15,
  backups: { keep: 7 },
  tried: true,
  olderData: false,
};
const argsOf = (model: StackModel, said: Partial<TrialArgs> = {}): TrialArgs => ({
  stack: model.stack,
  containers: model.containers,
  ...TRIAL,
  ...said,
});
const ALL = modelOf(DEFINITIONS);
const DATA = { data: { data: { path: "/data" } } };

/** Stacks with and without a database server, clients of it, and anything to try. */
const STACKS: Readonly<Record<string, StackModel>> = {
  "every service": ALL,
  "a service that cannot be tried alone": modelOf([
    service("app", () => [
      { health: { command: ["check"] }, ...DATA, upgrade: { untried: "needs the moon" } },
    ]),
  ]),
  "every service, and the key of n8n in its environment": modelOf(DEFINITIONS, {
    images: { n8n: "n8nio/n8n:1.64.2" },
  }),
  "the ingress alone": modelOf(realServices("traefik", "homepage")),
  "a database without clients": modelOf(realServices("postgres")),
  "data without a database": modelOf([service("app", DATA)]),
  "nothing that shares anything": modelOf([service("web")]),
};

const syntaxOf = async (script: string): Promise<string> =>
  (await run("sh", ["-n"], { input: script })).stderr;

describe("the scripts of an upgrade", () => {
  for (const [title, model] of Object.entries(STACKS)) {
    it(`are shell for ${title}`, async () => {
      const scripts = [
        ...model.containers.map((container) =>
          startScript({
            model: container,
            name: nameOf(model.stack, container),
            toolImage: container.toolImage,
            ...startHooks(model.stack, container, model.containers),
          }),
        ),
        cleanupScript(model.stack, model.containers),
        cleanupScript(model.stack, model.containers, true),
        returnScript(
          model.stack,
          model.containers,
          model.containers.slice(1).map(({ name }) => name),
        ),
        markReturnScript(model.stack, model.containers),
        ...(triedContainers(model.containers).length === 0
          ? []
          : [true, false].map((tried) => trialScript(argsOf(model, { tried })))),
      ];
      assert.deepEqual(
        await Promise.all(scripts.map(syntaxOf)),
        scripts.map(() => ""),
      );
    });
  }

  it("hold no secret: neither a value nor the name of a secret of the configuration", async () => {
    const { resources } = await record(
      () => {
        const host = new DockerHost("test", { host: { address: "unix:///var/run/docker.sock" } });
        return new Stack("test", {
          model: modelOf(DEFINITIONS, { images: { n8n: "n8nio/n8n:1.64.2" } }),
          host,
          secret: (name) => pulumi.secret(`canary-${name}`),
          trial: TRIAL,
        });
      },
      { engine: { [COMMAND]: { stdout: "998\n" } } },
    );
    const scripts = resources.filter(({ type }) => type === COMMAND);
    assert.ok(scripts.some(({ name }) => name === "test-trial"));
    for (const { name, inputs } of scripts) {
      // A script with a secret in it is a secret itself. Only those that write a file of secrets may be.
      if (typeof inputs.stdin !== "string") {
        assert.match(name, /-fill$/);
        continue;
      }
      const text = inputs.stdin;
      assert.doesNotMatch(text, /canary/, name);
      for (const secret of SECRET_NAMES) assert.ok(!text.includes(secret), `${secret} in ${name}`);
    }
  });
});

describe("the containers that are tried on copies", () => {
  it("are those that cannot run beside the old ones, servers of databases first", () => {
    assert.deepEqual(
      triedContainers(ALL.containers).map(({ name }) => name),
      ["postgres", "traefik", "portainer", "n8n"],
    );
  });

  it("are asked for by their name and their number", () => {
    const script = trialScript(argsOf(ALL));
    for (const [index, name] of ["postgres", "traefik", "portainer", "n8n"].entries())
      assert.match(
        script,
        new RegExp(`^old_${index}=\\$\\(running_before 'test-${name}' "\\$id_${index}"\\)$`, "m"),
      );
  });

  it("are stopped after the time that the stack allows, with the way on without them", () => {
    const script = trialScript(argsOf(ALL, { stack: "prod", atMost: 60 }));
    assert.match(script, /^at_most=60$/m);
    assert.match(script, /npm run deploy -- --stack prod --without-trial/);
  });

  it("go on with older data only where that is wanted", () => {
    assert.match(trialScript(argsOf(ALL)), /^older_data=refuse$/m);
    assert.match(trialScript(argsOf(ALL, { olderData: true })), /^older_data=accept$/m);
  });

  it("have their dumps where the stack says, in the home of the user that deploys otherwise", () => {
    const folder = (backups: TrialArgs["backups"]): string => trialScript(argsOf(ALL, { backups }));
    assert.ok(folder({ keep: 7 }).includes(`"$HOME/pinned-stack-backups/"'test'`));
    const own = folder({ keep: 3, directory: "/srv/dumps" });
    assert.ok(own.includes("'/srv/dumps'") && !own.includes("pinned-stack-backups"));
    assert.match(own, /^keep=3$/m);
  });

  it("run on an internal network of the trial, under other names than those that run", () => {
    const script = trialScript(argsOf(ALL));
    assert.match(script, /^docker network create --internal /m);
    const created = script.match(/docker create (?!--pull never --name "\$1-lock").*/g) ?? [];
    // n8n's check of its credentials is another one.
    assert.equal(created.length, 5);
    for (const line of created) {
      assert.match(line, /^docker create \$trial_labels --name "\$run-\d" --network "\$run" /);
      assert.doesNotMatch(line, / (?:-p|--publish|--privileged|--pid|--network host)\b/);
      assert.doesNotMatch(line, /docker\.sock/);
    }
  });
});

describe("the trial of a container with files that change in place", () => {
  it("has the new ones in a volume of its own, and those that run keep theirs", () => {
    const script = trialScript(argsOf(ALL));
    const index = triedContainers(ALL.containers).findIndex(({ name }) => name === "traefik");
    const volume = `$run-files-${index}-0`;
    const [written, created] = [
      script.indexOf(`docker volume create $trial_labels "${volume}"`),
      script.indexOf(`--volume "${volume}":'/srv/traefik:ro'`),
    ];
    assert.ok(written !== -1 && created > written);
    assert.ok(script.includes(`--volume "${volume}":/files `));
    assert.ok(!script.includes(`"$id_${index}" '/srv/traefik'`));
  });
});

describe("the start of a container of the stack", () => {
  const hooksOf = (name: string) => {
    const container = ALL.containers.find((one) => one.name === name) ?? assert.fail(name);
    return startHooks(ALL.stack, container, ALL.containers);
  };

  it("keeps the database of a service with its data, and puts it back", () => {
    const { snapshot, restore, forget } = hooksOf("n8n");
    assert.deepEqual(
      [snapshot, restore, forget],
      [
        `copy_database "$(server)" 'n8n'`,
        `return_database "$(server)" 'n8n'`,
        `forget_database "$(server)" 'n8n'`,
      ],
    );
  });

  it("moves the data of a server to another volume, while its clients wait", () => {
    const { after, moves, move, library } = hooksOf("postgres");
    assert.match(after ?? "", /ALTER ROLE postgres PASSWORD/);
    assert.equal(moves, `is_elsewhere "$1"`);
    assert.equal(move, `move_data "$1"`);
    assert.ok(library?.includes("hold_client 'test-n8n' 60"), library);
    assert.match(START_LIBRARY, /running_of\(\) \{\n.*label=hardened\.name=\$1"/);
  });

  it("has nothing of that for others", () => {
    for (const name of ["traefik", "portainer", "homepage"]) assert.deepEqual(hooksOf(name), {});
  });
});

describe("the cleanup after all starts", () => {
  it("forgets what was kept of each container, and of those that are gone", () => {
    const script = cleanupScript(ALL.stack, ALL.containers);
    const names = new Set([...script.matchAll(/^name='(.*)'$/gm)].map(([, name]) => name));
    assert.deepEqual(
      [...names].sort(),
      ALL.containers.map((container) => nameOf(ALL.stack, container)).sort(),
    );
    assert.equal(
      script.match(/^if marked before; then forget; fi$/gm)?.length,
      ALL.containers.length,
    );
    assert.match(script, /^forget_gone "\$\(running_of 'test-postgres'\)" \|\| log /m);
  });
});
