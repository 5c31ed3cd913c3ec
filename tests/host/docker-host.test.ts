import assert from "node:assert/strict";
import os from "node:os";
import { mock } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { DockerHost, DockerHostArgs } from "../../host/docker-host";
import { hostAccess, hostPrelude } from "../../host/address";
import { UserError } from "../../text/user-error";
import { COMMAND, only, PROVIDER, record, valueOf } from "../support/pulumi-mocks";
import { HOST_KEY } from "../support/raw-config";

const LOCAL: DockerHostArgs = {
  host: { address: "unix:///var/run/docker.sock" },
  registries: {},
};
const REMOTE: DockerHostArgs = {
  host: { address: "ssh://deploy@203.0.113.7:2222", hostKey: HOST_KEY },
  registries: {},
};
const PRELUDE = `set -eu
unset DOCKER_CONTEXT
export DOCKER_HOST='unix:///var/run/docker.sock'
`;

/** The provider gets its lists as JSON. */
const provider = async (args: DockerHostArgs): Promise<Record<string, unknown>> => {
  const { resources } = await record(() => new DockerHost("test", args));
  return only(resources, PROVIDER, "test-host").inputs;
};

describe("the Docker provider", () => {
  it("talks to the socket of this machine", async () => {
    assert.deepEqual(await provider(LOCAL), {
      host: "unix:///var/run/docker.sock",
      sshOpts: "[]",
      registryAuth: "[]",
    });
  });

  it("talks over SSH with the checked host key and no other", async () => {
    const { host, sshOpts } = await provider(REMOTE);
    assert.equal(host, "ssh://deploy@203.0.113.7:2222");
    assert.deepEqual(JSON.parse(sshOpts as string), [...hostAccess(REMOTE.host).sshOptions]);
    assert.ok((sshOpts as string).includes(`KnownHostsCommand=/bin/echo %H ${HOST_KEY}`));
  });

  it("is described on a machine whose user has no name and no home, too", async () => {
    const nobody = mock.method(os, "userInfo", () => {
      throw new Error("ENOENT");
    });
    try {
      const { host } = await provider(REMOTE);
      assert.equal(host, "ssh://deploy@203.0.113.7:2222");
      assert.equal(nobody.mock.callCount(), 1);
    } finally {
      nobody.mock.restore();
    }
  });

  it("logs in where the stack says, Docker Hub by its server's name, as a secret", async () => {
    const { registryAuth } = await provider({
      ...LOCAL,
      registries: {
        "ghcr.io": { username: "reader", password: "canary-1" },
        "docker.io": { username: "hub", password: "canary-2" },
        "127.0.0.1:5000": { insecure: true },
      },
    });
    const { secretValue } = registryAuth as { secretValue: string };
    assert.deepEqual(JSON.parse(secretValue), [
      { address: "ghcr.io", username: "reader", password: "canary-1" },
      { address: "registry-1.docker.io", username: "hub", password: "canary-2" },
    ]);
  });

  it("is not made where the environment names another engine", async () => {
    process.env.DOCKER_CONTEXT = "desktop-linux";
    try {
      await assert.rejects(
        record(() => new DockerHost("test", LOCAL)),
        (error) => {
          assert.ok(error instanceof UserError);
          assert.equal(
            error.message,
            "DOCKER_CONTEXT=desktop-linux is set and would override pinned-stack:host; unset it",
          );
          return true;
        },
      );
    } finally {
      delete process.env.DOCKER_CONTEXT;
    }
  });
});

describe("a command on the host", () => {
  const command = async (args: DockerHostArgs) => {
    const { resources } = await record(() =>
      new DockerHost("test", args).command("test-hello", {
        script: pulumi.output("echo hello\n"),
        triggers: ["a", pulumi.output("b")],
      }),
    );
    return only(resources, COMMAND, "test-hello").inputs;
  };

  const interpreters: readonly (readonly [string, DockerHostArgs, readonly string[]])[] = [
    ["this machine", LOCAL, ["/bin/sh", "-c"]],
    [
      "a remote host, through the ssh that the provider uses",
      REMOTE,
      [
        ...["ssh", ...hostAccess(REMOTE.host).sshOptions],
        ...["-p", "2222", "deploy@203.0.113.7", "--"],
      ],
    ],
  ];
  for (const [title, args, interpreter] of interpreters)
    it(`is a script for a shell's input on ${title}, so that no failure prints it`, async () => {
      assert.deepEqual(await command(args), {
        interpreter,
        create: "sh -s",
        stdin: `${PRELUDE}echo hello\n`,
        logging: "stderr",
        triggers: ["a", "b"],
        // ssh, docker and the shell do not need Pulumi's passphrase.
        environment: { PULUMI_CONFIG_PASSPHRASE: "" },
        addPreviousOutputInEnv: false,
      });
    });

  it("talks to the socket that the address names", () => {
    assert.equal(
      hostPrelude(hostAccess({ address: "unix:///run/user/1000/docker.sock" })),
      `set -eu
unset DOCKER_CONTEXT
export DOCKER_HOST='unix:///run/user/1000/docker.sock'
`,
    );
  });
});

describe("the socket of the host", () => {
  it("is asked for its group once, however many need it", async () => {
    const { resources, value } = await record(
      async () => {
        const host = new DockerHost("test", LOCAL);
        const [first, second] = [host.socket(), host.socket()];
        assert.equal(first.group, second.group);
        return { path: first.path, group: await valueOf(first.group) };
      },
      { engine: { [COMMAND]: { stdout: "998\n" } } },
    );
    assert.deepEqual(value, { path: "/var/run/docker.sock", group: "998" });
    const { inputs } = only(resources, COMMAND, "test-socket-group");
    assert.equal(inputs.stdin, `${PRELUDE}stat -c %g '/var/run/docker.sock'`);
    assert.deepEqual(inputs.triggers, ["this machine", "/var/run/docker.sock"]);
  });
});
