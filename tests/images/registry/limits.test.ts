/** Limits on time and size. */

import assert from "node:assert/strict";
import { RegistryError } from "../../../images/registry/client";
import {
  always,
  askFaulty,
  image,
  onGet,
  status,
  type FaultOf,
} from "../../support/faulty-registry";
import { imageIn, QUICK, registryFixture } from "../../support/registry-fixture";

const fixture = registryFixture();
const { start, client } = fixture;

describe("a registry that takes its time", () => {
  const limits = { ...QUICK, connectMs: 5000, responseMs: 100, bodyMs: 100 };
  const table: readonly [title: string, fault: FaultOf, text: string][] = [
    ["never answers", always({ do: "hang" }), "timeout: REGISTRY did not answer within 0.1 s"],
    [
      "sends its headers byte by byte",
      always({ do: "drip", part: "header" }),
      "timeout: REGISTRY did not answer within 0.1 s",
    ],
    [
      "sends its body byte by byte",
      ({ kind, authorization }) =>
        kind === "head" && authorization === "bearer"
          ? status(405)
          : kind === "get"
            ? { do: "drip", part: "body" }
            : undefined,
      "timeout: REGISTRY did not finish its answer within 0.1 s",
    ],
    [
      "has a token service that never answers",
      ({ kind }) => (kind === "token" ? { do: "hang" } : undefined),
      "timeout: REGISTRY did not answer within 0.1 s",
    ],
  ];
  for (const [title, fault, text] of table)
    it(`is given up when it ${title}`, async () => {
      const seen = await askFaulty(fixture, fault, { client: { limits } });
      assert.equal(seen.text, text);
    });

  for (const fault of [{ do: "hang" }, { do: "drip", part: "header" }] as const)
    it(`is given up at the deadline, whatever the other limits are: ${fault.do}`, async () => {
      const started = performance.now();
      const { text } = await askFaulty(fixture, always(fault), { client: { deadlineMs: 150 } });
      assert.equal(
        text,
        "timeout: REGISTRY had not answered when the 0.15 s for all registries were over",
      );
      assert.ok(performance.now() - started < 2000);
    });

  it("is not asked again where the time for it is over", async () => {
    const { text, registry } = await askFaulty(fixture, always(status(503)), {
      client: { deadlineMs: 1000, limits: { retryMs: 60_000 } },
    });
    assert.equal(
      text,
      "unavailable: REGISTRY answered 503, and there is no time left for another try",
    );
    assert.equal(registry.count(), 1);
  });

  it("does not keep its other images from being asked for", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1", "2");
    registry.fault = ({ path }) => (path.endsWith("/1") ? { do: "hang" } : undefined);
    const asking = client([registry], { limits: { ...QUICK, responseMs: 200 } });
    const [slow, found] = await asking.digests(
      ["1", "2"].map((tag) => imageIn(registry, `team/app:${tag}`)),
    );
    assert.ok(slow instanceof RegistryError);
    assert.equal(slow.code, "timeout");
    assert.equal(found, image.index.digest);
  });

  it("has its other images asked for before it has answered for the first", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1", "2");
    registry.fault = ({ path }) => (path.endsWith("/1") ? { do: "hang" } : undefined);
    const asking = client([registry], { deadlineMs: 1000, limits: { headStartMs: 50 } });
    const [slow, found] = await asking.digests(
      ["1", "2"].map((tag) => imageIn(registry, `team/app:${tag}`)),
    );
    assert.ok(slow instanceof RegistryError);
    assert.equal(slow.code, "timeout");
    assert.equal(found, image.index.digest);
  });

  it("is left when the caller says so", async () => {
    const abort = new AbortController();
    const { text } = await askFaulty(
      fixture,
      () => {
        abort.abort();
        return { do: "hang" };
      },
      { client: { signal: abort.signal } },
    );
    assert.equal(text, "aborted: interrupted before REGISTRY answered");
  });
});

describe("an answer that is too long", () => {
  it("is left when it passes the limit", async () => {
    const { text } = await askFaulty(fixture, onGet({ do: "flood" }));
    assert.equal(text, "too-large: REGISTRY answered with more than 4194304 bytes");
  });

  it("is not read at all when it announces its length", async () => {
    const { text } = await askFaulty(
      fixture,
      onGet(status(200, { "content-length": String(2 ** 30) })),
    );
    assert.equal(text, "too-large: REGISTRY answered with more than 4194304 bytes");
  });

  it("does not hide a status that says it all", async () => {
    const { text } = await askFaulty(fixture, onGet({ do: "flood", status: 404 }));
    assert.equal(text, "not-found: REGISTRY answered 404");
  });

  it("is told from one that is cut off", async () => {
    const { text, registry } = await askFaulty(fixture, onGet({ do: "cut" }));
    assert.equal(text, "unavailable: REGISTRY cut the connection, 4 times");
    assert.equal(registry.count("get"), 4);
  });
});
