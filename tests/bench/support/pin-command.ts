/** `npm run pin -- --check` for a folder of the bench: what a person waits for, Node's own start included. */
import { runCommand } from "../../../tools/cli/command";
import { runPin } from "../../../tools/pin/run";

void runCommand({
  help: "pin-command FOLDER",
  options: {},
  allowPositionals: true,
  main: ({ positionals: [folder = ""], signal }) =>
    runPin({
      stack: "bench",
      args: [],
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
