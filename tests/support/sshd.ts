/** Starts an SSH server in the tests' own host. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { USER, type OwnHost } from "./own-host";
import { plainEnvironment, run, succeeded } from "./run";
import { until } from "./until";

/** An OpenSSH server of the tests' own host. Its user reaches the own Docker daemon, and nothing else special. */
export interface Sshd {
  readonly user: string;
  readonly port: number;
  /** `ssh://user@127.0.0.1:port`. */
  readonly address: string;
  /** The server's public host key, `ssh-ed25519 AAAA…`, without comment. */
  readonly hostKey: string;
  /** A well-formed host key that is not the server's. */
  readonly wrongHostKey: string;
  /** SSH_AUTH_SOCK of an agent that holds the only key the server lets in. */
  readonly agent: string;
  /** Log-ins by public key so far. */
  logins(): Promise<number>;
  /** From now on connections are refused and open ones are ended. */
  stop(): Promise<void>;
}

export async function startSshd(host: OwnHost): Promise<Sshd> {
  const directory = join(host.directory, "ssh");
  await mkdir(directory, { mode: 0o700 });
  const [hostKey, wrongHostKey, clientKey] = await Promise.all(
    ["host", "wrong", "client"].map((name) => makeKey(join(directory, name))),
  );
  // The server insists on keys in a folder only root can write to, on the whole way down from the root.
  await mkdir(join(host.directory, "run", "ssh"), { mode: 0o755 });
  await writeFile(join(host.directory, "run", "ssh", "authorized_keys"), `${clientKey ?? ""}\n`);
  await host.run("install", ["-d", "-o", USER.name, "-g", USER.name, USER.home]);

  const agent = join(host.directory, "agent.sock");
  await host.spawn("ssh-agent", "ssh-agent", ["-D", "-a", agent]);
  await until("ssh-agent", () => addKey(agent, join(directory, "client")));

  const door = await host.open();
  const settings = join(directory, "sshd_config");
  await writeFile(
    settings,
    `ListenAddress 127.0.0.1:${door.port}
HostKey ${join(directory, "host")}
PidFile none
AuthorizedKeysFile /run/ssh/authorized_keys
AuthenticationMethods publickey
AllowUsers ${USER.name}
UsePAM no
`,
  );
  // sshd starts itself again for each connection and so wants its full path.
  const program = await host.spawn("sshd", await sshdPath(), ["-D", "-e", "-f", settings]);
  await until("sshd", () => greets(door.port));
  return {
    user: USER.name,
    port: door.port,
    address: `ssh://${USER.name}@127.0.0.1:${door.port}`,
    hostKey: hostKey ?? "",
    wrongHostKey: wrongHostKey ?? "",
    agent,
    logins: async () => (await program.output()).split("Accepted publickey").length - 1,
    stop: async () => {
      await door.close();
      await program.stop();
    },
  };
}

/** Gives the public key: type and base64 text. */
async function makeKey(path: string): Promise<string> {
  succeeded(
    "ssh-keygen",
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path]),
  );
  return (await readFile(`${path}.pub`, "utf8")).trim();
}

async function addKey(agent: string, key: string): Promise<true | undefined> {
  const env = { ...plainEnvironment, SSH_AUTH_SOCK: agent };
  return (await run("ssh-add", ["-q", key], { env })).code === 0 || undefined;
}

const sshdPath = async (): Promise<string> =>
  succeeded("command -v sshd", await run("sh", ["-c", "command -v sshd"])).stdout.trim();

const greets = (port: number): Promise<true | undefined> =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ host: "127.0.0.1", port, timeout: 2000 });
    socket.on("error", reject);
    socket.on("close", () => {
      resolve(undefined);
    });
    socket.once("data", (chunk) => {
      resolve(chunk.toString().startsWith("SSH-2.0") || undefined);
      socket.destroy();
    });
  });
