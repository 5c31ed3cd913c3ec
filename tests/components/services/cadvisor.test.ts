import assert from "node:assert/strict";

import { expectHardened } from "../../support/hardened";
import { containerOf, modelOf, realServices } from "../../support/small-stack";

describe("cAdvisor", () => {
  const definitions = realServices("homepage", "cadvisor");
  const model = modelOf(definitions, { stack: "my-stack" });
  const container = containerOf(model, "cadvisor");

  it("is not root, and sees nothing of the host but its control groups", () => {
    expectHardened(container, { controls: { user: "65534:65534", hostCgroups: true } });
  });

  it("has no access to Docker", () => {
    assert.ok(container.command?.includes("--docker=tcp://127.0.0.1:1"));
    assert.deepEqual(
      model.containers.map(({ name }) => name),
      ["homepage", "cadvisor"],
    );
  });

  it("measures the containers of its stack, and shows none of their labels", () => {
    for (const flag of [
      "--raw_cgroup_prefix_whitelist=/pinned-stack/my-stack/,/pinnedstack.slice/pinnedstack-my_stack.slice/",
      "--store_container_labels=false",
    ])
      assert.ok(container.command?.includes(flag), flag);
    assert.ok(!container.command?.some((flag) => flag.startsWith("--docker_only")));
  });

  it("tells containers by the cgroups that they have only where it runs", () => {
    const cgroups = ({ containers }: typeof model) => containers.map(({ cgroup }) => cgroup);
    assert.deepEqual(cgroups(model), [
      { root: "pinned-stack", stack: "my-stack", name: "homepage" },
      { root: "pinned-stack", stack: "my-stack", name: "cadvisor" },
    ]);
    const off = modelOf(definitions, { services: { cadvisor: { enabled: false } } });
    assert.deepEqual(cgroups(off), [undefined]);
  });

  it("is for administrators", () => {
    const [route] = model.ingress.routes;
    assert.deepEqual([route?.target, route?.admin], ["http://homepage:8080", false]);
    const own = model.ingress.routes.find(({ service }) => service === "cadvisor");
    assert.deepEqual([own?.target, own?.admin], ["http://cadvisor:8080", true]);
  });

  for (const tag of ["v0.49.1", "v0.53.0", "v0.56.2", "v0.60.0", "latest"])
    it(`needs nothing of the engine as ${tag}`, () => {
      const image = `ghcr.io/google/cadvisor:${tag}`;
      const { images } = modelOf(definitions, { images: { cadvisor: image } });
      assert.deepEqual(images.find(({ service }) => service === "cadvisor")?.needs, {
        ...{ service: "cadvisor", image, diskMiB: 100 },
      });
    });
});
