import { Document, visit } from "yaml";

/** Version 1.1 quotes what an older reader would take for something else: `no`, `70:70`, `0444`. */
const VERSION = "1.1";

/** Line breaks to a reader of YAML 1.1, as Compose's is, and what such a reader refuses (yaml.org/spec/1.1, 5.1 and 5.4). */
const ESCAPED = /[\u0085\u2028\u2029\ufeff\ufffe\uffff]/g;
/** White space at the beginning of a text may be taken for its indentation. */
const QUOTED = new RegExp(`^\\s|${ESCAPED.source}`);

/** YAML from which Compose reads every text as it is. Pure. */
export function composeYaml(value: object): string {
  const document = new Document(value, { version: VERSION });
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === "string" && QUOTED.test(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  // They are between double quotes now, where a reader knows escapes.
  return document
    .toString({ lineWidth: 0 })
    .replace(ESCAPED, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
