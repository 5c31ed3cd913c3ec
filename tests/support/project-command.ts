/** The commands of package.json, as the tests start them. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

type Name =
  | "preview"
  | "pin"
  | "verify"
  | "report"
  | "import"
  | "doctor"
  | "deploy"
  | "drift"
  | "backup"
  | "restore";

const { scripts } = JSON.parse(readFileSync(resolve("package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<Name, string>>;
};

/** What follows `node` where npm runs one of the project's commands, in the project's folder. Without npm in between. */
export const commandWords = (name: Name): readonly string[] => scripts[name].split(" ").slice(1);
