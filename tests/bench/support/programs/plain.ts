/** Seven containers as a beginner's program makes them, with both providers: no policy, no files, no checks. */
import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";

const { BENCH_DOCKER: host = "", BENCH_IMAGE: name = "" } = process.env;
new command.local.Command("ready", { create: "true" });
const provider = new docker.Provider("host", { host });
const image = new docker.RemoteImage("image", { name, keepLocally: true }, { provider });
for (let number = 1; number <= 7; number++) {
  const service = `plain-${number}`;
  const network = new docker.Network(service, { name: service }, { provider });
  new docker.Container(
    service,
    { name: service, image: image.name, networksAdvanced: [{ name: network.name }] },
    { provider },
  );
}
