/** Entries as YAML, and the text of a stack file with entries added. Pure. */
import { Document, isMap, isScalar, visit, type Node } from "yaml";

import { fullKey, parseStackYaml, spellings, StackFileError } from "../../config/file/yaml";
import { type Entry } from "./entry";

export interface NewEntries {
  readonly images: Readonly<Record<string, string>>;
  readonly services: Readonly<Record<string, Entry>>;
}

/** The entries as they would be in a stack file. */
export function entriesYaml({ images, services }: NewEntries): string {
  const document = new Document({});
  document.contents = nodeOf(document, {
    config: { [fullKey("images")]: images, [fullKey("services")]: services },
  });
  return escaped(document.toString({ lineWidth: 0, flowCollectionPadding: false }));
}

/**
 * The text of a stack file with entries added to `images` and `services`. Everything else stays. Throws a
 * {@link StackFileError} if the file has no map of images, or an entry of the same name.
 */
export function addEntries(text: string, { images, services }: NewEntries): string {
  const document = parseStackYaml(text);
  for (const [key, entries] of [
    ["images", images],
    ["services", services],
  ] as const) {
    const at = spellings(key).find((spelling) => document.hasIn(["config", spelling]));
    const path = ["config", at ?? fullKey(key)];
    const given = document.getIn(path, true);
    if (given === undefined || (isScalar(given) && given.value === null))
      document.setIn(path, nodeOf(document, entries));
    else if (!isMap(given) || given.anchor !== undefined)
      throw new StackFileError(
        `${fullKey(key)}: expected a map without an anchor, so that entries can be added`,
      );
    else {
      // `{}` on one line would hold whole entries on one line, too.
      given.flow = false;
      for (const [name, entry] of Object.entries(entries)) {
        if (given.has(name)) throw new StackFileError(`${fullKey(key)}.${name}: is there already`);
        given.add(document.createPair(name, nodeOf(document, entry as unknown)));
      }
    }
  }
  return document.toString({ lineWidth: 0 });
}

/** Texts that no YAML parser takes for anything else, of this or an older version of YAML. */
const PLAIN =
  /^(?!(?:y|n|yes|no|on|off|true|false|null)$)(?!.*:\s)[A-Za-z/](?:[\w ./@:-]*[\w./@-])?$/i;
/** Characters that end a line for some parsers, or that could reorder the text on a terminal. */
const UNPRINTABLE = /[^\P{Cc}\n\t]|[\u2028\u2029\ufeff]|\p{Bidi_Control}/u;
/** Those of them that the library leaves as they are. */
const UNESCAPED = /[\u0080-\u009f\u2028\u2029\ufeff]|\p{Bidi_Control}/gu;

/** They are in texts in double quotes only. */
const escaped = (yaml: string): string =>
  yaml.replace(UNESCAPED, (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);

/** Lists up to this long are on one line. */
const ONE_LINE = 80;

/** A value as YAML with short lists on one line, and quotes around every text that might be read as something else. */
function nodeOf(document: Document | Document.Parsed, value: unknown): Node {
  const node = document.createNode(value, { aliasDuplicateObjects: false }) as Node;
  visit(node, {
    Scalar: (key, scalar) => {
      if (key === "key" || typeof scalar.value !== "string") return;
      if (/\n/.test(scalar.value) && !UNPRINTABLE.test(scalar.value)) scalar.type = "BLOCK_LITERAL";
      else if (!PLAIN.test(scalar.value)) scalar.type = "QUOTE_DOUBLE";
    },
    Seq: (_, list) => {
      const isShort = list.items.every(
        (item) => isScalar(item) && !String(item.value).includes("\n"),
      );
      const length = list.items.reduce(
        (sum: number, item) => sum + (isScalar(item) ? String(item.value).length + 4 : 0),
        0,
      );
      if (isShort && length <= ONE_LINE) list.flow = true;
    },
  });
  return node;
}
