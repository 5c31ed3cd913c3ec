import assert from "node:assert/strict";
import { mock } from "node:test";

import { consoleReporter } from "../../../tools/deploy/console";

/** Keeps what is written to it. */
function stream(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string): boolean => written.push(text) > 0;
  return { written, stream: { isTTY, write } as unknown as NodeJS.WriteStream };
}

/** A second at a time, because the mock sets the clock to the end before it calls the timers. */
const pass = (seconds: number): void => {
  for (let second = 0; second < seconds; second++) mock.timers.tick(1_000);
};

describe("the output of a deployment", () => {
  beforeEach(() => {
    mock.timers.enable({ apis: ["setInterval", "Date"] });
  });
  afterEach(() => {
    mock.timers.reset();
  });

  it("has each stage with the time since the start, and the plan on stdout", () => {
    const [progress, out] = [stream(false), stream(false)];
    const reporter = consoleReporter(progress.stream, out.stream);
    reporter.stage("checks");
    pass(4);
    reporter.stage("plan");
    reporter.log("a line");
    reporter.show("the plan");
    reporter.close();
    assert.deepEqual(progress.written, ["0:00 checks\n", "0:04 plan\n", "  a line\n"]);
    assert.deepEqual(out.written, ["the plan\n"]);
  });

  it("shows in a log every 30 s of silence that a stage still runs", () => {
    const { written, stream: progress } = stream(false);
    const reporter = consoleReporter(progress);
    reporter.stage("images");
    pass(20);
    reporter.log("pulled one");
    pass(65);
    reporter.close();
    pass(65);
    assert.deepEqual(written, [
      "0:00 images\n",
      "  pulled one\n",
      "  images … 0:50\n",
      "  images … 1:20\n",
    ]);
  });

  it("counts the seconds in place on a terminal, and wipes them before the next line", () => {
    const { written, stream: progress } = stream(true);
    const reporter = consoleReporter(progress);
    reporter.stage("health");
    pass(2);
    reporter.log("done");
    reporter.close();
    assert.deepEqual(written.slice(1), [
      "\r\u001b[K  health … 0:01",
      "\r\u001b[K  health … 0:02",
      "\r\u001b[K",
      "  done\n",
    ]);
  });

  it("is silent after the plan, while the user is asked", () => {
    const [progress, out] = [stream(true), stream(false)];
    const reporter = consoleReporter(progress.stream, out.stream);
    reporter.stage("plan");
    reporter.show("the plan");
    pass(60);
    assert.equal(progress.written.length, 1);
  });
});
