/** Limits on time and size. */

import assert from "node:assert/strict";
import {
  always,
  askFaulty,
  authorized,
  image,
  onGet,
  status,
  type FaultOf,
} from "../../support/faulty-registry";
import { imageIn, outcomeText, QUICK, registryFixture } from "../../support/registry-fixture";

const fixture = registryFixture();
const { start, client } = fixture;

describe("a slow registry", () => {
  const limits = { ...QUICK, connectMs: 5000, responseMs: 100, bodyMs: 100 };
  const table: readonly [title: string, fault: FaultOf, text: string][] = [
    ["never answers", always({ do: "hang" }), "did not answer"],
    ["sends its headers byte by byte", always({ do: "drip", part: "header" }), "did not answer"],
    [
      "sends its body byte by byte",
      onGet({ do: "drip", part: "body" }),
      "did not finish its response",
    ],
    [
      "has a token service that never answers",
      ({ kind }) => (kind === "token" ? { do: "hang" } : undefined),
      "did not answer",
    ],
  ];
  for (const [title, fault, text] of table)
    it(`is given up if it ${title}`, async () => {
      const seen = await askFaulty(fixture, fault, { client: { limits } });
      assert.equal(seen.text, `timeout: REGISTRY ${text} within 0.1 s`);
    });

  for (const fault of [{ do: "hang" }, { do: "drip", part: "header" }] as const)
    it(`is given up at the deadline, whatever the other limits are: ${fault.do}`, async () => {
      const started = performance.now();
      const { text } = await askFaulty(fixture, always(fault), { client: { deadlineMs: 150 } });
      assert.match(text, /^timeout: REGISTRY did not answer .*\b0\.15 s for all registries$/);
      assert.ok(performance.now() - started < 2000);
    });

  it("is not asked again if no time is left", async () => {
    const { text, registry } = await askFaulty(fixture, always(status(503)), {
      client: { deadlineMs: 1000, limits: { retryMs: 60_000 } },
    });
    assert.equal(text, "unavailable: REGISTRY answered 503, and no time is left to retry");
    assert.equal(registry.count(), 1);
  });

  for (const [title, options] of [
    ["after the first one's time is over", { limits: { ...QUICK, responseMs: 200 } }],
    ["before it answered for the first one", { deadlineMs: 1000, limits: { warmUpMs: 50 } }],
  ] as const)
    it(`is asked for its other images ${title}`, async () => {
      const registry = await start({ auth: "none" });
      registry.putImage("team/app", image, "1", "2");
      registry.fault = ({ path }) => (path.endsWith("/1") ? { do: "hang" } : undefined);
      const images = ["1", "2"].map((tag) => imageIn(registry, `team/app:${tag}`));
      const [slow, found] = await client([registry], options).digests(images);
      assert.match(outcomeText(slow, registry), /^timeout: /);
      assert.equal(found, image.index.digest);
    });

  it("is left when the caller aborts", async () => {
    const abort = new AbortController();
    const fault: FaultOf = () => {
      abort.abort();
      return { do: "hang" };
    };
    const { text } = await askFaulty(fixture, fault, { client: { signal: abort.signal } });
    assert.equal(text, "aborted: interrupted before REGISTRY answered");
  });
});

describe("a response that is too long", () => {
  const huge = { "content-length": String(2 ** 30) };
  const table: readonly [title: string, fault: FaultOf, text: string, gets: number][] = [
    [
      "is cut at the limit",
      onGet({ do: "flood" }),
      "too-large: REGISTRY sent more than 4194304 bytes",
      1,
    ],
    [
      "is not read if it announces its length",
      onGet(status(200, huge)),
      "too-large: REGISTRY sent more than 4194304 bytes",
      1,
    ],
    [
      "does not hide its status",
      onGet({ do: "flood", status: 404 }),
      "not-found: REGISTRY answered 404",
      1,
    ],
    [
      "does not hide its status if it announces its length",
      onGet(status(404, huge)),
      "not-found: REGISTRY answered 404",
      1,
    ],
    [
      "is no HEAD response that announces its length",
      authorized({ do: "amend", headers: huge }),
      image.index.digest,
      0,
    ],
    [
      "is told from one that is cut off",
      onGet({ do: "cut" }),
      "unavailable: REGISTRY closed the connection early, 4 times",
      4,
    ],
  ];
  for (const [title, fault, text, gets] of table)
    it(title, async () => {
      const seen = await askFaulty(fixture, fault);
      assert.equal(seen.text, text);
      assert.equal(seen.registry.count("get"), gets);
    });
});
