/** A deployment from its look back to its end, with a fake engine and a fake host. */
import assert from "node:assert/strict";

import { EngineEvent } from "@pulumi/pulumi/automation";

import { Refused } from "../../../tools/deploy/context";
import { ContainerModel } from "../../../components/hardened/model";
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

const HOMEPAGE = `${STACK}-homepage`;
const changed: FakeOptions = { preview: CHANGES };
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
    ]);
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
      const current = withValues({ "pinned-stack:n8nEncryptionKey": "dev-only-a-canary-of-a-key" });
      const refused = await fakeDeployment({
        current,
        preview: "the program printed dev-only-a-canary-of-a-key",
      });
      assert.match(refusal(refused), /the program printed \[secret\]/);
      assert.match(refusal(refused), /nothing was changed; running containers were not touched$/);
      assert.deepEqual(refused.done, []);
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
    it("returns to the last good one, and records that that is healthy again", async () => {
      const { ended, done, said } = await fakeDeployment({ ...changed, up: ["it broke"] });
      assert.equal(ended, 1);
      assert.deepEqual(done, [
        "confirm",
        "verified 2026-01-01",
        "up: npm run deploy",
        "up: npm run deploy: auto-rollback to 1",
        "verified 2026-01-21",
      ]);
      assert.ok(said.some((line) => line === "failed: it broke"));
      assert.ok(
        said.some((line) =>
          /^running: deployment 1 of .* again, everything is healthy$/.test(line),
        ),
      );
    });

    it("returns when the engine is content and a container is not", async () => {
      const { ended, done } = await fakeDeployment({ ...changed, sick: [["homepage"]] });
      assert.equal(ended, 1);
      assert.equal(done.filter((what) => what.startsWith("up")).length, 2);
    });

    it("says that it could not return, and does not call that healthy", async () => {
      const { ended, done, said } = await fakeDeployment({
        ...changed,
        up: ["it broke", "it broke again"],
      });
      assert.equal(ended, 2);
      assert.equal(done.at(-1), "up: npm run deploy: auto-rollback to 1");
      assert.ok(said.some((line) => line.startsWith("the rollback to deployment 1")));
    });

    it("shows no secret of any deployment, the older one's neither", async () => {
      const older = withValues({ "pinned-stack:n8nEncryptionKey": "dev-only-an-older-key" });
      const { said } = await fakeDeployment({
        ...changed,
        history: [past(1, { config: older })],
        up: ["it broke"],
        logs: "n8n is exited; its last log lines:\n  | dev-only-an-older-key dev-only-n8n-encryption-key\n",
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

    it("goes back over a new version of PostgreSQL that said already that it is there", async () => {
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
          "pinned-stack:services": '{"postgres":{"upgradedFrom":16},"cadvisor":{"enabled":true}}',
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
      });
      assert.equal(ended, 1);
      assert.match(configurations[1] ?? "", /postgres: postgres:16-alpine/);
      assert.match(configurations[1] ?? "", /postgres:\n\s+upgradedFrom: 17\n/);
      assert.deepEqual(
        done.filter((what) => what.startsWith("unprotect")),
        ["unprotect dev-postgres-16-data", "unprotect dev-postgres-17-data"],
      );
    });
  });

  describe("after a run that was cut off", () => {
    const stranger = (name: string): object => ({
      container: liveRow(homepage, { id: `id-${name}`, name: `/${name}` }),
    });
    let homepage: ContainerModel;
    before(() => {
      const found = loadTarget(STACK, CURRENT).model.containers.find(
        ({ name }) => name === "homepage",
      );
      assert.ok(found);
      homepage = found;
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
        `docker rm -f 'id-${HOMEPAGE}-left' >/dev/null || ! docker inspect 'id-${HOMEPAGE}-left' >/dev/null 2>&1`,
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
