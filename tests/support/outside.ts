/** A machine beyond the tests' own host, with an HTTP server. */
import type { OwnHost } from "./own-host";
import { succeeded } from "./run";

/** A machine beyond the tests' own host: the internet, as far as the containers are concerned. */
export interface Outside {
  /** Its address; it answers HTTP on port 80. */
  readonly address: string;
  /** The own host's address on the way there. */
  readonly gateway: string;
  /** Runs a Node script there, with arguments; gives its standard output. Rejects when it fails. */
  run(script: string, ...args: readonly string[]): Promise<string>;
}

const [GATEWAY, ADDRESS] = ["198.51.100.1", "198.51.100.2"];
const SERVER = `require("node:http").createServer((_, answer) => answer.end("outside")).listen(80)`;

/** One per own host; it goes with it. The addresses are of a block kept for documentation (RFC 5737). */
export async function startOutside(host: OwnHost): Promise<Outside> {
  const ip = async (args: string): Promise<void> => {
    succeeded(`ip ${args}`, await host.run("ip", args.split(" ")));
  };
  await ip("netns add outside");
  await ip("link add to-outside type veth peer name to-host netns outside");
  await ip(`address add ${GATEWAY}/24 dev to-outside`);
  await ip("link set to-outside up");
  await ip(`-n outside address add ${ADDRESS}/24 dev to-host`);
  await ip("-n outside link set to-host up");
  const enter = ["netns", "exec", "outside", process.execPath, "-e"];
  await host.spawn("outside", "ip", [...enter, SERVER]);
  return {
    address: ADDRESS,
    gateway: GATEWAY,
    run: async (script, ...args) =>
      succeeded("a script outside", await host.run("ip", [...enter, script, ...args])).stdout,
  };
}
