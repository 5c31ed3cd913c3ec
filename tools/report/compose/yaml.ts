import { Document, visit } from "yaml";

/** Version 1.1 quotes what an older reader would take for something else: `no`, `70:70`, `0444`. */
const VERSION = "1.1";

/**
 * Line breaks to a reader of YAML 1.1, as Compose's is, what such a reader refuses (yaml.org/spec/1.1, 5.1 and 5.4), and
 * what would show people the text in another order than programs read it.
 */
const ESCAPED = /[\u0085\u2028\u2029\ufeff\ufffe\uffff\p{Bidi_Control}]/gu;
/** Merges and defaults of YAML 1.1 (yaml.org/type), and numbers as Go reads them: `0o7`, `1e1_0`. */
const MEANT = /^(?:<<|=|[-+]?(?:0[box]|[\d._]+e)\S*)$/i;
/** White space at the beginning of a text may be taken for its indentation. */
const QUOTED = new RegExp(`^\\s|${ESCAPED.source}`, "u");

/** YAML from which Compose reads every text as it is. Pure. */
export function composeYaml(value: object): string {
  const document = new Document(value, {
    version: VERSION,
    aliasDuplicateObjects: false,
    // The library writes `<<` without quotes wherever it knows of merges.
    customTags: (tags) =>
      tags.filter((tag) => typeof tag === "string" || tag.tag !== "tag:yaml.org,2002:merge"),
  });
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value !== "string") return;
      if (QUOTED.test(node.value) || MEANT.test(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  // They are between double quotes now, where a reader knows escapes.
  return document
    .toString({ lineWidth: 0 })
    .replace(ESCAPED, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
