/** YAML for Compose. Pure. */
import { Document, visit } from "yaml";

/** Version 1.1 quotes strings that a YAML 1.1 parser would read as another type: `no`, `70:70`, `0444`. */
const VERSION = "1.1";

/**
 * Line breaks and invalid characters for a YAML 1.1 parser, such as that of Compose (yaml.org/spec/1.1, 5.1 and 5.4), and
 * bidirectional controls, which would display the text in another order.
 */
const ESCAPED = /[\u0085\u2028\u2029\ufeff\ufffe\uffff\p{Bidi_Control}]/gu;
/** Merge keys and defaults of YAML 1.1 (yaml.org/type), and number formats of Go: `0o7`, `1e1_0`. */
const SPECIAL = /^(?:<<|=|[-+]?(?:0[box]|[\d._]+e)\S*)$/i;
/** Leading white space would be read as indentation. */
const QUOTED = new RegExp(`^\\s|${ESCAPED.source}`, "u");

/** YAML whose strings Compose reads unchanged. Pure. */
export function composeYaml(value: object): string {
  const document = new Document(value, {
    version: VERSION,
    aliasDuplicateObjects: false,
    // With this tag, the library would write `<<` without quotes.
    customTags: (tags) =>
      tags.filter((tag) => typeof tag === "string" || tag.tag !== "tag:yaml.org,2002:merge"),
  });
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value !== "string") return;
      if (QUOTED.test(node.value) || SPECIAL.test(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  // All of these are inside double quotes now, where escapes are valid.
  return document
    .toString({ lineWidth: 0 })
    .replace(ESCAPED, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
