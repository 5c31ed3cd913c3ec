/** The script that replaces the files of a live volume. Pure. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { base64Lines, quote } from "../../host/shell-quote";
import { FileContent, FilesMount } from "./model";

/** Name of the command that writes the files of live volume `name`. */
export const writeName = (name: string): string => `${name}-write`;

const LIBRARY = readFileSync(join(__dirname, "files.sh"), "utf8");

/**
 * Shell text that replaces the files of a volume, each by one rename, once all of them are there: a script that fails or is cut
 * off before that changes nothing. No shell reads paths or contents, which are base64.
 *
 * @param volume shell text of the volume's name
 */
export function replaceFilesScript(
  volume: string,
  image: string,
  files: FilesMount["files"],
): string {
  const entries = Object.entries(files).map(([path, content]) => {
    const bytes = bytesOf(content);
    return { path: base64(path), size: bytes.length, lines: base64Lines(bytes) };
  });
  return `docker run --rm -i --label hardened.role=helper --network none --user 0:0 --cap-drop ALL --security-opt no-new-privileges --read-only --tmpfs /tmp --memory 256m --memory-swap 256m --pids-limit 50 --volume ${volume}:/files --entrypoint /bin/sh ${quote(image)} -s <<'FILES'
${LIBRARY}${entries.map(({ path, size, lines }) => `put ${path} ${size} <<'END'\n${lines}END\n`).join("")}replace() {
${entries.map(({ path }) => `place ${path}\n`).join("")}remove_others
}
replace
FILES
`;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function bytesOf(content: FileContent): Buffer {
  if (typeof content === "string") return Buffer.from(content);
  if ("base64" in content) return Buffer.from(content.base64, "base64");
  throw new Error(`${content.secret}: secrets cannot be live`);
}
