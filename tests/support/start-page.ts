/** The dev stack as README and docs/images show it: its map, and its start page on a day after a first deployment. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";

import { describeStack } from "../../components/describe";
import { StackModel } from "../../components/model";
import { DEFINITIONS } from "../../components/services";
import { readStackFile } from "../../config/file/read";
import { loadStack } from "../../tools/model/load";

/** Where the homepage mounts its files. */
export const FOLDER = "/srv/homepage";

/** The services in the pictures. Another one changes map and page, but pictures need not show all of them. */
const SHOWN = new Set(
  "traefik socket-proxy homepage portainer n8n n8n-runners postgres cadvisor".split(" "),
);

export function shownStack(): StackModel {
  const { config } = loadStack(readStackFile("dev", resolve(".")), { placeholders: true });
  const since = Object.fromEntries(Object.keys(config.images).map((name) => [name, "2026-11-25"]));
  const shown = DEFINITIONS.filter(({ name }) => SHOWN.has(name));
  return describeStack(config, config.images, since, shown);
}

/** The homepage's files by path below {@link FOLDER}, nginx's configuration among them. */
export function startPageFiles(): Readonly<Record<string, string>> {
  const mounts = shownStack().containers.find(({ name }) => name === "homepage")?.mounts ?? [];
  return Object.fromEntries(
    mounts.flatMap((mount) =>
      mount.kind === "files"
        ? Object.entries(mount.files).map(([file, content]) => [
            file,
            typeof content === "string" ? withoutFacts(content) : "",
          ])
        : [],
    ),
  );
}

/** What is known of versions is renewed every week; the pictures stay. */
const withoutFacts = (page: string): string =>
  page.replace(/\n<div><dt>Known<\/dt><dd>.*<\/dd><\/div>/g, "");

/** One line for a file beside pictures of the pages: another line means that they are of other pages. */
export const fingerprint = (files: Readonly<Record<string, string>>): string => {
  const shown = ["site/index.html", "details/index.html", "site/style.css"];
  const text = JSON.stringify(shown.map((file) => files[file]));
  return `${createHash("sha256").update(text).digest("hex")}\n`;
};

/** Beside the pictures. */
export const FINGERPRINT = "docs/images/homepage.sha256";
