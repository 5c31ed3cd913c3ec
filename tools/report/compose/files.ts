/** The files that the program brings into volumes, as inline configs of a Compose file. Pure. */
import { ContainerInputs, inStack, RecordedContainer } from "../../model/containers";
import { plain } from "./text";

export interface ComposeFile {
  /** Its name in the Compose file; no other file has it. */
  readonly name: string;
  /** The resource of the helper that brings it. */
  readonly helper: string;
  readonly target: string;
  readonly content: string;
}

export class ComposeError extends Error {
  override readonly name = "ComposeError";
}

/** Throws a {@link ComposeError} that names all files which are no text. */
export function composeFiles(helpers: readonly RecordedContainer[], stack: string): ComposeFile[] {
  const uploads = helpers.flatMap(({ resource, inputs }) =>
    (inputs.uploads ?? []).map((upload) => ({ resource, file: upload.file, text: textOf(upload) })),
  );
  const bytes = uploads.filter(({ text }) => text === undefined).map(({ file }) => file);
  if (bytes.length > 0)
    throw new ComposeError(
      `${bytes.join(", ")}: a Compose file holds no bytes, only texts; leave services.homepage.folder out for the export and mount your site yourself`,
    );
  const names = unique(
    uploads.map(({ resource, file }) => {
      const prefix = inStack(resource, stack).replace(/-loader$/, "");
      return `${prefix}-${file.slice(1).replace(/[^A-Za-z0-9._-]+/g, "-")}`;
    }),
  );
  return uploads.map(({ resource, file, text }, index) => ({
    name: names[index] ?? "",
    helper: resource,
    target: plain(file),
    content: plain(text ?? ""),
  }));
}

/** Undefined for bytes that are no UTF-8. */
function textOf({
  content,
  contentBase64 = "",
}: NonNullable<ContainerInputs["uploads"]>[number]): string | undefined {
  if (content !== undefined) return content;
  const bytes = Buffer.from(contentBase64, "base64");
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
}

/** Texts, with a number at the end of those that were there before. */
function unique(texts: readonly string[]): string[] {
  const taken = new Set<string>();
  return texts.map((text) => {
    let free = text;
    for (let n = 2; taken.has(free); n++) free = `${text}-${n}`;
    taken.add(free);
    return free;
  });
}
