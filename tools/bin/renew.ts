/** The command `npm run renew`. */
import { KNOWN_FOLDER } from "../../images/known/data";
import { runCommand, surroundings } from "../cli/command";
import { runRenew } from "../trust/renew/run";

void runCommand({
  help: `
npm run renew

Renews the dated facts about versions in images/known/: ends of lines from endoflife.date, and advisories from OSV. What a source
does not answer keeps its old facts with their date. Review the change with "git diff". For people who maintain the files; the
scheduled workflow runs it every week.

Exit code: 0 every source answered, 2 one did not.`,
  options: {},
  main: ({ signal }) =>
    runRenew({
      ...surroundings(signal),
      folder: KNOWN_FOLDER,
      endOfLife: "https://endoflife.date",
      osv: "https://api.osv.dev",
    }),
});
