/** The command `npm run doctor`. */
import { Check, hasProblem, lineOf } from "../deploy/checks/check";
import { examine, examineAdoption, examineOutside } from "../deploy/checks/doctor";
import { backupChecks } from "../backup/freshness";
import { loadTarget } from "../deploy/pulumi/target";
import { tell } from "../deploy/notify";
import { asWatched, watch, watchNotices } from "../deploy/checks/watch";
import { counted } from "../../text/one-line";
import { choice, jsonText, painter, runCommand, withProgress } from "../cli/command";

void runCommand({
  help: `
npm run doctor -- [--stack S] [--format table|json] [--notify | --notify-test]

Checks everything that a deployment needs: configuration, Pulumi and its plugins, passphrase, host, Docker, disk, clock,
ports, registries, DNS, and how old the backups are.

  --stack S     the stack, Pulumi.S.yaml (default dev)
  --format F    table (default) or json
  --notify      for a timer: also compares the containers with the stack file and asks whether tags of pinned images have
                moved; sends what is wrong, and only that, to pinned-stack:notify
  --notify-test only send a test message to every entry of pinned-stack:notify

Exit code: 0 no problem (also if a check could not run: "unknown"), 1 a problem, 2 an invalid option or no such stack.
With --notify, a tag that has moved and a restore that was not proved for two days are problems. With --notify-test: 1 if a
message could not be delivered.`,
  options: {
    stack: { type: "string", default: "dev" },
    format: { type: "string", default: "table" },
    notify: { type: "boolean", default: false },
    "notify-test": { type: "boolean", default: false },
  },
  main: async ({ values: { stack, format, notify, "notify-test": test }, signal }) => {
    if (test) return sendTest(stack);
    const isJson = choice("format", format, ["table", "json"]) === "json";
    const paint = painter(process.stdout);
    const show = (check: Check): void => {
      if (!isJson) process.stdout.write(`${lineOf(check, paint)}\n`);
    };
    const findings = await examine(stack, { signal, onCheck: show });
    const { checks, loaded, config } = findings;
    const adoption = await examineAdoption(findings, signal);
    adoption.forEach(show);
    const decrypted = loaded && config && loadTarget(stack, config).config;
    const outside = await withProgress(
      "checking registries and DNS",
      examineOutside(loaded, decrypted, signal),
    );
    outside.forEach(show);
    const backups = await withProgress("asking for backups", backupChecks(loaded, signal));
    const watched = notify ? asWatched(backups) : backups;
    watched.forEach(show);
    const found =
      notify && loaded !== undefined
        ? await withProgress("looking for drift and moved tags", watch(loaded, decrypted, signal))
        : [];
    found.forEach(show);
    const all = [...checks, ...adoption, ...outside, ...watched, ...found];
    if (notify) await tell(stack, watchNotices(stack, all));
    if (isJson) process.stdout.write(jsonText({ version: 1, stack, checks: all }));
    return hasProblem(all) ? 1 : 0;
  },
});

async function sendTest(stack: string): Promise<number> {
  const warnings: string[] = [];
  const warn = (line: string): void => {
    warnings.push(line);
    process.stderr.write(`${line}\n`);
  };
  const title = `${stack}: test message`;
  const lines = ["This is a test. Nothing is wrong."];
  const delivered = await tell(stack, [{ event: "test", title, lines }], { warn });
  if (delivered === 0 && warnings.length === 0) warn("nobody is named in pinned-stack:notify");
  else process.stdout.write(`${counted(delivered, "message")} delivered\n`);
  return warnings.length === 0 ? 0 : 1;
}
