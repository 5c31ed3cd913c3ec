import { resolve } from "node:path";

import { readStackFile, StackFile } from "../../model/stack-file";

/** The stack of the golden files of reports: tests/golden/Pulumi.golden.yaml. */
export const goldenStack = (): StackFile => readStackFile("golden", resolve("tests/golden"));
