/** A deployment from its look back to its end, with a fake engine and a fake host. */
import assert from "node:assert/strict";

import { EngineEvent } from "@pulumi/pulumi/automation";

import { Refused } from "../../../tools/deploy/context";
import { ContainerModel } from "../../../components/hardened/model";
import { COMMAND, CONTAINER, StackState } from "../../../tools/deploy/pulumi/state";
import { loadTarget } from "../../../tools/deploy/pulumi/target";
import "../../support/no-docker-context";
import {
  CHANGES,
  CURRENT,
  fakeDeployment,
  FakeOptions,
  liveRow,
  past,
  STACK,
  stateOf,
  WHOLE,
  withValues,
} from "./fake-run";

const MODEL = loadTarget(STACK, CURRENT).model;
const HOMEPAGE = `${STACK}-homepage`;
const changed: FakeOptions = { preview: CHANGES };
const homepage = (): ContainerModel =>
  loadTarget(STACK, CURRENT).model.containers.find(({ name }) => name === "homepage") ??
  assert.fail("no homepage");
/** A script of the update that failed, with what it had said. */
const failedScript = (...lines: readonly string[]): EngineEvent =>
  ({
    diagnosticEvent: {
      severity: "error",
      urn: `urn:pulumi:${STACK}::pinned-stack::command:local:Command::${HOMEPAGE}-start`,
      message: `exit status 1: running "sh -s":\n${lines.join("\n")}\n`,
    },
  }) as EngineEvent;
const refusal = ({ ended }: { readonly ended: unknown }): string => {
  assert.ok(ended instanceof Refused, String(ended));
  assert.equal(ended.exitCode, 1);
  return ended.message;
};

describe("a deployment", function () {
  this.timeout(30_000);

  it("records before what was healthy, and after itself", async () => {
    const { ended, done } = await fakeDeployment(changed);
    assert.equal(ended, 0);
    assert.deepEqual(done, [
      "confirm",
      "verified 2026-01-01",
      "up: npm run deploy",
      "verified 2026-01-20",
      "cleanup",
    ]);
  });

  it("is done although the copies of the data before it could not be removed", async () => {
    const { ended, said } = await fakeDeployment({ ...changed, cleanup: "volume is in use\n" });
    assert.equal(ended, 0);
    assert.ok(
      said.some((line) => /copies of the data .*: volume is in use$/.test(line)),
      said.join("\n"),
    );
  });

  for (const [what, options, environment] of [
    ["with a trial, on the newest data", {}, {}],
    ["without a trial on demand", { withoutTrial: true }, { PINNED_STACK_TRIAL: "off" }],
    [
      "on older data where an earlier configuration was chosen",
      { target: () => ({ config: CURRENT, message: "npm run deploy: rollback to 1", number: 1 }) },
      { PINNED_STACK_OLDER_DATA: "accept" },
    ],
  ] as const)
    it(`runs ${what}`, async () => {
      const { ended, environments } = await fakeDeployment({ ...changed, options });
      assert.deepEqual([ended, environments], [0, [environment]]);
    });

  it("says in the plan what is tried and dumped first", async () => {
    const replaced = (name: string): EngineEvent =>
      ({
        resourcePreEvent: {
          metadata: {
            op: "create-replacement",
            urn: `urn:pulumi:${STACK}::pinned-stack::${CONTAINER}::${STACK}-${name}`,
            type: CONTAINER,
            old: { inputs: { image: "app:1" } },
            new: { inputs: { image: "app:2" } },
          },
        },
      }) as unknown as EngineEvent;
    const firstLines = async (names: readonly string[], withoutTrial = false): Promise<string[]> =>
      (
        await fakeDeployment({
          current: WHOLE,
          history: [past(1, { config: WHOLE })],
          preview: names.map(replaced),
          options: { withoutTrial },
        })
      ).plan
        .split("\n")
        .filter((line) => /first:|NO TRIAL/.test(line));
    const dumped = "  first: the databases are dumped";
    assert.deepEqual(await firstLines(["homepage", "traefik"]), [
      "  first: the new traefik must work on a copy of the data",
    ]);
    assert.deepEqual(await firstLines(["n8n"]), [
      dumped,
      "  first: the new n8n must work on a copy of the data",
    ]);
    assert.deepEqual(await firstLines(["homepage"]), []);
    const [first, second = ""] = await firstLines(["postgres"], true);
    assert.equal(first, dumped);
    assert.match(second, /NO TRIAL: /);
  });

  it("puts files back that a failed update has replaced, by an update of nothing else", async () => {
    const written = (stdin: string, state = stateOf(MODEL)): StackState => ({
      ...state,
      resources: [
        ...state.resources,
        {
          ...(state.resources[0] ?? assert.fail()),
          urn: `urn:pulumi:${STACK}::pinned-stack::${COMMAND}::${STACK}-traefik-routes-write`,
          type: COMMAND,
          inputs: { stdin },
        },
      ],
    });
    const { ended, done, said } = await fakeDeployment({
      ...changed,
      up: ["no space left"],
      states: [written("old"), written("new")],
    });
    assert.equal(ended, 3);
    assert.deepEqual(done.slice(2), [
      "up: npm run deploy",
      "put back",
      `up: npm run deploy: files back to 1 +only ${STACK}-traefik-routes-write`,
    ]);
    assert.match(said.at(-2) ?? "", /^RETURNED: deployment 1 /);
    const same = await fakeDeployment({ ...changed, up: ["no"], states: [written("old")] });
    assert.equal(same.done.at(-1), "put back");
  });

  it("says in the plan what is reloaded", async () => {
    const writes = (name: string, op = "update"): EngineEvent =>
      ({
        resourcePreEvent: {
          metadata: {
            op,
            urn: `urn:pulumi:${STACK}::pinned-stack::${COMMAND}::${STACK}-${name}-write`,
            type: COMMAND,
          },
        },
      }) as unknown as EngineEvent;
    const { plan } = await fakeDeployment({
      preview: [writes("traefik-routes"), writes("homepage-files", "same")],
    });
    assert.match(plan, /^ {2}traefik +reloaded +configuration: files; nobody is interrupted$/m);
    assert.doesNotMatch(plan, /homepage/);
  });

  for (const [op, name, expected] of [
    ["update", "trial", []],
    [
      "create-replacement",
      "trial",
      ["confirm", "verified 2026-01-01", "up: npm run deploy", "verified 2026-01-20", "cleanup"],
    ],
    [
      "update",
      "homepage-start",
      ["confirm", "verified 2026-01-01", "up: npm run deploy", "verified 2026-01-20", "cleanup"],
    ],
  ] as const)
    it(`has ${expected.length === 0 ? "nothing" : "something"} to do when the preview says ${op} of ${name} alone`, async () => {
      const urn = `urn:pulumi:${STACK}::pinned-stack::${COMMAND}::${STACK}-${name}`;
      const preview = [
        { resourcePreEvent: { metadata: { op, urn, type: COMMAND } } } as EngineEvent,
      ];
      const { ended, done } = await fakeDeployment({ preview });
      assert.deepEqual([ended, done], [0, expected]);
    });

  it("has nothing to do on a stack that is as it should be", async () => {
    const { ended, done, said } = await fakeDeployment({});
    assert.deepEqual([ended, done, said.at(-1)], [0, [], "nothing to do, everything is healthy"]);
  });

  it("records the health of a deployment that nobody looked at, when there is nothing else to do", async () => {
    const history = [past(1), past(2, { unverified: true })];
    const { ended, done, plan } = await fakeDeployment({ history });
    assert.equal(ended, 0);
    assert.deepEqual(done, ["verified 2026-01-02"]);
    assert.match(plan, /deployment 2 of 2026-01-02\S+ was not verified as healthy/);
  });

  it("shows the preview's warnings with the plan, each once and in a line", async () => {
    const said = (severity: string, message: string): EngineEvent =>
      ({ diagnosticEvent: { severity, message } }) as EngineEvent;
    const { plan } = await fakeDeployment({
      preview: [
        ...CHANGES,
        said("warning", "images.traefik: v3.6.4\n  has moved\n"),
        said("warning", "images.traefik: v3.6.4\n  has moved\n"),
        said("info", "by the way"),
      ],
    });
    const lines = plan.split("\n").filter((line) => /warning|by the way/.test(line));
    assert.deepEqual(lines, ["  warning: images.traefik: v3.6.4 has moved"]);
  });

  describe("that is refused before anything is touched", () => {
    it("ends with exit code 1 when the preview fails, without a secret in the message", async () => {
      const current = withValues({
        "pinned-stack:n8nEncryptionKey": "dev-only-a-canary-of-a-key-0123456789",
      });
      const refused = await fakeDeployment({
        current,
        preview: "the program printed dev-only-a-canary-of-a-key-0123456789",
      });
      assert.match(refusal(refused), /the program printed \[secret\]/);
      assert.match(refusal(refused), /nothing was changed; running containers were not touched$/);
      assert.deepEqual(refused.done, []);
    });

    it("says first that a provider of Pulumi was killed", async () => {
      const message =
        "Detected that /p/pulumi-resource-command exited prematurely. \n This is *always* a bug in the provider. We have dumped the streams of the plugin:\n\n";
      const refused = await fakeDeployment({
        preview: "pulumi preview: exit code 255\nits page",
        previewErrors: [{ diagnosticEvent: { severity: "error", message } } as EngineEvent],
      });
      assert.match(
        refusal(refused),
        /^Pulumi's provider command was killed or crashed; [^\n]*\npulumi preview: exit code 255\nits page\nnothing was changed;/,
      );
    });

    it("ends with exit code 1 when the host cannot be asked", async () => {
      const refused = await fakeDeployment({
        row: () => {
          throw new Error("ssh deploy@h: the connection ended");
        },
      });
      assert.match(refusal(refused), /the connection ended.*\nnothing was changed/s);
    });

    it("says of which deployment the configuration is that the program refuses now", async () => {
      const refused = await fakeDeployment({
        options: {
          target: () => ({
            config: withValues({ "pinned-stack:unknownKey": "x" }),
            message: "npm run deploy: rollback to 1",
            number: 1,
          }),
        },
      });
      assert.match(
        refusal(refused),
        /^this version of the program refuses the configuration of deployment 1: unknownKey: /,
      );
    });

    it("lets no volume go when it is interrupted after the answer", async () => {
      const model = loadTarget(STACK, WHOLE).model;
      const { done, stop, ended } = await fakeDeployment({
        states: [stateOf(model)],
        preview: CHANGES,
        on: (what, abort) => {
          // After the last stage that looks at the signal by itself.
          if (what.startsWith("verified")) abort.abort(new Error("stopped by SIGINT"));
        },
      });
      assert.ok(stop.signal.aborted);
      assert.match(String(ended), /stopped by SIGINT/);
      assert.deepEqual(done, ["refresh", "confirm", "verified 2026-01-01"]);
    });
  });

  describe("that fails", () => {
    const BEFORE = ["confirm", "verified 2026-01-01", "up: npm run deploy"];
    const AGAIN = ["put back", "mark return", "up: npm run deploy: auto-rollback to 1"];

    it("is refused when the trial refuses, and nothing is put back or removed", async () => {
      const refused = await fakeDeployment({
        ...changed,
        up: ["it broke"],
        events: [
          [failedScript("dumping the databases", "REFUSED: n8n would not have worked; no touch")],
        ],
      });
      assert.match(refusal(refused), /the stack runs as before/);
      assert.deepEqual(refused.done, BEFORE);
    });

    it("is not refused because the log of a service says so", async () => {
      const { ended, done } = await fakeDeployment({
        ...changed,
        up: ["it broke"],
        events: [[failedScript("homepage: its last lines:", "  | REFUSED: the wrong password")]],
      });
      assert.equal(ended, 3);
      assert.deepEqual(done, [...BEFORE, "put back"]);
    });

    it("says each line of a failed script once", async () => {
      const error = failedScript("homepage: it broke", "  | the log");
      const live = {
        diagnosticEvent: {
          severity: "info",
          urn: error.diagnosticEvent?.urn,
          message: "homepage: it broke\n  | the log\n",
        },
      } as EngineEvent;
      const other = { diagnosticEvent: { severity: "error", message: "no disk" } } as EngineEvent;
      const { said } = await fakeDeployment({
        ...changed,
        up: ["it broke"],
        events: [[live, error, other]],
      });
      const lines = said.join("\n").split("\n");
      for (const line of ["homepage: it broke", "  | the log", "no disk"])
        assert.equal(lines.filter((one) => one === line).length, 1, said.join("\n"));
    });

    it("waits for a return whose connection broke, and does not begin another one", async () => {
      const { ended, done, said } = await fakeDeployment({
        ...changed,
        up: ["it broke"],
        putBackLost: true,
      });
      assert.equal(ended, 3);
      assert.deepEqual(done, [...BEFORE, "put back", "put back"]);
      assert.ok(
        said.some((line) => line.includes("waiting for its end")),
        said.join("\n"),
      );
    });

    it("stops on the return what it has added, and nothing that was there", async () => {
      const { scripts } = await fakeDeployment({
        ...changed,
        current: WHOLE,
        history: [past(1, { config: WHOLE })],
        states: [stateOf(loadTarget(STACK, CURRENT).model)],
        up: ["it broke"],
      });
      const added = [
        ...(scripts["put back"] ?? "")
          .replaceAll("'\\''", "'")
          .matchAll(/^name='(.*)'$(?:(?!^name=)[^])*?^stop_added/gm),
      ].map(([, name]) => name);
      assert.ok(added.includes("dev-n8n") && added.includes("dev-portainer"), added.join(" "));
      assert.ok(!added.includes("dev-homepage") && !added.includes("dev-traefik"), added.join(" "));
    });

    it("is over once the containers before it run again, without a second update", async () => {
      const { ended, done, said } = await fakeDeployment({
        ...changed,
        up: ["it broke"],
        putBack: { code: 0, lines: ["homepage: RETURNED: the old one"] },
      });
      assert.equal(ended, 3);
      assert.deepEqual(done, [...BEFORE, "put back"]);
      assert.ok(said.includes("homepage: RETURNED: the old one"), said.join("\n"));
      assert.ok(said.includes("failed: it broke"));
      assert.ok(
        said.some((line) => /^RETURNED: deployment 1 of .* with its data/.test(line)),
        said.join("\n"),
      );
    });

    it("counts nothing as put back that Pulumi has removed already, healthy as it may look", async () => {
      let updated = false;
      const before = stateOf(loadTarget(STACK, CURRENT).model);
      const after = {
        ...before,
        resources: before.resources.map((resource) =>
          resource.id === `id-${HOMEPAGE}` ? { ...resource, id: "id-new" } : resource,
        ),
      };
      const { ended, done, said } = await fakeDeployment({
        ...changed,
        states: [before, after],
        row: ({ name }, row) => (name === "homepage" && updated ? { ...row, id: "id-new" } : row),
        on: (what) => {
          updated ||= what.startsWith("up");
        },
        sick: [["homepage"]],
      });
      assert.equal(ended, 3);
      assert.deepEqual(done, [...BEFORE, ...AGAIN, "verified 2026-01-21"]);
      assert.ok(said.includes("failed: homepage is unhealthy"), said.join("\n"));
    });

    const notPutBack: readonly (readonly [string, FakeOptions])[] = [
      ["cannot all be put back", { putBack: { code: 1 } }],
      ["are not healthy", { sick: [["homepage"]] }],
    ];
    for (const [what, given] of notPutBack)
      it(`deploys the last good one again, untried, when the old containers ${what}`, async () => {
        const { ended, done, environments } = await fakeDeployment({
          ...changed,
          ...given,
          up: ["it broke"],
        });
        assert.equal(ended, 3);
        assert.deepEqual(done, [...BEFORE, ...AGAIN, "verified 2026-01-21"]);
        assert.deepEqual(environments, [
          {},
          {
            PINNED_STACK_TRIAL: "off",
            PINNED_STACK_OLDER_DATA: "accept",
            PINNED_STACK_TRUST: "as-deployed",
          },
        ]);
      });

    const notReturned: readonly (readonly [string, FakeOptions])[] = [
      ["fails too", { up: ["it broke", "it broke again"] }],
      ["is not healthy", { up: ["it broke"], sick: [["homepage"]] }],
      [
        "is refused",
        { up: ["it broke", "again"], events: [[], [failedScript("REFUSED: no PostgreSQL runs")]] },
      ],
    ];
    for (const [what, given] of notReturned)
      it(`says that it could not return when the last good one ${what}`, async () => {
        const { ended, done, said } = await fakeDeployment({
          ...changed,
          putBack: { code: 1 },
          ...given,
        });
        assert.equal(ended, 2);
        assert.deepEqual(done, [...BEFORE, ...AGAIN]);
        assert.ok(
          said.some((line) => /^NOT RETURNED to deployment 1; .* --rollback 1$/.test(line)),
          said.join("\n"),
        );
        assert.ok(!said.some((line) => line.startsWith("RETURNED: ")));
      });

    it("has nothing to return to on a first deployment", async () => {
      const { ended, done, said } = await fakeDeployment({
        ...changed,
        history: [],
        up: ["it broke"],
      });
      assert.equal(ended, 2);
      assert.equal(done.at(-1), "up: npm run deploy");
      assert.ok(
        said.some((line) => line.startsWith("NOT RETURNED: there is no earlier")),
        said.join("\n"),
      );
    });

    it("puts back what the failed configuration has, not only what ran before", async () => {
      const { scripts } = await fakeDeployment({
        ...changed,
        current: WHOLE,
        up: ["it broke"],
        putBack: { code: 1 },
      });
      for (const what of ["put back", "mark return"])
        assert.match(scripts[what] ?? "", /dev-n8n/, what);
    });

    it("says how to go on when it is stopped while it returns", async () => {
      const { ended, done, said } = await fakeDeployment({
        ...changed,
        up: ["it broke"],
        on: (what, abort) => {
          if (what === "put back") abort.abort(new Error("stopped by SIGINT"));
        },
      });
      assert.match(String(ended), /stopped by SIGINT/);
      assert.equal(done.at(-1), "put back");
      assert.match(said.at(-1) ?? "", /^interrupted; .*npm run deploy -- --stack dev$/);
    });

    it("shows no secret of any deployment, the older one's neither", async () => {
      const older = withValues({
        "pinned-stack:n8nEncryptionKey": "dev-only-an-older-key-0123456789abcd",
      });
      const { said } = await fakeDeployment({
        ...changed,
        history: [past(1, { config: older })],
        up: ["it broke"],
        logs: "n8n is exited; its last log lines:\n  | dev-only-an-older-key-0123456789abcd dev-only-n8n-encryption-key-for-everybody\n",
      });
      assert.ok(said.includes("  | [secret] [secret]"), said.join("\n"));
    });

    it("does not return to one whose secrets nobody can read, and says so before", async () => {
      const unreadable = past(1, { readable: false });
      const { ended, plan, done } = await fakeDeployment({
        ...changed,
        history: [unreadable],
        up: ["it broke"],
      });
      assert.equal(ended, 2);
      assert.match(plan, /NO ROLLBACK: the secrets of deployment 1 are encrypted with another/);
      assert.equal(done.at(-1), "up: npm run deploy");
    });

    it("goes back over a new version of PostgreSQL, whose volumes are no question of protection", async () => {
      const images = JSON.parse(WHOLE.values["pinned-stack:images"] ?? "") as Record<
        string,
        string
      >;
      const newer = withValues(
        {
          "pinned-stack:images": JSON.stringify({
            ...images,
            postgres: images.postgres?.replace(":16-", ":17-"),
          }),
        },
        WHOLE,
      );
      const [before, failed] = [loadTarget(STACK, WHOLE).model, loadTarget(STACK, newer).model];
      const { ended, done, configurations } = await fakeDeployment({
        ...changed,
        current: newer,
        history: [past(1, { config: WHOLE })],
        states: [stateOf(before), stateOf(failed)],
        up: ["it broke"],
        putBack: { code: 1 },
      });
      assert.equal(ended, 3);
      assert.match(configurations[1] ?? "", /postgres: postgres:16-alpine/);
      assert.deepEqual(
        done.filter((what) => what.startsWith("unprotect")),
        [],
      );
    });
  });

  describe("of a stack that is as declared", () => {
    for (const status of ["exited", "created", "dead"])
      it(`is needed all the same when a container is ${status}`, async () => {
        let started = false;
        const { ended, plan, done } = await fakeDeployment({
          row: ({ name }, row) =>
            name === "homepage" && !started
              ? { ...row, state: { Status: status, ExitCode: 1, Health: null } }
              : row,
          on: (what) => {
            started ||= what.startsWith("up");
          },
        });
        assert.equal(ended, 0);
        assert.match(plan, new RegExp(`homepage is ${status} and will be started again`));
        assert.ok(done.includes("up: npm run deploy"), done.join("\n"));
      });

    it("is not needed for a stopped container beside the one that runs", async () => {
      const left = liveRow(homepage(), {
        id: "id-left",
        state: { Status: "exited", ExitCode: 0, Health: null },
      });
      const { ended, plan, done } = await fakeDeployment({ more: [{ container: left }] });
      assert.deepEqual([ended, done], [0, []]);
      assert.doesNotMatch(plan, /will be started again/);
    });
  });

  describe("after a run that was cut off", () => {
    const stranger = (name: string): object => ({
      container: liveRow(homepage(), { id: `id-${name}`, name: `/${name}` }),
    });

    it("removes exactly what the plan says, and calls it nobody's only once", async () => {
      const model = loadTarget(STACK, CURRENT).model;
      const { ended, plan, done } = await fakeDeployment({
        states: [stateOf(model, { pending: [HOMEPAGE] }), stateOf(model)],
        more: [stranger(`${HOMEPAGE}-left`)],
      });
      assert.equal(ended, 0);
      assert.match(plan, /current state: creating dev-homepage did not finish\n/);
      assert.match(
        plan,
        /current state: container dev-homepage-left is orphaned and will be removed\n/,
      );
      assert.doesNotMatch(plan, /is not part of the stack/);
      assert.deepEqual(done.slice(0, 3), [
        "refresh",
        "confirm",
        `docker rm -f -v 'id-${HOMEPAGE}-left' >/dev/null || ! docker inspect 'id-${HOMEPAGE}-left' >/dev/null 2>&1`,
      ]);
    });

    it("blames nobody for limits of processes that the run did not come to set", async () => {
      const unlimited: FakeOptions["row"] = (_, row) => {
        const { host } = row as { readonly host: object };
        return { ...row, host: { ...host, PidsLimit: null } };
      };
      const history = [past(1), past(2, { succeeded: false })];
      const { plan, done } = await fakeDeployment({ ...changed, history, row: unlimited });
      assert.doesNotMatch(plan, /changed by hand/);
      assert.ok(done.includes("up: npm run deploy"), done.join("\n"));
      const blamed = await fakeDeployment({ ...changed, row: unlimited });
      assert.match(
        blamed.plan,
        /homepage: processes was changed outside Pulumi: no limit instead of 200/,
      );
    });

    it("leaves a stranger alone on a stack that nothing cut off", async () => {
      const { plan, done } = await fakeDeployment({ more: [stranger("stranger")] });
      assert.match(plan, /stranger \(.*\) is not part of the stack and stays/);
      assert.deepEqual(done, []);
    });

    it("asks about what gets weaker than the last good deployment, not than what failed", async () => {
      const weak = withValues({
        "pinned-stack:services":
          '{"n8n":{"enabled":false},"portainer":{"enabled":false},"homepage":{"exemptions":[{"control":"readOnlyRootfs","value":false,"reason":"a test of the question"}]}}',
      });
      const failed = stateOf(loadTarget(STACK, weak).model);
      const history = [past(1), past(2, { config: weak, succeeded: false })];
      const { plan } = await fakeDeployment({
        ...changed,
        history,
        current: weak,
        states: [failed],
      });
      assert.match(plan, /WEAKER: homepage has a writable root file system/);
      const content = await fakeDeployment({
        ...changed,
        history: [past(1), past(2, { config: weak })],
        current: weak,
        states: [failed],
      });
      assert.doesNotMatch(content.plan, /WEAKER/);
    });

    it("needs no leave for what the first deployment, which failed, was to do anyway", async () => {
      const model = loadTarget(STACK, CURRENT).model;
      const part = stateOf(model, { without: [`${STACK}-traefik`] });
      const { plan } = await fakeDeployment({
        ...changed,
        history: [past(1, { succeeded: false })],
        states: [part],
      });
      assert.doesNotMatch(plan, /WEAKER/);
      assert.match(plan, /NO ROLLBACK: there is no earlier healthy deployment/);
    });
  });

  describe("looks at what was changed by hand", () => {
    it("against what was really deployed, whatever the program says of that configuration now", async () => {
      const refused = withValues({ "pinned-stack:unknownKey": "x" });
      const { ended, plan, done } = await fakeDeployment({
        ...changed,
        history: [past(1, { config: refused })],
      });
      assert.equal(ended, 0);
      assert.doesNotMatch(plan, /changed by hand/);
      assert.match(
        plan,
        /NO ROLLBACK: this version of the program refuses the configuration of deployment 1: unknownKey: /,
      );
      assert.ok(done.includes("up: npm run deploy"));
    });

    it("and makes such a container anew", async () => {
      const { plan, done } = await fakeDeployment({
        ...changed,
        row: ({ name }, row) => (name === "homepage" ? { ...row, user: "0:0" } : row),
      });
      assert.match(plan, /homepage: user was changed outside Pulumi: 0:0 instead of 101:101/);
      assert.ok(done.includes(`up: npm run deploy +${HOMEPAGE}`), done.join("\n"));
    });

    it("and asks for the group of Docker's socket again where that has changed", async () => {
      const services = '{"n8n":{"enabled":false}}';
      const config = withValues({ "pinned-stack:services": services });
      const { plan, done } = await fakeDeployment({
        ...changed,
        current: config,
        history: [past(1, { config })],
        more: [{ socket: { group: 992 } }],
        row: ({ name }, row) => {
          const { host } = row as { readonly host: object };
          return name === "socket-proxy-portainer"
            ? { ...row, host: { ...host, GroupAdd: ["991"] } }
            : row;
        },
      });
      assert.match(
        plan,
        /socket-proxy-portainer: Docker's socket now belongs to group 992, not 991/,
      );
      assert.ok(
        done.includes("up: npm run deploy +dev-socket-proxy-portainer +dev-socket-group"),
        done.join("\n"),
      );
    });

    it("and asks how the engine manages cgroups again where that has changed", async () => {
      const config = withValues({
        "pinned-stack:services": '{"n8n":{"enabled":false},"cadvisor":{"enabled":true}}',
      });
      const { plan, done } = await fakeDeployment({
        ...changed,
        current: config,
        history: [past(1, { config })],
        more: [
          {
            limits: { memory: true, swap: true, processes: true },
            cgroups: { driver: "systemd", version: "2" },
          },
        ],
        row: ({ name }, row) => {
          const { host } = row as { readonly host: object };
          const parent =
            name === "homepage"
              ? "/pinned-stack/dev/homepage"
              : `pinnedstack-dev-${name.replaceAll("-", "_")}.slice`;
          const mode = name === "cadvisor" ? "host" : "private";
          return { ...row, host: { ...host, CgroupParent: parent, CgroupnsMode: mode } };
        },
      });
      assert.match(
        plan,
        /homepage: cgroup parent was changed outside Pulumi: \/pinned-stack\/dev\/homepage instead of pinnedstack-dev-homepage\.slice/,
      );
      assert.ok(done.includes(`up: npm run deploy +${HOMEPAGE} +dev-cgroups`), done.join("\n"));
    });

    it("but not a container that lacks a limit which the kernel does not have", async () => {
      const { plan, done } = await fakeDeployment({
        ...changed,
        more: [{ limits: { memory: true, swap: false, processes: false } }],
        row: (_, row) => {
          const { host } = row as { readonly host: object };
          return { ...row, host: { ...host, MemorySwap: -1, PidsLimit: null } };
        },
      });
      assert.doesNotMatch(plan, /changed by hand/);
      assert.ok(done.includes("up: npm run deploy"));
    });
  });
});
