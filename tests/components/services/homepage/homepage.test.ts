import { datelessLines } from "../../../../images/known/known";
import { parseReference } from "../../../../images/reference";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

import { StackModel } from "../../../../components/model";
import { renderDetails, renderPage } from "../../../../components/services/homepage/page";
import { STYLE } from "../../../../components/services/homepage/style";
import { PROJECT_FOLDER } from "../../../../tools/cli/command";
import { expectHardened } from "../../../support/hardened";
import { containerOf, fileOf, modelOf, realServices, service } from "../../../support/small-stack";

const FOLDER = "/srv/homepage";
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
  }
  server {
    listen 8081;
    root /srv/homepage;
    absolute_redirect off;
    add_header Content-Security-Policy "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" always;
    add_header Cache-Control "no-cache" always;
    sub_filter '<!-- deployed -->' 'As deployed on $sent_http_last_modified.';
    sub_filter_last_modified on;
    location / { return 404; }
    location /details/ { }
    location = /details { return 301 /details/; }
  }
}
`;
/** Without the second server, that of the administrators. */
const OWN_NGINX = NGINX.replace(/ {2}server \{\n {4}listen 8081;[^]*?\n {2}\}\n/, "");
const OWN_POLICY = "frame-ancestors 'self'; base-uri 'self'";

const homepage = (model: StackModel) => containerOf(model, "homepage");

describe("the homepage", () => {
  const model = modelOf([...realServices("homepage"), service("other")]);

  it("is nginx as its own user under the whole policy, with files to read", () => {
    expectHardened(homepage(model), {
      controls: { user: "101:101", memoryMiB: 64, cpus: 0.25 },
      mounts: [
        "files homepage-config /etc/homepage: nginx.conf",
        `files homepage-files ${FOLDER}: site/index.html site/style.css details/index.html`,
      ],
      tmpfs: { "/run": 1, "/var/cache/nginx": 16 },
    });
  });

  it("is open to everybody, and its page of details to administrators, on another port", () => {
    const [route] = model.ingress.routes;
    assert.deepEqual([route?.target, route?.admin], ["http://homepage:8080", false]);
    assert.deepEqual(route?.adminPaths, [{ path: "/details", target: "http://homepage:8081" }]);
  });

  it("has no page of details, no port and no link for it, where there are no administrators", () => {
    const open = modelOf(realServices("homepage"), { adminAllow: [] });
    const [config, mount] = homepage(open).mounts;
    assert.ok(mount?.kind === "files" && mount.live === true);
    assert.deepEqual(Object.keys(mount.files), ["site/index.html", "site/style.css"]);
    // The first administrator does not replace the container.
    assert.deepEqual(config, homepage(model).mounts[0]);
    assert.doesNotMatch(fileOf(homepage(open), `${FOLDER}/site/index.html`), /details/);
    assert.equal(open.ingress.routes[0]?.adminPaths, undefined);
  });

  it("serves the page of its stack, with a policy that allows nothing else", () => {
    const { containers } = model;
    const services = ["homepage", "other"].map((name) => ({
      service: name,
      image: containerOf(model, name).image,
      ...(name === "homepage" && { url: "http://homepage.example.test/" }),
      admin: false,
      ...(name === "homepage" && {
        known: datelessLines(parseReference(containerOf(model, name).image), []),
      }),
    }));
    const stack = { stack: "test", containers, services };
    assert.equal(
      fileOf(homepage(model), `${FOLDER}/site/index.html`),
      renderPage(stack, "/details/"),
    );
    assert.equal(fileOf(homepage(model), `${FOLDER}/details/index.html`), renderDetails(stack));
    assert.equal(fileOf(homepage(model), `${FOLDER}/site/style.css`), STYLE);
    assert.equal(fileOf(homepage(model), "/etc/homepage/nginx.conf"), NGINX);
    const policy = model.ingress.routes[0]?.contentSecurityPolicy ?? assert.fail();
    assert.ok(NGINX.includes(`Content-Security-Policy "${policy}"`));
  });

  it("serves the user's own files instead, which only their own site may frame", () => {
    const folder = mkdtempSync(join(tmpdir(), "homepage-"));
    try {
      writeFileSync(join(folder, "index.html"), "<h1>Mine</h1>");
      // Beside the real one, not over it.
      writeFileSync(join(folder, "nginx.conf"), "evil");
      const own = modelOf(realServices("homepage"), {
        services: { homepage: { options: { folder: relative(PROJECT_FOLDER, folder) } } },
      });
      const mount = homepage(own).mounts[1];
      assert.ok(mount?.kind === "files");
      assert.deepEqual(mount.files, {
        "site/index.html": { base64: Buffer.from("<h1>Mine</h1>").toString("base64") },
        "site/nginx.conf": { base64: Buffer.from("evil").toString("base64") },
      });
      const nginx = fileOf(homepage(own), "/etc/homepage/nginx.conf");
      assert.equal(nginx, OWN_NGINX.replace(/Policy ".*"/, `Policy "${OWN_POLICY}"`));
      assert.equal(own.ingress.routes[0]?.contentSecurityPolicy, OWN_POLICY);
      assert.equal(own.ingress.routes[0].adminPaths, undefined);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
