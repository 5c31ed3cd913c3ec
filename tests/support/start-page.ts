/** The generated start page of the dev stack, as it would be on a day after a first deployment. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";

import { recordedContainers } from "../../tools/model/containers";
import { readStackFile } from "../../config/file/read";
import { synth } from "../../tools/model/synth";

/** Where the homepage mounts its files. */
export const FOLDER = "/srv/homepage";

/** The homepage's files by path below {@link FOLDER}, nginx's configuration among them. */
export async function startPageFiles(): Promise<Readonly<Record<string, string>>> {
  const model = await synth(readStackFile("dev", resolve(".")), {
    placeholders: true,
    today: "2026-11-25",
  });
  const loader = recordedContainers(model).find(
    ({ resource }) => resource === "dev-homepage-files-loader",
  );
  return Object.fromEntries(
    (loader?.inputs.uploads ?? []).map(({ file, content }) => [
      file.slice(FOLDER.length + 1),
      content ?? "",
    ]),
  );
}

/** One line for a file beside pictures of the page: another line means that they are of another page. */
export const fingerprint = (files: Readonly<Record<string, string>>): string => {
  const text = JSON.stringify([files["site/index.html"], files["site/style.css"]]);
  return `${createHash("sha256").update(text).digest("hex")}\n`;
};

/** Beside the pictures. */
export const FINGERPRINT = "docs/images/homepage.sha256";
