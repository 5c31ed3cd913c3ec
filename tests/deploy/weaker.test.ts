import assert from "node:assert/strict";

import { Exemption, HARDENED, RestrictionRow, restrictionRow } from "../../components/hardening";
import { weaker } from "../../deploy/weaker";

const row = (
  change: Partial<RestrictionRow> = {},
  exemptions: readonly Exemption[] = [],
): RestrictionRow => ({
  ...restrictionRow("app", "app", HARDENED, exemptions),
  ...change,
});
const because = (control: string, value: unknown): Exemption =>
  ({ control, value, reason: "a good reason" }) as Exemption;
const texts = (before: readonly RestrictionRow[], after: readonly RestrictionRow[]): string[] =>
  weaker(before, after).map(
    ({ service, text, reason }) => `${service} ${text}${reason === undefined ? "" : `: ${reason}`}`,
  );

describe("restrictions of two deployments", () => {
  const looser: readonly (readonly [string, Partial<RestrictionRow>, readonly Exemption[]])[] = [
    ["app runs as root (0:0): a good reason", { user: "0:0" }, [because("user", "0:0")]],
    ["app runs as root (1000:0)", { user: "1000:0" }, []],
    ["app gets CAP_CHOWN", { capAdd: ["CAP_CHOWN"] }, []],
    ["app may write to its root", { readOnlyRootfs: false }, []],
    ["app may gain new privileges", { noNewPrivileges: false }, []],
    ["app has no health check", { healthCheck: false }, []],
    ["app gets the Docker socket: a good reason", {}, [because("dockerSocket", true)]],
    ["app reads of the host /sys: a good reason", {}, [because("hostPaths", ["/sys"])]],
    ["app publishes port 443: a good reason", {}, [because("publishedPorts", [443])]],
    ["app joins the network egress: a good reason", {}, [because("outsideNetworks", ["egress"])]],
    [
      "app has in its environment the secret KEY: a good reason",
      {},
      [because("environmentSecrets", ["KEY"])],
    ],
  ];
  for (const [expected, change, exemptions] of looser) {
    it(`are weaker when it ${expected}`, () => {
      assert.deepEqual(texts([row()], [row(change, exemptions)]), [expected]);
    });
    it(`are not weaker the other way round: it no longer ${expected}`, () => {
      assert.deepEqual(texts([row(change, exemptions)], [row()]), []);
    });
  }

  it("name only what was added to a list", () => {
    const before = row({}, [because("hostPaths", ["/sys"])]);
    const after = row({}, [because("hostPaths", ["/", "/sys"])]);
    assert.deepEqual(texts([before], [after]), ["app reads of the host /: a good reason"]);
  });

  it("compare a new service with the policy, and the first deployment with nothing", () => {
    const other = { ...row({ user: "0:0" }), service: "new" };
    assert.deepEqual(texts([row()], [row(), other]), ["new runs as root (0:0)"]);
    assert.deepEqual(texts([], [other]), []);
  });

  it("do not mind other limits and another user", () => {
    assert.deepEqual(
      texts([row()], [row({ user: "1:1", memoryMiB: 4096, cpus: 4, pidsLimit: 9999 })]),
      [],
    );
  });
});
