import assert from "node:assert/strict";

import { type Entry } from "../../../tools/import/entry";
import { appOf, importOf, said, type Given } from "./import-of";

/** What every entry has unless the file says otherwise. */
const USUAL = { tmpfs: ["/tmp:size=64m"], memoryMiB: 512 };
const UNCHECKED = { exemptions: [{ control: "healthCheck", value: false, reason: "" }] };

describe("a service of a Compose file", () => {
  const entries: readonly (readonly [
    what: string,
    keys: string,
    entry: Partial<Entry>,
    given?: Given,
  ])[] = [
    ["nothing but its image", "", { ...USUAL, ...UNCHECKED } as Entry],
    [
      "its health check",
      "healthcheck: { test: [CMD, check], interval: 5s, start_period: 2m }",
      { healthcheck: { test: ["CMD", "check"], start_period: "120s" } },
    ],
    [
      "a health check of its image",
      "",
      { healthcheck: "image", exemptions: undefined as never },
      { images: { app: { healthCheck: true } } },
    ],
    ["a user as a number", 'user: "1000"', { user: "1000:1000" }],
    ["root's group", 'user: "1000:0"', { user: "1000:0" }],
    [
      "the user of its image, without root's group",
      "",
      { user: "1001:1001" },
      { images: { app: { user: "1001:0" } } },
    ],
    [
      "a user that many images have",
      "",
      { user: "1000:1000" },
      { images: { app: { user: "node" } } },
    ],
    [
      "PUID and PGID",
      "environment: [PUID=1000, PGID=100]",
      { user: "1000:100", environment: { PUID: "1000", PGID: "100" } },
    ],
    [
      "a command as a text",
      "command: serve --name 'a b' $$X",
      { command: ["serve", "--name", "a b", "$X"] },
    ],
    ["an entry point", "entrypoint: [/run.sh]", { entrypoint: ["/run.sh"] }],
    [
      "variables, with a dollar sign",
      "environment: { A: 1, B: true, C: 'x$$y', D: '${E:-e}' }",
      { environment: { A: "1", B: "true", C: "x$$y", D: "e" } },
    ],
    [
      "limits",
      "mem_limit: 1g\ncpus: 1.5\npids_limit: 500\nshm_size: 128mb\nstop_grace_period: 1m",
      { memoryMiB: 1024, cpus: 1.5, pidsLimit: 500, shm_size: "128m", stop_grace_period: "60s" },
    ],
    [
      "limits of a deployment",
      "deploy: { resources: { limits: { memory: 2G, cpus: '0.25', pids: 50 } } }",
      { memoryMiB: 2048, cpus: 0.25, pidsLimit: 50 },
    ],
    [
      "open files",
      "ulimits: { nofile: { soft: 4096, hard: 8192 }, nproc: 5 }",
      { ulimits: { nofile: 4096 } },
    ],
    [
      "what is said alike",
      "init: true\nworking_dir: /srv/\ngroup_add: [44, video]",
      { init: true, working_dir: "/srv", group_add: ["44"] },
    ],
    ["a profile", "profiles: [debug]", { enabled: false }],
    [
      "a volume",
      "volumes: ['data:/data', '/anonymous']",
      { volumes: ["data:/data", "anonymous:/anonymous"], backup: { stop: true } },
    ],
    [
      "a volume of its image",
      "",
      { volumes: ["data:/var/lib/data"], backup: { stop: true } },
      { images: { app: { volumes: ["/var/lib/data"] } } },
    ],
    [
      "a folder beside the file",
      "volumes: ['./app_data:/data:ro']",
      { volumes: ["data:/data:ro"] },
    ],
    ["a tmpfs", "tmpfs: ['/run:size=8m,exec', /tmp]", { tmpfs: ["/run:size=8m,exec", "/tmp"] }],
    [
      "a file beside the file",
      "volumes: ['./a.conf:/etc/app/a.conf:ro']",
      { configs: [{ target: "/etc/app/a.conf", content: "x = 1\n" }] },
      { files: { "a.conf": "x = 1\n" } },
    ],
    [
      "a folder of small files",
      "volumes: ['./conf:/etc/app/conf.d']",
      { configs: [{ target: "/etc/app/conf.d/a.yml", content: "a: 1" }] },
      { files: { "conf/a.yml": "a: 1" } },
    ],
    [
      "a media library of the host",
      "volumes: ['/mnt/media:/media']",
      {
        volumes: ["/mnt/media:/media"],
        exemptions: [
          ...UNCHECKED.exemptions,
          { control: "writableHostPaths", value: ["/mnt/media"], reason: "" },
        ] as never,
      },
    ],
    [
      "a system folder of the host, read-only",
      "volumes: ['/proc:/host/proc:ro']",
      {
        volumes: ["/proc:/host/proc:ro"],
        exemptions: [
          ...UNCHECKED.exemptions,
          { control: "hostPaths", value: ["/proc"], reason: "" },
        ] as never,
      },
    ],
    [
      "devices",
      "devices: ['/dev/dri:/dev/dri', /dev/ttyUSB0]",
      {
        devices: ["/dev/dri", "/dev/ttyUSB0"],
        exemptions: [
          ...UNCHECKED.exemptions,
          { control: "devices", value: ["/dev/dri", "/dev/ttyUSB0"], reason: "" },
        ] as never,
      },
    ],
    ["a page", "ports: ['8080:3000']", { port: 3000 }],
    ["a page for the host itself", "ports: ['127.0.0.1:8080:3000']", { port: 3000, admin: true }],
    ["plain http beside TLS", "ports: ['443:8443', '80:8080']", { port: 8080 }],
    [
      "a port that no browser speaks",
      "ports: ['2222:22', '53:53/udp']",
      {
        ports: ["2222:22", "53:53/udp"],
        exemptions: [
          ...UNCHECKED.exemptions,
          { control: "publishedPorts", value: [22, 53], reason: "" },
        ] as never,
      },
    ],
    [
      "labels of Traefik",
      "labels: ['traefik.http.routers.a.rule=Host(`a.example.org`) || Host(`b.example.org`)']",
      { port: 3000, host: "a.example.org", aliases: ["b.example.org"] },
      { images: { app: { ports: [3000] } } },
    ],
    [
      "a port of both protocols",
      "ports: ['53:53/udp', '53:53']",
      {
        ports: ["53:53/udp", "53:53"],
        exemptions: [
          ...UNCHECKED.exemptions,
          { control: "publishedPorts", value: [53], reason: "" },
        ] as never,
      },
    ],
    [
      "variables of nginx-proxy",
      "environment: { VIRTUAL_HOST: a.example.org, VIRTUAL_PORT: 81 }",
      { host: "a.example.org", port: 81 },
    ],
    [
      "capabilities",
      "cap_add: [NET_ADMIN, CAP_CHOWN]",
      {
        exemptions: [
          { control: "capabilities", value: ["CAP_NET_ADMIN", "CAP_CHOWN"], reason: "" },
          ...UNCHECKED.exemptions,
        ] as never,
      },
    ],
    [
      "a secret in a file",
      "secrets: [db_password, { source: key, target: app.key }]",
      {
        secrets: [
          { source: "dbPassword", target: "db_password" },
          { source: "key", target: "app.key" },
        ],
      },
    ],
    [
      "a secret in a variable",
      "environment: { API_KEY: abcdefgh }",
      { environment: { API_KEY: "${apiKey}" } },
    ],
    [
      "a secret of a shell in its health check",
      "healthcheck: { test: 'check -p${DB_PASSWORD} x' }",
      {
        healthcheck: {
          test: ["CMD-SHELL", "check -p$(cat /run/secrets/dbPassword) x"],
          start_period: "60s",
        },
        secrets: ["dbPassword"],
      },
      { env: "DB_PASSWORD=x" },
    ],
    [
      "passwords of programs in its health check",
      "healthcheck: { test: 'curl -fu me:hunter22 http://127.0.0.1/ && redis-cli -a hunter33 ping' }",
      {
        healthcheck: {
          test: [
            "CMD-SHELL",
            "curl -fu me:$(cat /run/secrets/argumentPassword) http://127.0.0.1/ && redis-cli -a $(cat /run/secrets/appArgumentPassword) ping",
          ],
          start_period: "60s",
        },
      },
    ],
    [
      "a secret in its command line",
      "entrypoint: [/app]\ncommand: [--password, 'it''s', '--token=${T}']",
      {
        entrypoint: [
          "/bin/sh",
          "-c",
          `exec /app --password "$(cat /run/secrets/password)" --token="$(cat /run/secrets/t)"`,
        ],
        secrets: ["password", "t"],
      },
    ],
  ];
  for (const [what, keys, expected, given] of entries)
    it(`becomes an entry with ${what}`, () => {
      const { entry = {} } = appOf(keys, given);
      const got = Object.fromEntries(
        Object.keys(expected).map((key) => [key, entry[key as keyof Entry]]),
      );
      assert.deepEqual(got, expected);
    });

  const refused: readonly (readonly [keys: string, what: RegExp])[] = [
    ["privileged: true", /^privileged → .*cap_add, devices/],
    ["network_mode: host", /^network_mode: host → .*publish its ports/],
    ["network_mode: service:vpn", /^network_mode: service:vpn → .*stay with Compose/],
    ["pid: host", /^pid: host → /],
    ["ipc: host", /^ipc: host → /],
    ["userns_mode: host", /^userns_mode: host → /],
    ["security_opt: [seccomp:unconfined]", /^security_opt: seccomp:unconfined → /],
    ["cap_add: [SYS_MODULE]", /^cap_add: SYS_MODULE → load the kernel module/],
    ["cap_add: [all]", /^cap_add: ALL → name|^cap_add: ALL → it gives away/],
    ["volumes_from: [x]", /^volumes_from → name the volumes/],
    ["volumes: ['/etc:/etc']", /^\/etc of the host → .*cannot be mounted for writing/],
    ["volumes: ['/:/host:ro']", /^\/ of the host → .*socket of a container engine/],
    ["image: Bad:1", /repository must be lower case.* → name one/],
    ["image: '${NO}'\nbuild: .", /^no image: its variable has no value → /],
  ];
  for (const [keys, what] of refused)
    it(`is refused with ${keys}`, () => {
      const text = `services:\n  app:\n${keys.includes("image:") ? "" : "    image: acme/app:1\n"}${keys.replace(/^/gm, "    ")}\n`;
      const [app] = importOf(text).services;
      assert.ok(app !== undefined && app.entry === undefined);
      assert.match(said(app, "refused").join("\n"), what);
    });

  const asked: readonly (readonly [keys: string, what: RegExp, given?: Given])[] = [
    ["", /does it need the internet/],
    ["image: acme/app", /image acme\/app has no tag → a version/],
    ["image: acme/app:latest", /has the tag latest → a version/],
    ["user: someone", /user: someone is a name → .*docker run --rm --entrypoint id IMAGE/],
    ["ports: ['80:80']", /its page is open to everybody → admin: true/],
    ["ports: ['80:80', '81:81']", /port 81 may have a second page → .*"81:81"/],
    [
      "volumes: ['./a.conf:/etc/app/a.conf']",
      /a\.conf is not here.*configs: \[\{ target, content \}\]/,
    ],
    [
      "volumes: ['./a.conf:/etc/a.conf']",
      /single file in \/etc → .*would hide the others/,
      { files: { "a.conf": "x" } },
    ],
    [
      "volumes: ['./a.conf:/x/a.conf']",
      /seems to hold a secret in line 2/,
      { files: { "a.conf": "a: 1\npassword: canary\n" } },
    ],
    ["volumes: ['../../../../etc/passwd:/x/a.conf']", /is not here|data volume/],
    [
      "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
      /Docker's socket.* → reads: what it reads/,
    ],
    ["env_file: app.env", /env_file app\.env is not here.* → put it there/],
    ["env_file: app.env", /does it need/, { files: { "app.env": "A=1" } }],
    ["environment: { A: '${NO}x' }", /does it need/],
    ["sysctls: { net.core.somaxconn: 1 }", /sysctls: net\.core\.somaxconn → there is no such key/],
    [
      "extra_hosts: ['host.docker.internal:host-gateway']",
      /extra_hosts: host\.docker\.internal → /,
    ],
    ["deploy: { replicas: 3 }", /3 replicas → one container/],
    ["gpus: all", /it uses a GPU → devices/],
    ["depends_on: [other]", /it connects to other, which has no entry/],
    ["group_add: [video]", /group_add: video → .*getent group/],
    ["ports: [http]", /port "http" → expected host:container/],
    ["volumes: ['x:y']", /volume "x:y" → expected name:\/path/],
    [
      "volumes: ['./logo.png:/srv/logo.png', './a.conf.local:/srv/a.conf.local']",
      /logo\.png is not here.*\n.*a\.conf\.local is not here/,
    ],
    [
      "labels: ['traefik.http.routers.a.rule=Host(`a.example.org`)', 'traefik.http.routers.a.middlewares=l', 'traefik.http.middlewares.l.forwardAuth.address=http://elsewhere.example.org/']",
      /a login at .* guards it[^]*its page is a\.example\.org, and no port is said → port: that of the program inside the container, with host: a\.example\.org, admin: true/,
    ],
    [
      "labels: ['traefik.tcp.routers.a.rule=HostSNI(`*`)']",
      /Traefik routes TCP or UDP to it → publish the port/,
    ],
    ["enviroment: { A: b }", /enviroment → there is no such key; did you mean "environment"\?/],
    ["stop_signal: SIGUSR1", /stop_signal → there is no such key; it is left out/],
    ["runtime: runsc", /runtime → there is no such key; it is left out/],
    ["use_api_socket: true", /it uses Docker's socket, which is root on the host/],
    ["ulimits: { memlock: -1, nofile: 10 }", /ulimits: memlock → only nofile is a key/],
    ["restart: on-failure:3", /restart: on-failure:3 → a container here keeps running/],
    ["deploy: { restart_policy: { condition: none } }", /restart: none → a container here keeps/],
  ];
  for (const [keys, what, given] of asked)
    it(`asks with ${keys || "nothing said"}`, () => {
      const { entry, findings } = appOf(keys, given);
      assert.ok(entry !== undefined);
      assert.match(
        said({ findings }, "question").concat(said({ findings }, "tightened")).join("\n"),
        what,
      );
    });

  it("drops without a word what the program decides", () => {
    const plain = appOf("");
    const dropped =
      "container_name: x\nrestart: always\nlogging: {}\ncap_drop: [ALL]\nread_only: true\nsecurity_opt: ['no-new-privileges:true']\nhostname: h\ndns: [1.1.1.1]\ntty: true\nx-note: y\n";
    assert.deepEqual(appOf(dropped), plain);
  });

  it("asks for nothing that its networks rule out", () => {
    const text =
      "services: { app: { image: 'acme/app:1', networks: [inner] } }\nnetworks: { inner: { internal: true } }";
    assert.deepEqual(
      importOf(text, {
        images: { app: { user: "5", healthCheck: true } },
      }).services[0]?.findings.filter(({ kind }) => kind === "question"),
      [],
    );
  });

  it("never repeats a secret, whatever is wrong with it", () => {
    const { services, secrets } = importOf(
      `services:
  app:
    image: acme/app:1
    environment:
      DB_PASSWORD: canary-one
      URL: "pg://u:canary-two@db/x"
      "BAD NAME PASSWORD": canary-three
      LONG: cd15d6c15b0f00a0canary9f86d081884c7d659a2feaa0
    command: [serve, --password=canary-four]
    healthcheck: { test: [CMD, check, --token, canary-five] }
    env_file: [a.env]
`,
      { files: { "a.env": "SMTP_PASS=canary-six\n" } },
    );
    assert.doesNotMatch(JSON.stringify(services), /canary/);
    assert.equal(secrets.filter(({ value }) => value?.includes("canary")).length, 5 + 1);
  });
});

describe("the services of a Compose file", () => {
  it("get names that a stack accepts, and call each other by them", () => {
    const { services } = importOf(
      `services:
  Web_App: { image: "acme/web:1", environment: { DB_HOST: postgres, URL: "http://backend.internal:81/" }, depends_on: [postgres] }
  postgres: { image: "postgres:16" }
  backend: { image: "acme/api:1", container_name: backend.internal }
`,
      { project: "shop" },
    );
    assert.deepEqual(
      services.map(({ compose, name, entry }) => [compose, name, entry?.depends_on, entry?.links]),
      [
        ["Web_App", "web-app", ["shop-postgres"], ["backend"]],
        ["postgres", "shop-postgres", undefined, undefined],
        ["backend", "backend", undefined, undefined],
      ],
    );
    assert.deepEqual(services[0]?.entry?.environment, {
      DB_HOST: "shop-postgres",
      URL: "http://backend:81/",
    });
  });

  it("that write to a volume own it, the others name it", () => {
    const { services, data } = importOf(`services:
  web: { image: "acme/web:1", volumes: ["files:/srv:ro", "./media:/m"] }
  app: { image: "acme/app:1", volumes: ["files:/data", "./media:/x:ro"] }
volumes: { files: { name: real-name } }
`);
    assert.deepEqual(
      services.map(({ entry }) => entry?.volumes),
      [
        ["files:/srv:ro", "m:/m"],
        ["web.files:/data", "web.m:/x:ro"],
      ],
    );
    assert.deepEqual(
      data.map(({ from, service, volume }) => [from.replace(/^.*\//, ""), service, volume]),
      [
        ["real-name", "web", "files"],
        ["media", "web", "m"],
      ],
    );
  });

  it("that this stack has already are left out, and reached where they are now", () => {
    const { services } = importOf(
      `services:
  traefik: { image: "traefik:v3", volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"] }
  cadvisor: { image: "gcr.io/cadvisor/cadvisor:v0.49.1", privileged: true }
  prometheus: { image: "prom/prometheus:v3", volumes: ["./p.yml:/etc/prometheus/p.yml"] }
`,
      { files: { "p.yml": "targets: ['cadvisor:8080']" } },
    );
    assert.deepEqual(
      services.map(({ entry }) => entry !== undefined),
      [false, false, true],
    );
    assert.deepEqual(services[2]?.entry?.links, ["cadvisor"]);
    assert.match(
      said(services[0] ?? { findings: [] }, "changed").join(),
      /this stack's own Traefik/,
    );
  });

  it("that nobody reaches any more are told", () => {
    const { services } = importOf(
      `services:
  web: { image: "acme/app:1", ports: ["80:80"], depends_on: [worker], environment: { URL: "http://api" } }
  worker: { image: "acme/app:1" }
  api: { image: "acme/app:1" }
  ml: { image: "acme/app:1" }
`,
    );
    const told = services.filter(({ findings }) =>
      findings.some(
        ({ kind, what, instead }) =>
          kind === "tightened" &&
          what === "every service of its networks reaches it" &&
          instead === "none does; one that connects to it needs it in its links",
      ),
    );
    assert.deepEqual(
      told.map(({ name }) => name),
      ["ml"],
    );
  });

  it("have one secret for a variable, whether it comes through env_file or through a reference", () => {
    const { secrets } = importOf(
      `services:
  app: { image: "acme/app:1", env_file: [.env] }
  db: { image: "acme/app:1", environment: { POSTGRES_PASSWORD: "\${DB_PASSWORD}" } }
`,
      { files: { ".env": "DB_PASSWORD=canary\n" }, env: "DB_PASSWORD=canary\n" },
    );
    assert.deepEqual(
      secrets.map(({ name, readers }) => [name, [...readers]]),
      [["dbPassword", ["app", "db"]]],
    );
  });

  it("that run once and end are refused", () => {
    const { services } = importOf(`services:
  app: { image: "acme/app:1", depends_on: { migrate: { condition: service_completed_successfully } } }
  migrate: { image: "acme/app:1", command: migrate }
`);
    assert.match(said(services[1] ?? { findings: [] }, "refused").join(), /runs once and ends/);
    assert.match(
      said(services[0] ?? { findings: [] }, "question").join("\n"),
      /connects to migrate, which has no entry/,
    );
    assert.equal(services[0]?.entry?.depends_on, undefined);
  });

  it("that are in the stack file already are refused", () => {
    const { services } = importOf("services: { app: { image: 'acme/app:1' } }", { own: ["app"] });
    assert.match(
      said(services[0] ?? { findings: [] }, "refused").join(),
      /services\.app is in the stack file already/,
    );
  });

  it("that ask another one who somebody is have it as their login", () => {
    const { services } = importOf(`services:
  authelia:
    image: authelia/authelia:4
    labels:
      traefik.http.routers.authelia.rule: Host(\`auth.example.org\`)
      traefik.http.services.authelia.loadbalancer.server.port: 9091
      traefik.http.middlewares.sso.forwardauth.address: http://authelia:9091/api/authz/forward-auth
  app:
    image: acme/app:1
    ports: ["80:80"]
    labels: { traefik.http.routers.app.rule: "Host(\`app.example.org\`)", traefik.http.routers.app.middlewares: sso }
`);
    assert.deepEqual(services[1]?.entry?.login, {
      service: "authelia",
      path: "/api/authz/forward-auth",
    });
  });

  it("with a known image get what no Compose file says", () => {
    const { services } = importOf(`services:
  db:
    image: postgres:16-alpine
    ports: ["5432:5432"]
    environment: { POSTGRES_PASSWORD: "\${PW}" }
    healthcheck: { test: "pg_isready -U x && test -n $$POSTGRES_PASSWORD" }
  cache: { image: "redis:7", command: "redis-server --requirepass secret-of-redis" }
  grafana: { image: "grafana/grafana:11.0.0", ports: ["3000:3000"], environment: { GF_SECURITY_ADMIN_PASSWORD: x1x2x3 } }
  kuma: { image: "louislam/uptime-kuma:1", volumes: ["/var/run/docker.sock:/var/run/docker.sock"] }
  files: { image: "lscr.io/linuxserver/x:1", environment: { PUID: 1000, PASSWORD: y1y2y3 } }
`);
    const [db, cache, grafana, kuma, files] = services.map(({ entry }) => entry);
    assert.deepEqual(
      [db?.user, db?.ports, db?.environment, db?.secrets],
      ["70:70", undefined, { POSTGRES_PASSWORD_FILE: "/run/secrets/pw" }, ["pw"]],
    );
    assert.deepEqual(db?.healthcheck, {
      test: ["CMD-SHELL", "pg_isready -U x && test -n $(cat /run/secrets/pw)"],
      start_period: "60s",
    });
    assert.deepEqual(cache?.command, [
      "/bin/sh",
      "-c",
      'exec redis-server --requirepass "$(cat /run/secrets/requirepass)"',
    ]);
    assert.deepEqual(
      [grafana?.admin, grafana?.user, grafana?.environment],
      [
        true,
        "472:472",
        { GF_SECURITY_ADMIN_PASSWORD__FILE: "/run/secrets/gfSecurityAdminPassword" },
      ],
    );
    assert.deepEqual(kuma?.reads, ["containers", "container"]);
    assert.deepEqual(
      [files?.tmpfs, files?.environment?.FILE__PASSWORD],
      [["/run:exec", "/tmp:size=64m"], "/run/secrets/password"],
    );
  });

  it("with secrets that a stack refuses, or that everybody knows, are told so without these", () => {
    const { findings } = importOf(`services:
  app: { image: "acme/app:1", environment: { A_PASSWORD: canar, B_PASSWORD: changeme-canary, C_PASSWORD: " canary ", D_PASSWORD: canary-that-is-good } }
`);
    assert.deepEqual(
      findings.map(({ kind, what }) => `${kind}: ${what}`),
      [
        "question: the secret aPassword has fewer than 6 characters",
        "question: the secret bPassword is a placeholder that everybody knows",
        "question: the secret cPassword begins or ends with white space",
      ],
    );
    assert.doesNotMatch(JSON.stringify(findings), /canar/);
  });

  it("whose variables have no value are asked about once for each variable, secrets apart", () => {
    const { findings, secrets } = importOf(`services:
  app: { image: "acme/app:\${TAG}", environment: { A: "\${NAME}", B: "\${NAME}", C_PASSWORD: "\${PW}", D: "\${" } }
`);
    assert.deepEqual(
      findings.map(({ what }) => what),
      [
        "variable TAG has no value, in services.app.image",
        "variable NAME has no value, in services.app.environment.A and 1 more",
        "services.app.environment.D has a malformed variable",
      ],
    );
    assert.deepEqual(
      secrets.map(({ name, value }) => [name, value]),
      [["pw", undefined]],
    );
  });
});
