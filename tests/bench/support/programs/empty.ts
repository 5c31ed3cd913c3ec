/** The least that has both providers of the stack running: what Pulumi itself costs. */
import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";

const host = process.env["BENCH_DOCKER"] ?? "";
const provider = new docker.Provider("host", { host });
new docker.Network("empty", { name: "bench-empty" }, { provider });
new command.local.Command("nothing", { create: "true" });
