import * as pulumi from "@pulumi/pulumi";

import { FileContent, FileVolume } from "../../hardened/file-volume";
import { controlsWith, restrictionRow, RestrictionRow } from "../../hardened/policy";
import { HardenedContainer } from "../../hardened/container";
import { DEPLOYED_MARK, PageService, renderPage, STYLE } from "./page";
import { Service, ServiceArgs } from "../service";
import { Route } from "../traefik/config";

export interface HomepageArgs extends ServiceArgs {
  /** What the generated page shows, given its own row of the restrictions table. */
  readonly pageServices: (self: RestrictionRow) => readonly PageService[];
  /** The user's own site instead of the generated page: paths below the site's root, with an index.html. */
  readonly site?: Readonly<Record<string, FileContent>>;
}

/** nginx's own user in the official image. */
const USER = "101:101";
const PORT = 8080;
const FOLDER = "/srv/homepage";

/** The start page: generated from the stack, or the user's own files. It has no state, so a new one starts first. */
export class Homepage extends pulumi.ComponentResource implements Service {
  readonly containers: readonly HardenedContainer[];

  static route(host: string): Route {
    return { service: "homepage", host, url: `http://homepage:${PORT}`, admin: false };
  }

  constructor(args: HomepageArgs, opts: pulumi.ComponentResourceOptions) {
    const name = `${args.stack}-homepage`;
    super("pinned-stack:index:Homepage", name, {}, opts);
    const measures = { user: USER, memoryMiB: 64, cpus: 0.25, ...args.measures };
    const files = new FileVolume(
      `${name}-files`,
      {
        stack: args.stack,
        service: "homepage",
        path: FOLDER,
        files: {
          "nginx.conf": nginxConfig(args.site === undefined),
          ...prefixed("site/", args.site ?? this.#generated(args, measures)),
        },
        image: args.image,
        after: args.after,
      },
      { parent: this },
    );
    const container = new HardenedContainer(
      args.stack,
      {
        name: "homepage",
        image: args.image,
        measures,
        exemptions: args.exemptions,
        command: ["nginx", "-c", `${FOLDER}/nginx.conf`, "-g", "daemon off;"],
        files: [files],
        scratchMiB: { "/run": 1, "/var/cache/nginx": 16 },
        health: {
          // 127.0.0.1, because BusyBox tries only the first address of localhost, and that is ::1.
          command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PORT}/`],
          startSeconds: 10,
        },
        networks: [args.networks.link("traefik", "homepage")],
        after: args.after,
      },
      { parent: this },
    );
    this.containers = [container];
    this.registerOutputs({});
  }

  #generated(args: HomepageArgs, measures: ServiceArgs["measures"]): Record<string, string> {
    const controls = controlsWith("homepage", measures, args.exemptions);
    const self = restrictionRow("homepage", "homepage", controls, args.exemptions);
    const page = renderPage({ stack: args.stack, services: args.pageServices(self) });
    return { "index.html": page, "style.css": STYLE };
  }
}

const prefixed = (
  prefix: string,
  files: Readonly<Record<string, FileContent>>,
): Record<string, FileContent> =>
  Object.fromEntries(Object.entries(files).map(([path, content]) => [prefix + path, content]));

/** The generated page needs nothing but its own style sheet, so its policy allows nothing else. */
const GENERATED_POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const OWN_POLICY = "frame-ancestors 'self'; base-uri 'self'";

/** The files are written by the deployment that changed them, so their age is that of what the page tells. */
const DEPLOYED = `    sub_filter '${DEPLOYED_MARK}' 'As deployed on $sent_http_last_modified.';
    sub_filter_last_modified on;
`;

const nginxConfig = (generated: boolean): string => `worker_processes 1;
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
    listen ${PORT};
    root ${FOLDER}/site;
    add_header Content-Security-Policy "${generated ? GENERATED_POLICY : OWN_POLICY}" always;
    add_header Cache-Control "no-cache" always;
${generated ? DEPLOYED : ""}  }
}
`;
