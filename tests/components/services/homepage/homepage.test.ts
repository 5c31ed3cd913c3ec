import assert from "node:assert/strict";

import { Homepage, HomepageArgs } from "../../../../components/services/homepage/homepage";
import { STYLE } from "../../../../components/services/homepage/page";
import { RestrictionRow } from "../../../../components/hardened/policy";
import { CONTAINER } from "../../../../tools/model/synth";
import { only, record } from "../../../support/pulumi-mocks";
import { IMAGES } from "../../../support/raw-config";
import { serviceArgs } from "../../../support/service-args";

const run = (said: Partial<HomepageArgs> = {}) =>
  record(() => new Homepage({ ...serviceArgs("homepage"), pageServices: () => [], ...said }, {}));

interface Upload {
  readonly file: string;
  readonly content?: string;
  readonly permissions: string;
}

const uploads = async (said?: Partial<HomepageArgs>): Promise<readonly Upload[]> =>
  only((await run(said)).resources, CONTAINER, "test-homepage-files-loader").inputs
    .uploads as Upload[];

const NGINX = `worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 512; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log /dev/stdout;
  server_tokens off;
  sendfile on;
  client_max_body_size 1k;
  server {
    listen 8080;
    root /srv/homepage/site;
    add_header Content-Security-Policy "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" always;
    add_header Cache-Control "no-cache" always;
    sub_filter '<!-- deployed -->' 'As deployed on $sent_http_last_modified.';
    sub_filter_last_modified on;
  }
}
`;

describe("the homepage", () => {
  it("is reached by everybody, through Traefik", () => {
    assert.deepEqual(Homepage.route("example.test"), {
      service: "homepage",
      host: "example.test",
      url: "http://homepage:8080",
      admin: false,
    });
  });

  it("runs nginx as its own user under the whole policy, the new one first", async () => {
    const { resources, value } = await run();
    const container = only(resources, CONTAINER, "test-homepage");
    assert.deepEqual(container.inputs, {
      image: IMAGES.homepage,
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "homepage" },
        { label: "pinned-stack.container", value: "homepage" },
        { label: "pinned-stack.role", value: "service" },
        { label: "pinned-stack.pids-limit", value: "200" },
      ],
      command: ["nginx", "-c", "/srv/homepage/nginx.conf", "-g", "daemon off;"],
      envs: [],
      stopTimeout: 10,
      destroyGraceSeconds: 10,
      user: "101:101",
      capabilities: { drops: ["ALL"], adds: [] },
      readOnly: true,
      securityOpts: ["no-new-privileges:true"],
      privileged: false,
      ipcMode: "private",
      init: false,
      memory: 64,
      memorySwap: 64,
      cpus: "0.25",
      ulimits: [{ name: "nofile", soft: 4096, hard: 4096 }],
      restart: "unless-stopped",
      logDriver: "json-file",
      logOpts: { "max-size": "10m", "max-file": "3" },
      volumes: [
        { volumeName: "test-homepage-files", containerPath: "/srv/homepage", readOnly: true },
      ],
      tmpfs: {
        "/run": "rw,noexec,nosuid,nodev,size=1m,uid=101,gid=101",
        "/var/cache/nginx": "rw,noexec,nosuid,nodev,size=16m,uid=101,gid=101",
      },
      healthcheck: {
        tests: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"],
        interval: "5s",
        timeout: "5s",
        retries: 5,
        startPeriod: "10s",
      },
      wait: true,
      waitTimeout: 40,
      networksAdvanced: [{ name: "test-traefik-homepage", aliases: ["homepage"] }],
      ports: [],
    });
    assert.equal(container.options.deleteBeforeReplace, false);
    assert.deepEqual(container.options.dependsOn, ["test-homepage", "test-homepage-files-loader"]);
    assert.equal(value.containers[0]?.restrictions.status, "hardened");
  });

  it("serves the generated page, with a policy that allows nothing but that", async () => {
    const files = await uploads();
    assert.deepEqual(
      files.map(({ file, permissions }) => [file, permissions]),
      [
        ["/srv/homepage/nginx.conf", "0444"],
        ["/srv/homepage/site/index.html", "0444"],
        ["/srv/homepage/site/style.css", "0444"],
      ],
    );
    assert.equal(files[0]?.content, NGINX);
    assert.match(files[1]?.content ?? "", /^<!doctype html>\n<html lang="en">/);
    assert.equal(files[2]?.content, STYLE);
  });

  it("shows on the page what really applies to the homepage itself", async () => {
    let seen: RestrictionRow | undefined;
    const { value } = await run({
      measures: { memoryMiB: 96 },
      pageServices: (self) => {
        seen = self;
        return [];
      },
    });
    assert.equal(seen?.memoryMiB, 96);
    assert.deepEqual(seen, value.containers[0]?.restrictions);
  });

  it("serves the user's own files instead, bytes as they are, framed by itself only", async () => {
    const files = await uploads({
      site: { "index.html": "<h1>Mine</h1>", "img/logo.png": { base64: "iVBORw0KGgo=" } },
      pageServices: () => {
        throw new Error("nothing is generated");
      },
    });
    assert.deepEqual(files.slice(1), [
      { file: "/srv/homepage/site/index.html", content: "<h1>Mine</h1>", permissions: "0444" },
      {
        file: "/srv/homepage/site/img/logo.png",
        contentBase64: "iVBORw0KGgo=",
        permissions: "0444",
      },
    ]);
    assert.equal(
      files[0]?.content,
      NGINX.replace(
        /Content-Security-Policy ".*"/,
        `Content-Security-Policy "frame-ancestors 'self'; base-uri 'self'"`,
      ).replace(/ *sub_filter.*\n/g, ""),
    );
  });

  it("cannot be replaced by a file of the user's own site that leaves its folder", async () => {
    const files = await uploads({ site: { "index.html": "a", "nginx.conf": "evil" } });
    assert.deepEqual(
      files.map(({ file, content }) => [file, content === "evil"]),
      [
        ["/srv/homepage/nginx.conf", false],
        ["/srv/homepage/site/index.html", false],
        ["/srv/homepage/site/nginx.conf", true],
      ],
    );
  });
});
