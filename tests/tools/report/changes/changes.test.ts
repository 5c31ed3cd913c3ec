import assert from "node:assert/strict";

import fc from "fast-check";

import { Change } from "../../../../tools/report/changes/change";
import { changes, isWeaker } from "../../../../tools/report/changes/changes";
import { changeSections, changesHeadline } from "../../../../tools/report/sections";
import { ContainerView, IngressView, StackView } from "../../../../tools/report/view/stack";
import { holds } from "../../../properties/check";
import { digestOf } from "../../../support/raw-config";
import { exampleView, SERVICES } from "../example-stack";

const base = exampleView();

/** Changes one part of a view. */
type Step = (view: StackView) => StackView;
const container =
  (name: string, said: Partial<ContainerView>): Step =>
  (view) => ({
    ...view,
    containers: view.containers.map((one) => (one.name === name ? { ...one, ...said } : one)),
  });
const image =
  (service: string, said: object): Step =>
  (view) => ({
    ...view,
    images: view.images.map((one) => (one.service === service ? { ...one, ...said } : one)),
  });
const ingress =
  (said: Partial<IngressView>): Step =>
  (view) => ({ ...view, ingress: { ...view.ingress, ...said } });
const route =
  (service: string, said: object): Step =>
  (view) =>
    ingress({
      routes: view.ingress.routes.map((one) =>
        one.service === service ? { ...one, ...said } : one,
      ),
    })(view);
const port =
  (said: Partial<StackView["ports"][number]>): Step =>
  (view) => ({
    ...view,
    ports: [
      ...view.ports,
      { address: "::", published: 5432, protocol: "tcp", container: "db", internal: 5432, ...said },
    ],
  });
const network =
  (name: string, members: readonly string[], internal = true): Step =>
  (view) => ({ ...view, networks: [...view.networks, { name, internal, members }] });
const readers =
  (secret: string, said: StackView["secrets"][number]["readers"]): Step =>
  (view) => ({
    ...view,
    secrets: view.secrets.map((one) => (one.name === secret ? { ...one, readers: said } : one)),
  });

const lines = (all: readonly Change[]): string[] =>
  all.map(({ kind, subject, what }) => `${kind}: ${subject} ${what}`);
const compared = (before: StackView, after: StackView): string[] => lines(changes(before, after));

const OTHER = digestOf("e");
const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";
const STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory";
const OTHER_CA = "https://ca.example.test/directory";

/** What is said after a step, and what when it is taken back; without that nothing but the opposite. */
type Case = readonly [name: string, step: Step, there: readonly string[], back: readonly string[]];

/** A step that makes one thing weaker; taken back it is stricter. */
const weakening = (
  name: string,
  step: Step,
  subject: string,
  what: string,
  less?: string,
): Case => [
  name,
  step,
  [`weaker: ${subject} ${what}`],
  [`stricter: ${subject} ${less ?? `no longer ${what.replace(/ \(.*\)$/, "")}`}`],
];

const WEAKENINGS: readonly Case[] = [
  weakening("root", container("db", { user: "0:0" }), "db", "runs as root (0:0)"),
  weakening("the group of root", container("db", { user: "1:0" }), "db", "runs as root (1:0)"),
  weakening(
    "root spelled otherwise",
    container("db", { user: "1:00" }),
    "db",
    "runs as root (1:00)",
  ),
  weakening("a capability", container("db", { capabilities: ["CAP_KILL"] }), "db", "has CAP_KILL"),
  weakening(
    "capabilities that are kept",
    container("db", { capDrop: ["CAP_NET_RAW"] }),
    "db",
    "keeps Docker's default capabilities",
  ),
  weakening("every privilege", container("db", { privileged: true }), "db", "is privileged"),
  weakening(
    "a writable root",
    container("db", { readOnlyRootfs: false }),
    "db",
    "has a writable root file system",
  ),
  weakening(
    "new privileges",
    container("db", { noNewPrivileges: false }),
    "db",
    "allows new privileges",
  ),
  weakening(
    "no health check",
    container("db", { healthCheck: false }),
    "db",
    "lacks a health check",
  ),
  weakening(
    "the Docker socket",
    container("db", { dockerSocket: true }),
    "db",
    "has the Docker socket",
  ),
  weakening("a host path", container("db", { hostPaths: ["/etc"] }), "db", "reads the host's /etc"),
  weakening(
    "the host's cgroups",
    container("db", { hostCgroups: true }),
    "db",
    "sees the cgroups of the host",
  ),
  weakening(
    "a writable host path",
    container("agent", { writableHostPaths: ["/sys"] }),
    "agent",
    "writes to the host's /sys",
  ),
  weakening("a published port", port({}), "db", "publishes [::]:5432->5432/tcp"),
  weakening(
    "a network beyond the host",
    network("lan", ["db"], false),
    "db",
    "has access to the external network lan",
  ),
  weakening(
    "a second network beyond the host",
    network("lan", ["app"], false),
    "app",
    "has access to the external network lan",
  ),
  weakening(
    "a new link",
    network("traefik-db", ["traefik", "db"]),
    "db",
    "shares a network with traefik",
  ),
  weakening(
    "a new link over two networks",
    (view) => network("two", ["db", "traefik"])(network("one", ["traefik", "db"])(view)),
    "db",
    "shares a network with traefik",
  ),
  weakening(
    "another writer of data",
    (view) => ({
      ...view,
      volumes: view.volumes.map((one) =>
        one.name === "app-data"
          ? { ...one, mounts: [...one.mounts, { container: "db", path: "/x", readOnly: false }] }
          : one,
      ),
    }),
    "db",
    "writes to app-data",
  ),
  weakening(
    "another reader of a secret",
    readers("acmeDnsToken", [
      { container: "traefik", by: "file", at: "/run/secrets/token" },
      { container: "agent", by: "file", at: "/x" },
    ]),
    "agent",
    "reads acmeDnsToken",
  ),
  weakening(
    "a secret that moves to the environment",
    readers("acmeDnsToken", [{ container: "traefik", by: "environment", at: "TOKEN" }]),
    "traefik",
    "has acmeDnsToken in its environment as TOKEN",
  ),
  weakening(
    "a secret in another variable as well",
    readers("appKey", [
      { container: "app", by: "environment", at: "APP_KEY" },
      { container: "app", by: "environment", at: "KEY" },
    ]),
    "app",
    "has appKey in its environment as KEY",
  ),
  weakening(
    "a lost pin",
    image("app", { pinned: false, digest: undefined }),
    "app",
    "no longer pins its image by digest",
    "pins its image by digest",
  ),
  weakening(
    "a registry over plain HTTP",
    (view) => ({ ...view, insecureRegistries: ["127.0.0.1:5000"] }),
    "stack",
    "contacts the registry 127.0.0.1:5000 over plain HTTP",
  ),
  weakening(
    "more of Docker's API",
    (view) => ({
      ...view,
      socketReads: view.socketReads.map((one) => ({ ...one, reads: [...one.reads, "GET /info"] })),
    }),
    "socket-proxy-app",
    "allows GET /info",
  ),
  weakening(
    "a finding of CIS",
    (view) => ({
      ...view,
      cis: {
        ...view.cis,
        results: view.cis.results.map((one) =>
          one.id === "5.5" && one.container === "db"
            ? { ...one, verdict: "finding", detail: "is privileged" }
            : one,
        ),
      },
    }),
    "db",
    "fails CIS 5.5 (is privileged)",
  ),
  weakening(
    "administrators from everywhere",
    ingress({ adminAllow: ["0.0.0.0/0"] }),
    "ingress",
    "lets administrators in from 0.0.0.0/0",
    "no longer lets administrators in from all of 0.0.0.0/0",
  ),
  weakening(
    "one more network of administrators",
    ingress({ adminAllow: ["192.0.2.0/24", "2001:db8::/64"] }),
    "ingress",
    "lets administrators in from 2001:db8::/64",
    "no longer lets administrators in from all of 2001:db8::/64",
  ),
  weakening(
    "an admin route that becomes public",
    route("app", { admin: false }),
    "app",
    "is open to everybody",
  ),
  weakening(
    "a path of an admin route that becomes public",
    route("app", { publicPaths: ["/hook/"] }),
    "app",
    "is open to everybody at /hook/",
  ),
  weakening(
    "a route for administrators to what had none",
    (view) =>
      ingress({
        routes: [...view.ingress.routes, { host: "db.example.test", service: "db", admin: true }],
      })(view),
    "db",
    "has a route (db.example.test)",
  ),
  weakening(
    "a CA that no browser trusts",
    ingress({ caServer: STAGING }),
    "ingress",
    `takes certificates from ${STAGING} instead of ${LETS_ENCRYPT}`,
    `takes certificates from ${LETS_ENCRYPT} instead of ${STAGING}`,
  ),
];

const OTHERS: readonly Case[] = [
  [
    "a path of a public route that becomes one for administrators",
    route("homepage", { adminPaths: ["/setup"] }),
    ["stricter: homepage no longer is open to everybody at /setup"],
    ["weaker: homepage is open to everybody at /setup"],
  ],
  [
    "another registry",
    image("app", { registry: "evil.example.test" }),
    [
      "weaker: app takes its image from evil.example.test/app instead of registry.example.test/app, 1.2.3 → 1.2.3",
    ],
    [
      "weaker: app takes its image from registry.example.test/app instead of evil.example.test/app, 1.2.3 → 1.2.3",
    ],
  ],
  [
    "images that must have a digest",
    (view) => ({ ...view, requirePins: true }),
    ["stricter: stack no longer accepts images without a digest"],
    ["weaker: stack accepts images without a digest"],
  ],
  [
    "another user",
    container("db", { user: "71:71" }),
    ["changed: db runs as 71:71 instead of 70:70"],
    ["changed: db runs as 70:70 instead of 71:71"],
  ],
  [
    "a memory limit",
    container("db", { memoryMiB: 512 }),
    ["changed: db memory limit 256 → 512 MiB"],
    ["changed: db memory limit 512 → 256 MiB"],
  ],
  [
    "a CPU limit and a process limit",
    container("db", { cpus: 2, pidsLimit: 400 }),
    ["changed: db CPU limit 0.5 → 2", "changed: db process limit 200 → 400"],
    ["changed: db CPU limit 2 → 0.5", "changed: db process limit 400 → 200"],
  ],
  [
    "another data volume",
    (view) => ({
      ...view,
      volumes: view.volumes.map((one) =>
        one.name === "db-1-data" ? { ...one, name: "db-2-data" } : one,
      ),
    }),
    ["changed: db writes to db-2-data, a new volume", "changed: db no longer writes to db-1-data"],
    ["changed: db writes to db-1-data, a new volume", "changed: db no longer writes to db-2-data"],
  ],
  [
    "another reason",
    container("socket-proxy-app", {
      exemptions: [{ control: "dockerSocket", value: true, reason: "nobody knows any more" }],
    }),
    ["changed: socket-proxy-app another reason for dockerSocket: nobody knows any more"],
    [
      "changed: socket-proxy-app another reason for dockerSocket: it keeps the socket from all others",
    ],
  ],
  [
    "another platform",
    (view) => ({ ...view, platform: "linux/arm64" }),
    ["changed: stack is for linux/arm64 instead of linux/amd64"],
    ["changed: stack is for linux/amd64 instead of linux/arm64"],
  ],
  [
    "a newer version",
    image("app", { tag: "1.3.0", digest: OTHER }),
    ["newer: app 1.2.3 → 1.3.0"],
    ["changed: app back to an older image: 1.3.0 → 1.2.3"],
  ],
  [
    "another tag of the same image",
    image("app", { tag: "1.2" }),
    ["changed: app tag 1.2.3 → 1.2, same image"],
    ["changed: app tag 1.2 → 1.2.3, same image"],
  ],
  [
    "a tag that says less",
    image("app", { tag: "1.2", digest: OTHER }),
    ["changed: app another image, unclear which tag is newer: 1.2.3 → 1.2"],
    ["changed: app another image, unclear which tag is newer: 1.2 → 1.2.3"],
  ],
  [
    "another build",
    image("app", { digest: OTHER }),
    ["newer: app 1.2.3, another build: eeeeeeeeeeee"],
    ["newer: app 1.2.3, another build: 333333333333"],
  ],
  [
    "a CA of which nobody knows more",
    ingress({ caServer: OTHER_CA }),
    [`changed: ingress takes certificates from ${OTHER_CA} instead of ${LETS_ENCRYPT}`],
    [`changed: ingress takes certificates from ${LETS_ENCRYPT} instead of ${OTHER_CA}`],
  ],
  [
    "another DNS provider",
    ingress({ dnsProvider: "hetzner" }),
    ["changed: ingress uses the DNS provider hetzner instead of cloudflare"],
    ["changed: ingress uses the DNS provider cloudflare instead of hetzner"],
  ],
  [
    "another policy of the homepage",
    ingress({ contentSecurityPolicy: "base-uri 'self'" }),
    [
      "changed: homepage sends the Content-Security-Policy base-uri 'self' instead of default-src 'none'",
    ],
    [
      "changed: homepage sends the Content-Security-Policy default-src 'none' instead of base-uri 'self'",
    ],
  ],
  [
    "another name of a route",
    route("app", { host: "a.example.test" }),
    ["changed: app is served as a.example.test instead of app.example.test"],
    ["changed: app is served as app.example.test instead of a.example.test"],
  ],
  [
    "the same administrators in two halves",
    ingress({ adminAllow: ["192.0.2.128/25", "192.0.2.0/25"] }),
    [],
    [],
  ],
];

describe("two states of a stack compared", () => {
  it("knows that the public paths of a route were open when the whole route was", () => {
    const now = route("homepage", { admin: true, publicPaths: ["/hook/"] })(base);
    assert.deepEqual(
      changes(base, now).map(({ kind, what }) => [kind, what]),
      [["stricter", "no longer is open to everybody"]],
    );
  });

  it("are the same when nothing changed", () => {
    assert.deepEqual(compared(base, base), []);
    assert.equal(changesHeadline("example", []), "stack example: as in the saved report");
  });

  for (const [name, step, there, back] of [...WEAKENINGS, ...OTHERS])
    it(`tell of ${name}: ${there.join(" and ") || "nothing"}; and of its end`, () => {
      assert.deepEqual(compared(base, step(base)), there);
      assert.deepEqual(compared(step(base), base), back);
      assert.equal(
        isWeaker(changes(base, step(base))),
        there.some((line) => line.startsWith("weaker")),
      );
    });

  it("tell of every weakening among several, and take none for stricter", () => {
    // Steps about the same thing: only one of them can be taken.
    const about = ({ 2: [line = ""] }: Case): string =>
      /root \(|appKey|acmeDnsToken|administrators in|certificates/.exec(line)?.[0] ?? line;
    holds(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...WEAKENINGS), { selector: about, maxLength: 12 }),
        (steps) => {
          const after = steps.reduce((view, [, step]) => step(view), base);
          const expected = [...new Set(steps.flatMap(([, , there]) => there))].sort();
          assert.deepEqual(compared(base, after).sort(), expected);
          const back = changes(after, base);
          assert.deepEqual([isWeaker(back), back.length], [false, expected.length]);
        },
      ),
      100,
    );
  });

  it("give the reason of the exemption that allows a weaker thing", () => {
    const exempt = (control: string, reason: string) => ({
      exemptions: [{ control, reason, value: true }] as unknown as ContainerView["exemptions"],
    });
    const cases: readonly (readonly [string, Step, string])[] = [
      [
        "user",
        container("db", { user: "0:0", ...exempt("user", "as in its image") }),
        "runs as root (0:0)",
      ],
      [
        "publishedPorts",
        (view) => container("db", exempt("publishedPorts", "as in its image"))(port({})(view)),
        "publishes [::]:5432->5432/tcp",
      ],
      [
        "outsideNetworks",
        (view) =>
          container(
            "db",
            exempt("outsideNetworks", "as in its image"),
          )(network("lan", ["db"], false)(view)),
        "has access to the external network lan",
      ],
      ["user", container("db", { user: "0:0" }), "runs as root (0:0)"],
    ];
    const found = cases.map(([, step]) => changes(base, step(base)));
    assert.deepEqual(found, [
      ...cases
        .slice(0, 3)
        .map(([, , what]) => [{ kind: "weaker", subject: "db", what, reason: "as in its image" }]),
      [{ kind: "weaker", subject: "db", what: "runs as root (0:0)" }],
    ]);
    const [weak] = changeSections(found.flat());
    assert.deepEqual(weak?.rows[1], ["db", "runs as root (0:0)", "as in its image"]);
    assert.deepEqual(weak.rows[4], ["db", "runs as root (0:0)", "none"]);
  });

  describe("where a container is new", () => {
    const without = (...names: readonly string[]): StackView =>
      exampleView(
        {},
        SERVICES.filter(({ name }) => !names.includes(name)),
      );
    const ofIt = (line: string): boolean => /: (?:agent|app|socket-proxy-app|db) /.test(line);

    it("say that, and what it is exempt from; nothing else comes with it", () => {
      assert.deepEqual(compared(without("agent"), base), [
        "weaker: agent is new and exempt from user",
        "weaker: agent is new and exempt from hostPaths",
        "weaker: agent is new and exempt from healthCheck",
        "changed: agent is new",
      ]);
      assert.deepEqual(compared(base, without("agent")), ["changed: agent was removed"]);
      const [first] = changes(without("agent"), base);
      assert.equal(first?.reason, "the host's files are closed to others");
    });

    it("say of what talks to each other only what each is exempt from", () => {
      assert.deepEqual(compared(without("app", "db"), base).filter(ofIt), [
        "weaker: app is new and exempt from outsideNetworks",
        "weaker: app is new and exempt from environmentSecrets",
        "weaker: app is new and exempt from capabilities",
        "weaker: socket-proxy-app is new and exempt from dockerSocket",
        "changed: app is new",
        "changed: db is new",
        "changed: socket-proxy-app is new",
      ]);
      assert.deepEqual(compared(base, without("app", "db")).filter(ofIt), [
        "changed: app was removed",
        "changed: db was removed",
        "changed: socket-proxy-app was removed",
      ]);
    });

    it("say nothing of a link with it", () => {
      assert.deepEqual(compared(without("db"), base), ["changed: db is new"]);
      assert.deepEqual(compared(base, without("db")), ["changed: db was removed"]);
    });

    it("compare it with the policy where that is asked for", () => {
      const against = (before: StackView): string[] =>
        lines(changes(before, base, { newContainers: "policy" })).filter(
          (line) => line.startsWith("weaker") && !line.includes("CIS"),
        );
      assert.deepEqual(against(without("agent")), [
        "weaker: agent runs as root (0:0)",
        "weaker: agent lacks a health check",
        "weaker: agent reads the host's /sys",
        "weaker: agent reads the host's /srv",
      ]);
      assert.deepEqual(against(without("app", "db")), [
        "weaker: app has CAP_CHOWN",
        "weaker: app has access to the external network egress",
        "weaker: app has appKey in its environment as APP_KEY",
        "weaker: socket-proxy-app has the Docker socket",
      ]);
      assert.deepEqual(against(without("traefik")).slice(0, 2), [
        "weaker: traefik has access to the external network edge",
        "weaker: traefik publishes 0.0.0.0:80->80/tcp",
      ]);
    });
  });

  it("are printed with the weaker changes first", () => {
    const after = image("app", { tag: "2.0.0", digest: OTHER })({ ...base, ports: [] });
    const all = changes(container("db", { healthCheck: false })(base), after);
    assert.equal(
      changesHeadline("example", all),
      "stack example: 0 weaker, 3 stricter, 1 newer, 0 changed",
    );
    assert.deepEqual(
      changeSections(all).map(({ title, rows }) => `${title} ${rows.length - 1}`),
      ["Weaker 0", "Stricter 3", "Newer images 1", "Changed, neither weaker nor stricter 0"],
    );
  });
});
