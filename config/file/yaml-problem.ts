import type { ErrorCode } from "yaml";

/** What to do about YAML that cannot be read. No word of the text: a secret may stand there that nobody has encrypted yet. */
const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  DUPLICATE_KEY: "a key is there twice in one map, remove one of them",
  MULTIPLE_DOCS: 'there is more than one document, remove the line "---" and what follows',
  TAB_AS_INDENT: "indent with spaces, not with tabs",
  BAD_INDENT: "indent what belongs together alike",
  RESOURCE_EXHAUSTION: "it is nested too deeply",
};

export const yamlProblem = (code: ErrorCode): string =>
  `no valid YAML (${code}): ${ADVICE[code] ?? "put texts with special characters in quotes"}`;
