import assert from "node:assert/strict";

import { changes } from "../../report/changes";
import { EntranceView, RouteView } from "../../report/entrance-view";
import { StackView, stackView } from "../../report/stack-view";
import { goldenModel } from "../support/golden-stack";

let base: StackView;
before(async () => {
  base = stackView(await goldenModel());
});

const entrance = (said: Partial<EntranceView>): StackView => ({
  ...base,
  entrance: { ...base.entrance, ...said },
});
const route = (service: string, said: Partial<RouteView>): StackView =>
  entrance({
    routes: base.entrance.routes.map((one) =>
      one.service === service ? { ...one, ...said } : one,
    ),
  });
const changed = (before: StackView, after: StackView): string[] =>
  changes(before, after).map(({ kind, subject, what }) => `${kind}: ${subject}: ${what}`);

describe("the way in of two reports compared", () => {
  // What is said after a change, and what when it is taken back.
  const cases: readonly (readonly [
    string,
    () => StackView,
    readonly string[],
    readonly string[],
  ])[] = [
    [
      "plain HTTP",
      () => entrance({ tls: "none" }),
      ["weaker: entrance: TLS none instead of acme"],
      ["stricter: entrance: TLS acme instead of none"],
    ],
    [
      "a certificate that nobody vouches for",
      () => entrance({ tls: "selfSigned" }),
      ["weaker: entrance: TLS selfSigned instead of acme"],
      ["stricter: entrance: TLS acme instead of selfSigned"],
    ],
    [
      "administrators from everywhere",
      () => entrance({ adminAllow: ["0.0.0.0/0"] }),
      ["weaker: entrance: lets administrators in from 0.0.0.0/0"],
      ["stricter: entrance: no longer lets administrators in from all of 0.0.0.0/0"],
    ],
    [
      "one more network of administrators",
      () => entrance({ adminAllow: ["192.0.2.0/24", "2001:db8::/64"] }),
      ["weaker: entrance: lets administrators in from 2001:db8::/64"],
      ["stricter: entrance: no longer lets administrators in from all of 2001:db8::/64"],
    ],
    [
      "the same network in two halves",
      () => entrance({ adminAllow: ["192.0.2.128/25", "192.0.2.0/25"] }),
      [],
      [],
    ],
    [
      "a route for administrators that is open to everybody",
      () => route("portainer", { admin: false }),
      ["weaker: portainer: is open to everybody, no longer to administrators"],
      ["stricter: portainer: is open to administrators, no longer to everybody"],
    ],
    [
      "another name of a route",
      () => route("n8n", { host: "flows.example.test" }),
      ["changed: n8n: is flows.example.test instead of n8n.example.test"],
      ["changed: n8n: is n8n.example.test instead of flows.example.test"],
    ],
    [
      "a route to what had none",
      () =>
        entrance({
          routes: [
            ...base.entrance.routes,
            { host: "db.example.test", service: "postgres", admin: false },
            { host: "proxy.example.test", service: "socket-proxy", admin: true },
          ],
        }),
      [
        "weaker: postgres: is served to everybody as db.example.test",
        "weaker: socket-proxy: is served to administrators as proxy.example.test",
      ],
      [
        "stricter: postgres: is no longer served as db.example.test",
        "stricter: socket-proxy: is no longer served as proxy.example.test",
      ],
    ],
    [
      "more of the Docker socket",
      () => ({
        ...base,
        socketReads: base.socketReads.map((one) =>
          one.container === "socket-proxy-cadvisor"
            ? { ...one, reads: [...one.reads, "ANY /containers/create"] }
            : one,
        ),
      }),
      ["weaker: socket-proxy-cadvisor: lets through ANY /containers/create"],
      ["stricter: socket-proxy-cadvisor: no longer lets through ANY /containers/create"],
    ],
  ];
  for (const [name, after, there, back] of cases)
    it(`tells of ${name}: ${there.join(" and ") || "nothing"}; and the opposite of its end`, () => {
      assert.deepEqual(changed(base, after()), there);
      assert.deepEqual(changed(after(), base), back);
    });
});
