/** `npm run pin -- --check` for a folder of the bench: what a person waits for, Node's own start included. */
import { runCommand } from "../../../tools/cli/command";
import { runPin } from "../../../tools/pin/run";

void runCommand({
  help: "pin-command FOLDER",
  options: {},
  words: true,
  main: ({ words: [folder = ""], signal }) =>
    runPin({
      stack: "bench",
      words: [],
      check: true,
      all: false,
      format: "json",
      folder,
      signal,
      out: process.stdout,
      err: process.stderr,
      paint: (_style, text) => text,
    }),
});
