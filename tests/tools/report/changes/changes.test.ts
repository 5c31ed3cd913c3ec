import assert from "node:assert/strict";

import { synth } from "../../../../tools/model/synth";
import { Change } from "../../../../tools/report/changes/change";
import { changes, isWeaker } from "../../../../tools/report/changes/changes";
import {
  changeSections,
  changesHeadline,
  changesJson,
} from "../../../../tools/report/changes/sections";
import { ContainerView, StackView, stackView } from "../../../../tools/report/view/stack";
import { goldenModel, goldenStack } from "../../../support/golden-stack";

let base: StackView;
before(async () => {
  base = stackView(await synth(goldenStack(), { placeholders: true }));
});

const container = (name: string, said: Partial<ContainerView>): StackView => ({
  ...base,
  containers: base.containers.map((one) => (one.name === name ? { ...one, ...said } : one)),
});
const image = (service: string, said: object): StackView => ({
  ...base,
  images: base.images.map((one) => (one.service === service ? { ...one, ...said } : one)),
});
const OTHER = `sha256:${"e".repeat(64)}`;
const lines = (all: readonly Change[]): string[] =>
  all.map(({ kind, subject, what }) => `${kind}: ${subject}: ${what}`);

describe("two reports compared", () => {
  it("have no changes when they are of the same stack", () => {
    assert.deepEqual(changes(base, base), []);
    assert.equal(changesHeadline("golden", []), "stack golden: as in the saved report");
  });

  // What is said after a change, and what when it is taken back.
  const cases: readonly (readonly [
    string,
    () => StackView,
    readonly string[],
    readonly string[],
  ])[] = [
    [
      "root",
      () => container("n8n", { user: "0:0" }),
      ["weaker: n8n: runs as root"],
      ["stricter: n8n: runs as 1000:1000, no longer root"],
    ],
    [
      "the group of root",
      () => container("n8n", { user: "1000:0" }),
      ["weaker: n8n: runs as root"],
      ["stricter: n8n: runs as 1000:1000, no longer root"],
    ],
    [
      "root by another spelling",
      () => container("n8n", { user: "1000:00" }),
      ["weaker: n8n: runs as root"],
      ["stricter: n8n: runs as 1000:1000, no longer root"],
    ],
    [
      "another user",
      () => container("n8n", { user: "1001:1001" }),
      ["changed: n8n: runs as 1001:1001 instead of 1000:1000"],
      ["changed: n8n: runs as 1000:1000 instead of 1001:1001"],
    ],
    [
      "a capability",
      () => container("n8n", { capabilities: ["CAP_CHOWN"] }),
      ["weaker: n8n: may CAP_CHOWN"],
      ["stricter: n8n: no longer CAP_CHOWN"],
    ],
    [
      "capabilities that are kept",
      () => container("n8n", { capDrop: ["CAP_NET_RAW"] }),
      ["weaker: n8n: keeps Docker's own capabilities"],
      ["stricter: n8n: drops all capabilities"],
    ],
    [
      "a writable root",
      () => container("n8n", { readOnlyRootfs: false }),
      ["weaker: n8n: writable root"],
      ["stricter: n8n: read-only root"],
    ],
    [
      "new privileges",
      () => container("n8n", { noNewPrivileges: false }),
      ["weaker: n8n: may gain new privileges"],
      ["stricter: n8n: no new privileges"],
    ],
    [
      "a missing health check",
      () => container("n8n", { healthCheck: false }),
      ["weaker: n8n: has no health check"],
      ["stricter: n8n: has a health check"],
    ],
    [
      "the Docker socket",
      () => container("n8n", { dockerSocket: true }),
      ["weaker: n8n: has the Docker socket"],
      ["stricter: n8n: no Docker socket"],
    ],
    [
      "a folder of the host",
      () => container("n8n", { hostPaths: ["/etc"] }),
      ["weaker: n8n: sees the host's /etc"],
      ["stricter: n8n: no longer sees the host's /etc"],
    ],
    [
      "a folder of the host that can be written to",
      () => container("cadvisor", { writableHostPaths: ["/sys"] }),
      ["weaker: cadvisor: may write to the host's /sys"],
      ["stricter: cadvisor: can no longer write to the host's /sys"],
    ],
    [
      "a limit",
      () => container("n8n", { memoryMiB: 4096 }),
      ["changed: n8n: memoryMiB 2048 → 4096"],
      ["changed: n8n: memoryMiB 4096 → 2048"],
    ],
    [
      "a published port",
      () => ({
        ...base,
        ports: [
          ...base.ports,
          {
            address: "::",
            published: 5432,
            protocol: "tcp",
            container: "postgres",
            internal: 5432,
          },
        ],
      }),
      ["weaker: postgres: publishes [::]:5432->5432/tcp"],
      ["stricter: postgres: no longer publishes [::]:5432->5432/tcp"],
    ],
    [
      "a way out",
      () => ({
        ...base,
        networks: base.networks.map((one) =>
          one.name === "n8n-postgres" ? { ...one, internal: false } : one,
        ),
      }),
      ["weaker: postgres: can talk to the outside"],
      ["stricter: postgres: can no longer talk to the outside"],
    ],
    [
      "a new conversation",
      () => ({
        ...base,
        networks: [
          ...base.networks,
          { name: "traefik-postgres", internal: true, members: ["traefik", "postgres"] },
        ],
      }),
      ["weaker: postgres: can talk to traefik"],
      ["stricter: postgres: can no longer talk to traefik"],
    ],
    [
      "the same conversation over two networks",
      () => ({
        ...base,
        networks: [
          ...base.networks,
          { name: "one", internal: true, members: ["traefik", "postgres"] },
          { name: "two", internal: true, members: ["postgres", "traefik"] },
        ],
      }),
      ["weaker: postgres: can talk to traefik"],
      ["stricter: postgres: can no longer talk to traefik"],
    ],
    [
      "a volume that more may write to",
      () => ({
        ...base,
        volumes: base.volumes.map((one) =>
          one.name === "n8n-data"
            ? {
                ...one,
                mounts: [...one.mounts, { container: "portainer", path: "/x", readOnly: false }],
              }
            : one,
        ),
      }),
      ["weaker: portainer: writes to n8n-data"],
      ["stricter: portainer: no longer writes to n8n-data"],
    ],
    [
      "another data volume",
      () => ({
        ...base,
        volumes: base.volumes.map((one) =>
          one.name === "postgres-16-data" ? { ...one, name: "postgres-17-data" } : one,
        ),
      }),
      [
        "changed: postgres: writes to postgres-17-data, a new volume",
        "changed: postgres: no longer writes to postgres-16-data",
      ],
      [
        "changed: postgres: writes to postgres-16-data, a new volume",
        "changed: postgres: no longer writes to postgres-17-data",
      ],
    ],
    [
      "another number of a published port",
      () => ({
        ...base,
        ports: base.ports.map((one) => (one.published === 80 ? { ...one, published: 8080 } : one)),
      }),
      ["changed: traefik: publishes 0.0.0.0:8080->80/tcp instead of 0.0.0.0:80->80/tcp"],
      ["changed: traefik: publishes 0.0.0.0:80->80/tcp instead of 0.0.0.0:8080->80/tcp"],
    ],
    [
      "a port that is published under two numbers instead of another",
      () => ({
        ...base,
        ports: base.ports.flatMap((one) =>
          one.published === 80 ? [8080, 8081].map((published) => ({ ...one, published })) : [one],
        ),
      }),
      [
        "weaker: traefik: publishes 0.0.0.0:8081->80/tcp",
        "changed: traefik: publishes 0.0.0.0:8080->80/tcp instead of 0.0.0.0:80->80/tcp",
      ],
      [
        "stricter: traefik: no longer publishes 0.0.0.0:8081->80/tcp",
        "changed: traefik: publishes 0.0.0.0:80->80/tcp instead of 0.0.0.0:8080->80/tcp",
      ],
    ],
    [
      "the two published ports in each other's place",
      () => ({
        ...base,
        ports: base.ports.map((one) => ({ ...one, published: one.published === 80 ? 443 : 80 })),
      }),
      [
        "changed: traefik: publishes 0.0.0.0:443->80/tcp instead of 0.0.0.0:80->80/tcp",
        "changed: traefik: publishes 0.0.0.0:80->443/tcp instead of 0.0.0.0:443->443/tcp",
      ],
      [
        "changed: traefik: publishes 0.0.0.0:80->80/tcp instead of 0.0.0.0:443->80/tcp",
        "changed: traefik: publishes 0.0.0.0:443->443/tcp instead of 0.0.0.0:80->443/tcp",
      ],
    ],
    [
      "another port of the container behind the same number",
      () => ({
        ...base,
        ports: base.ports.map((one) => (one.internal === 80 ? { ...one, internal: 8080 } : one)),
      }),
      [
        "weaker: traefik: publishes 0.0.0.0:80->8080/tcp",
        "stricter: traefik: no longer publishes 0.0.0.0:80->80/tcp",
      ],
      [
        "weaker: traefik: publishes 0.0.0.0:80->80/tcp",
        "stricter: traefik: no longer publishes 0.0.0.0:80->8080/tcp",
      ],
    ],
    [
      "a port on two addresses instead of all",
      () => ({
        ...base,
        ports: base.ports.flatMap((one) =>
          one.published === 80
            ? ["127.0.0.1", "10.0.0.1"].map((address) => ({ ...one, address }))
            : [one],
        ),
      }),
      [
        "stricter: traefik: publishes 127.0.0.1:80->80/tcp instead of 0.0.0.0:80->80/tcp",
        "stricter: traefik: publishes 10.0.0.1:80->80/tcp instead of 0.0.0.0:80->80/tcp",
      ],
      ["weaker: traefik: publishes 0.0.0.0:80->80/tcp"],
    ],
    [
      "another number of a port, on this machine alone",
      () => ({
        ...base,
        ports: base.ports.map((one) =>
          one.published === 80 ? { ...one, published: 8080, address: "127.0.0.1" } : one,
        ),
      }),
      ["stricter: traefik: publishes 127.0.0.1:8080->80/tcp instead of 0.0.0.0:80->80/tcp"],
      [
        "weaker: traefik: publishes 0.0.0.0:80->80/tcp",
        "stricter: traefik: no longer publishes 127.0.0.1:8080->80/tcp",
      ],
    ],
    [
      "a secret that moves from the environment into a file",
      () => ({
        ...base,
        secrets: base.secrets.map((one) =>
          one.name === "n8nEncryptionKey"
            ? { ...one, readers: [{ container: "n8n", by: "file" as const, at: "/run/secrets/x" }] }
            : one,
        ),
      }),
      ["stricter: n8n: reads n8nEncryptionKey from a file, no longer from its environment"],
      ["weaker: n8n: reads n8nEncryptionKey from its environment, no longer from a file"],
    ],
    [
      "a newer version",
      () => image("n8n", { tag: "1.70.0", digest: OTHER }),
      ["newer: n8n: 1.64.2 → 1.70.0"],
      ["changed: n8n: back to an older image: 1.70.0 → 1.64.2"],
    ],
    [
      "another tag of the same image",
      () => image("n8n", { tag: "1.64" }),
      ["changed: n8n: tag 1.64.2 → 1.64, same image"],
      ["changed: n8n: tag 1.64 → 1.64.2, same image"],
    ],
    [
      "a tag that says less",
      () => image("n8n", { tag: "1.64", digest: OTHER }),
      ["changed: n8n: another image, the tags do not say which is newer: 1.64.2 → 1.64"],
      ["changed: n8n: another image, the tags do not say which is newer: 1.64 → 1.64.2"],
    ],
    [
      "a release candidate",
      () => image("n8n", { tag: "1.64.2-rc1", digest: OTHER }),
      ["changed: n8n: back to an older image: 1.64.2 → 1.64.2-rc1"],
      ["newer: n8n: 1.64.2-rc1 → 1.64.2"],
    ],
    [
      "another build",
      () => image("n8n", { digest: OTHER }),
      ["newer: n8n: 1.64.2, another build: eeeeeeeeeeee"],
      ["newer: n8n: 1.64.2, another build: 555555555555"],
    ],
    [
      "an image of somebody else",
      () => image("n8n", { repository: "evil/n8n" }),
      [
        "weaker: n8n: image from docker.io/evil/n8n instead of docker.io/n8nio/n8n, 1.64.2 → 1.64.2",
      ],
      [
        "weaker: n8n: image from docker.io/n8nio/n8n instead of docker.io/evil/n8n, 1.64.2 → 1.64.2",
      ],
    ],
    [
      "a missing digest",
      () => image("n8n", { pinned: false, digest: undefined }),
      ["weaker: n8n: its image is not pinned any more"],
      ["stricter: n8n: its image is pinned by digest"],
    ],
    [
      "a registry over plain http",
      () => ({ ...base, insecureRegistries: ["127.0.0.1:5000"] }),
      ["weaker: registries: plain http to 127.0.0.1:5000"],
      ["stricter: registries: no longer plain http to 127.0.0.1:5000"],
    ],
    [
      "another platform",
      () => ({ ...base, platform: "linux/arm64" }),
      ["changed: stack: is for linux/arm64 instead of linux/amd64"],
      ["changed: stack: is for linux/amd64 instead of linux/arm64"],
    ],
    [
      "images that must have a digest",
      () => ({ ...base, requirePins: true }),
      ["stricter: images: must have a digest"],
      ["weaker: images: need no digest any more"],
    ],
    [
      "another reason",
      () =>
        container("portainer", {
          exemptions: [{ control: "healthCheck", value: false, reason: "nobody knows any more" }],
        }),
      ["changed: portainer: another reason for healthCheck: nobody knows any more"],
      [
        "changed: portainer: another reason for healthCheck: the image holds no program that could ask it; Traefik asks its status page where it has a route",
      ],
    ],
    [
      "a CIS finding",
      () => ({
        ...base,
        cis: {
          ...base.cis,
          results: base.cis.results.map((one) =>
            one.id === "5.22" && one.container === "n8n"
              ? { ...one, verdict: "finding" as const, detail: "runs without seccomp" }
              : one,
          ),
        },
      }),
      ["weaker: n8n: CIS 5.22: runs without seccomp"],
      ["stricter: n8n: CIS 5.22: no longer a finding"],
    ],
  ];
  for (const [name, changed, there, back] of cases)
    it(`tell of ${name}: ${there.join(" and ")}; and the opposite of its end`, () => {
      assert.deepEqual(lines(changes(base, changed())), there);
      assert.deepEqual(lines(changes(changed(), base)), back);
      assert.equal(
        isWeaker(changes(base, changed())),
        there.some((line) => line.startsWith("weaker")),
      );
    });

  // Addresses of Traefik's ports before and after, and what is said.
  const addresses: readonly (readonly [string, string, ...string[]])[] = [
    [
      "0.0.0.0",
      "127.0.0.1",
      "stricter: traefik: publishes 127.0.0.1:80->80/tcp instead of 0.0.0.0:80->80/tcp",
    ],
    [
      "0.0.0.0",
      "10.0.0.1",
      "stricter: traefik: publishes 10.0.0.1:80->80/tcp instead of 0.0.0.0:80->80/tcp",
    ],
    ["::", "::1", "stricter: traefik: publishes [::1]:80->80/tcp instead of [::]:80->80/tcp"],
    ["127.0.0.1", "0.0.0.0", "weaker: traefik: publishes 0.0.0.0:80->80/tcp"],
    [
      "10.0.0.1",
      "10.0.0.2",
      "weaker: traefik: publishes 10.0.0.2:80->80/tcp",
      "stricter: traefik: no longer publishes 10.0.0.1:80->80/tcp",
    ],
    [
      "192.168.1.5",
      "127.0.0.1",
      "stricter: traefik: publishes 127.0.0.1:80->80/tcp instead of 192.168.1.5:80->80/tcp",
    ],
    ["127.0.0.1", "192.168.1.5", "weaker: traefik: publishes 192.168.1.5:80->80/tcp"],
    [
      "127.0.0.1",
      "::1",
      "changed: traefik: publishes [::1]:80->80/tcp instead of 127.0.0.1:80->80/tcp",
    ],
    ["0.0.0.0", "::", "weaker: traefik: publishes [::]:80->80/tcp"],
    [
      "0.0.0.0",
      "2001:db8::5",
      "weaker: traefik: publishes [2001:db8::5]:80->80/tcp",
      "stricter: traefik: no longer publishes 0.0.0.0:80->80/tcp",
    ],
    ["::", "0.0.0.0", "stricter: traefik: publishes 0.0.0.0:80->80/tcp instead of [::]:80->80/tcp"],
    [
      "::",
      "203.0.113.5",
      "stricter: traefik: publishes 203.0.113.5:80->80/tcp instead of [::]:80->80/tcp",
    ],
    ["::0", "::"],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["0.0.0.0", "::ffff:0.0.0.0"],
  ];
  for (const [was, is, ...expected] of addresses)
    it(`know that ${is} after ${was} is: ${expected.join(" and ") || "the same"}`, () => {
      const on = (address: string): StackView => ({
        ...base,
        ports: base.ports
          .filter(({ published }) => published === 80)
          .map((port) => ({ ...port, address })),
      });
      assert.deepEqual(lines(changes(on(was), on(is))), expected);
    });

  it("take a new service for a change, and what it is exempt from for a weakening", () => {
    const without: StackView = {
      ...base,
      containers: base.containers.filter(({ name }) => name !== "cadvisor"),
      networks: base.networks.filter(({ members }) => !members.includes("cadvisor")),
      entrance: {
        ...base.entrance,
        routes: base.entrance.routes.filter(({ service }) => service !== "cadvisor"),
      },
      cis: { ...base.cis, results: base.cis.results.filter((one) => one.container !== "cadvisor") },
    };
    assert.deepEqual(lines(changes(without, base)), [
      "weaker: cadvisor: is new and exempt from user",
      "weaker: cadvisor: is new and exempt from hostPaths",
      "changed: cadvisor: is new",
    ]);
    assert.deepEqual(lines(changes(base, without)), ["changed: cadvisor: is gone"]);
  });

  it("say of a service that is switched on what it is exempt from, and not all that it has", async () => {
    const without = stackView(
      await goldenModel({ services: { portainer: { enabled: false }, n8n: { enabled: false } } }),
    );
    // The services that stay are as in the golden stack.
    const withBoth = stackView(
      await goldenModel({ services: { portainer: { enabled: true }, n8n: { enabled: true } } }),
    );
    const ofThem = (line: string): boolean =>
      /: (?:socket-proxy-)?(?:portainer|n8n|postgres): /.test(line);
    assert.deepEqual(lines(changes(without, withBoth)).filter(ofThem), [
      "weaker: socket-proxy-portainer: is new and exempt from dockerSocket",
      "weaker: portainer: is new and exempt from healthCheck",
      "weaker: n8n: is new and exempt from outsideNetworks",
      "weaker: n8n: is new and exempt from environmentSecrets",
      "changed: socket-proxy-portainer: is new",
      "changed: portainer: is new",
      "changed: n8n: is new",
      "changed: postgres: is new",
    ]);
    assert.deepEqual(lines(changes(withBoth, without)).filter(ofThem), [
      "changed: socket-proxy-portainer: is gone",
      "changed: portainer: is gone",
      "changed: n8n: is gone",
      "changed: postgres: is gone",
    ]);
  });

  it("print the weaker ones first", () => {
    const after = { ...image("n8n", { tag: "2.0.0", digest: OTHER }), ports: [] };
    const all = changes(container("n8n", { healthCheck: false }), after);
    assert.equal(
      changesHeadline("golden", all),
      "stack golden: 0 weaker, 3 stricter, 1 newer, 0 changed",
    );
    assert.deepEqual(
      changeSections(all).map(({ title, rows }) => `${title} ${rows.length - 1}`),
      ["Weaker 0", "Stricter 3", "Newer images 1", "Changed, neither weaker nor stricter 0"],
    );
    assert.deepEqual(changesJson("golden", all), { version: 1, stack: "golden", changes: all });
  });
});
