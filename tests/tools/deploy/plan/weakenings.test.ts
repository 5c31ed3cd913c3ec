import assert from "node:assert/strict";

import { Exemption, HARDENED, restrictionRow } from "../../../../components/hardened/policy";
import type { DeclaredContainer } from "../../../../tools/model/declared";
import { Restricted, weaker } from "../../../../tools/deploy/plan/weakenings";

const app = {
  name: "app",
  service: "app",
  user: "65532:65532",
  capAdd: [],
  securityOptions: ["no-new-privileges:true"],
  readOnly: true,
  networks: ["s-inside"],
  mounts: [],
  ports: [],
  healthCheck: true,
} as Partial<DeclaredContainer> as DeclaredContainer;

const stack = (
  change: Partial<DeclaredContainer> = {},
  exemptions: readonly Exemption[] = [],
  more: Partial<Restricted> = {},
): Restricted => ({
  stack: "s",
  containers: [{ ...app, ...change }],
  outside: ["s-egress"],
  admins: [],
  rows: [restrictionRow("app", "app", HARDENED, exemptions)],
  ...more,
});
const because = (control: string, value: unknown): Exemption =>
  ({ control, value, reason: "a good reason" }) as Exemption;
const mount = (source: string, path: string) => [{ source, path, writable: false }];
const texts = (before: Restricted, after: Restricted): string[] =>
  weaker(before, after).map(
    ({ service, text, reason }) => `${service} ${text}${reason === undefined ? "" : `: ${reason}`}`,
  );

describe("restrictions of two deployments", () => {
  const looser: readonly (readonly [
    string,
    Partial<DeclaredContainer>,
    readonly Exemption[],
    Partial<Restricted>?,
  ])[] = [
    ["app runs as root (0:0): a good reason", { user: "0:0" }, [because("user", "0:0")]],
    ["app runs as root (1000:0)", { user: "1000:0" }, []],
    ["app runs as root (00)", { user: "00" }, []],
    ["app gets CAP_CHOWN", { capAdd: ["CAP_CHOWN"] }, []],
    ["app may write to its root", { readOnly: false }, []],
    ["app may gain new privileges", { securityOptions: [] }, []],
    ["app has no health check", { healthCheck: false }, []],
    [
      "app gets the Docker socket: a good reason",
      { mounts: mount("/run/user/1/docker.sock", "/var/run/docker.sock") },
      [because("dockerSocket", true)],
    ],
    ["app reads of the host /sys", { mounts: mount("/sys", "/sys") }, []],
    ["app publishes port 80 on 127.0.0.1", { ports: ["127.0.0.1:8080->80/tcp"] }, []],
    ["app joins the network egress", { networks: ["s-inside", "s-egress"] }, []],
    [
      "app has in its environment the secret KEY: a good reason",
      {},
      [because("environmentSecrets", ["KEY"])],
    ],
    [
      "traefik lets 192.0.2.0/24 to the pages for administrators",
      {},
      [],
      { admins: ["192.0.2.0/24"] },
    ],
  ];
  for (const [expected, change, exemptions, more] of looser) {
    it(`are weaker when it ${expected}`, () => {
      assert.deepEqual(texts(stack(), stack(change, exemptions, more)), [expected]);
    });
    it(`are not weaker the other way round: it no longer ${expected}`, () => {
      assert.deepEqual(texts(stack(change, exemptions, more), stack()), []);
    });
  }

  it("name only what was added to a list", () => {
    const both = [...mount("/", "/host"), ...mount("/sys", "/sys")];
    assert.deepEqual(texts(stack({ mounts: mount("/sys", "/sys") }), stack({ mounts: both })), [
      "app reads of the host /",
    ]);
  });

  const ports: readonly (readonly [string, readonly string[], readonly string[], string[]])[] = [
    [
      "everybody's address instead of this machine's",
      ["127.0.0.1:80->80/tcp"],
      ["0.0.0.0:80->80/tcp"],
      ["app publishes port 80 on 0.0.0.0"],
    ],
    [
      "this machine's address instead of everybody's",
      ["0.0.0.0:80->80/tcp"],
      ["127.0.0.1:80->80/tcp"],
      [],
    ],
    [
      "every address, spelled in another way",
      ["::0:80->80/tcp"],
      [":::80->80/tcp", "127.0.0.1:80->80/tcp"],
      [],
    ],
    [
      "every address of IPv6 instead of IPv4's",
      ["0.0.0.0:80->80/tcp"],
      [":::80->80/tcp"],
      ["app publishes port 80 on ::"],
    ],
    ["another number outside", ["127.0.0.1:80->80/tcp"], ["127.0.0.1:81->80/tcp"], []],
    [
      "TLS no more",
      ["127.0.0.1:80->80/tcp", "127.0.0.1:443->443/tcp"],
      ["127.0.0.1:80->80/tcp"],
      ["app serves without TLS"],
    ],
  ];
  for (const [what, before, after, expected] of ports)
    it(`are compared port by port: ${what}`, () => {
      assert.deepEqual(texts(stack({ ports: before }), stack({ ports: after })), expected);
    });

  for (const [before, after, expected] of [
    [["10.0.0.0/8"], ["10.1.0.0/16"], []],
    [["10.1.0.0/16"], ["10.0.0.0/8"], ["traefik lets 10.0.0.0/8 to the pages for administrators"]],
    [["192.0.2.0/24", "2001:db8::/32"], ["2001:db8:1::/48", "192.0.2.7/32"], []],
    [["10.0.0.0/9", "10.128.0.0/9"], ["10.0.0.0/8"], []],
    [["10.0.0.0/8"], ["::ffff:10.0.0.0/104"], []],
    [["0.0.0.0/0"], ["::/0"], ["traefik lets ::/0 to the pages for administrators"]],
  ] as const)
    it(`know a network inside another: ${before.join(", ")} and then ${after.join(", ")}`, () => {
      assert.deepEqual(
        texts(stack({}, [], { admins: before }), stack({}, [], { admins: after })),
        expected,
      );
    });

  it("compare a new container with the policy, and the first deployment with nothing", () => {
    const other = { ...app, name: "new", service: "new", user: "0:0" };
    const after = stack({}, [], { containers: [app, other] });
    assert.deepEqual(texts(stack(), after), ["new runs as root (0:0)"]);
    assert.deepEqual(texts(stack({}, [], { containers: [] }), after), []);
  });

  it("say once what two containers of a service have in common", () => {
    const twin = { ...app, name: "app-two" };
    const open = { readOnly: false };
    assert.deepEqual(
      texts(
        stack({}, [], { containers: [app, twin] }),
        stack({}, [], {
          containers: [
            { ...app, ...open },
            { ...twin, ...open },
          ],
        }),
      ),
      ["app may write to its root"],
    );
  });

  it("do not mind other limits and another user", () => {
    assert.deepEqual(texts(stack(), stack({ user: "1:1", memoryMiB: 4096, cpus: 4 })), []);
  });
});
