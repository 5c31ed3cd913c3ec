/** The start page as a service: nginx with the pages of page.ts, or with the user's own site. */
import { resolve } from "node:path";

import { textLike } from "../../../text/messages";
import { FileContent } from "../../hardened/model";
import { defineService, DerivedContent } from "../definition";
import { STATUS } from "../backup/saved";
import { DEPLOYED_MARK, renderDetails, renderPage } from "./page";
import { siteFiles } from "./site";
import { STYLE } from "./style";

const PORT = 8080;
/** For administrators: another port, so that no spelling of a path leads from the public page to it. */
const DETAILS_PORT = 8081;
const DETAILS = "/details";
const FOLDER = "/srv/homepage";
const CONFIG = { folder: "/etc/homepage", file: "nginx.conf" } as const;
/** The text about backups, which the container backup writes. */
const BACKUPS_FOLDER = "/srv/backups";
const PROJECT_FOLDER = resolve(__dirname, "..", "..", "..");

/**
 * The start page: generated from the stack, or the user's own files. The generated one names the services; their images and
 * restrictions are on a second page for administrators.
 */
export const homepage = defineService({
  name: "homepage",
  options: {
    /** Folder with the user's own site, relative to the project. Default: the generated page. */
    folder: textLike("the path of a folder", /./).optional(),
  },
  image: { diskMiB: 60 },
  route: {
    target: PORT,
    admin: false,
    atDomain: true,
    adminPaths: ({ folder }) =>
      folder === undefined ? [{ path: DETAILS, target: DETAILS_PORT }] : [],
  },
  containers: ({ options: { folder }, adminAllow, backup }) => {
    const hasDetails = folder === undefined && adminAllow.length > 0;
    const hasBackups = folder === undefined && backup !== undefined;
    const policy = folder === undefined ? GENERATED_POLICY : OWN_POLICY;
    const site: Readonly<Record<string, SiteFile>> =
      folder === undefined
        ? {
            "index.html": (stack) => renderPage(stack, hasDetails ? `${DETAILS}/` : undefined),
            "style.css": STYLE,
          }
        : siteFiles(resolve(PROJECT_FOLDER, folder));
    return [
      {
        // The user `nginx` in the official image.
        user: "101:101",
        memoryMiB: 64,
        cpus: 0.25,
        command: ["nginx", "-c", `${CONFIG.folder}/${CONFIG.file}`, "-g", "daemon off;"],
        files: {
          config: {
            path: CONFIG.folder,
            files: { [CONFIG.file]: nginxConfig(policy, folder === undefined, hasBackups) },
          },
          files: {
            path: FOLDER,
            live: true,
            files: {
              ...Object.fromEntries(
                Object.entries(site).map(([path, content]) => [`site/${path}`, content]),
              ),
              ...(hasDetails && { [`${DETAILS.slice(1)}/index.html`]: renderDetails }),
            },
          },
        },
        ...(hasBackups && {
          data: { backups: { path: BACKUPS_FOLDER, readOnly: true, of: STATUS.volume } },
        }),
        tmpfs: { "/run": 1, "/var/cache/nginx": 16 },
        health: {
          // Not localhost: BusyBox tries only its first address, which is ::1.
          command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PORT}/`],
          startSeconds: 10,
        },
        contentSecurityPolicy: policy,
      },
    ];
  },
});

type SiteFile = Exclude<FileContent, { readonly secret: string }> | DerivedContent;

/** The generated page uses only its own style sheet and an inline icon. */
const GENERATED_POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const OWN_POLICY = "frame-ancestors 'self'; base-uri 'self'";

const headers = (
  policy: string,
): string => `    add_header Content-Security-Policy "${policy}" always;
    add_header Cache-Control "no-cache" always;
`;

/**
 * There without administrators, too, so that the first of them does not replace the container. Shows the Last-Modified header:
 * a deployment writes the files only when a page has changed.
 */
const detailsServer = (policy: string, hasBackups: boolean): string => `  server {
    listen ${DETAILS_PORT};
    root ${FOLDER};
    absolute_redirect off;
${headers(policy)}    sub_filter '${DEPLOYED_MARK}' 'As deployed on $sent_http_last_modified.';
    sub_filter_last_modified on;
    location / { return 404; }
    location ${DETAILS}/ { }
${hasBackups ? BACKUPS : ""}    location = ${DETAILS} { return 301 ${DETAILS}/; }
  }
`;

/** As plain text: what another container has written is no page. */
const BACKUPS = `    location = ${DETAILS}/${STATUS.file} { alias ${BACKUPS_FOLDER}/${STATUS.file}; types { } default_type "text/plain; charset=utf-8"; }
`;

const nginxConfig = (
  policy: string,
  hasDetails: boolean,
  hasBackups: boolean,
): string => `worker_processes 1;
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
${headers(policy)}  }
${hasDetails ? detailsServer(policy, hasBackups) : ""}}
`;
