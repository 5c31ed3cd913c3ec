/** What a registry may do while its images are looked up: its images fail one by one, those of others do not. */

import assert from "node:assert/strict";
import { readPins } from "../../../config/file/pins";
import { OCI_MANIFEST } from "../../../images/registry/manifests";
import type { PinRow } from "../../../tools/pin/decision";
import { planPins, type PinRequest } from "../../../tools/pin/plan";
import { always, authorized, first, status, type FaultOf } from "../../support/faulty-registry";
import { blobOf, indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import type { Fault } from "../../support/registry-faults";
import { insecure, registryFixture, withoutPorts } from "../../support/registry-fixture";
import type { FakeRegistry } from "../../support/registry-server";

const { start } = registryFixture();
const build = (day: number, revision = "a") =>
  platformImage({
    created: `2026-10-0${day}T00:00:00Z`,
    annotations: { "org.opencontainers.image.revision": revision },
  });
const old = indexedImage([build(1)]);
const rebuilt = indexedImage([build(2)]);

const plan = (
  registries: readonly FakeRegistry[],
  images: Readonly<Record<string, string>>,
  options: Partial<PinRequest> = {},
): Promise<readonly PinRow[]> => {
  const lines = Object.entries(images).map(([service, image]) => `    ${service}: ${image}\n`);
  return planPins({
    pins: readPins(`config:\n  pinned-stack:images:\n${lines.join("")}`).pins,
    tags: new Map(),
    policy: { minimumAge: 0, all: false, now: new Date("2026-11-24T00:00:00Z") },
    platform: "linux/amd64",
    registries: insecure(registries),
    ...options,
  });
};
const pinned = (registry: FakeRegistry, name = "team/app"): string =>
  `${registry.host}/${name}:1@${old.index.digest}`;
const statuses = (rows: readonly PinRow[]) => rows.map(({ status: said, kind }) => [said, kind]);

/** Has the old image, whose tag is the second one now. */
async function moved(to = rebuilt): Promise<FakeRegistry> {
  const registry = await start();
  registry.putImage("team/app", old);
  registry.putImage("team/app", to, "1");
  return registry;
}

describe("the plan of pins", () => {
  it("sends only HEADs while nothing changed", async () => {
    const registry = await moved(old);
    registry.putImage("team/web", old, "1");
    const images = { app: pinned(registry), web: pinned(registry, "team/web") };
    assert.deepEqual(statuses(await plan([registry], images)), [
      ["as-pinned", undefined],
      ["as-pinned", undefined],
    ]);
    assert.deepEqual(
      [registry.count("head"), registry.count("token"), registry.count()],
      [3, 1, 4],
    );
  });

  it("spends six more requests on an image that changed, and GETs on no other", async () => {
    const registry = await moved();
    registry.putImage("team/web", old, "1");
    const images = { app: pinned(registry), web: pinned(registry, "team/web") };
    assert.deepEqual(statuses(await plan([registry], images)), [
      ["take", "rebuild"],
      ["as-pinned", undefined],
    ]);
    const gets = registry.log.filter(({ kind }) => kind === "get" || kind === "blob");
    assert.deepEqual([registry.count(), gets.length], [4 + 6, 6]);
    assert.ok(gets.every(({ path }) => path.startsWith("/v2/team/app/")));
  });

  for (const [title, image, why] of [
    ["another image", indexedImage([build(3, "b")]), "another tag"],
    ["the same image", old, "another tag of the same image"],
  ] as const)
    it(`changes the tag to one of ${title}`, async () => {
      const registry = await moved(old);
      registry.putImage("team/app", image, "2");
      const tags = new Map([["app", "2"]]);
      const [row] = await plan([registry], { app: pinned(registry) }, { tags });
      assert.deepEqual(
        [row?.status, row?.kind, row?.why, row?.to],
        ["take", "upgrade", why, `${registry.host}/team/app:2@${image.index.digest}`],
      );
    });

  it("makes no connection for an image without tag, nor for lines it cannot read", async () => {
    const registry = await start();
    const rows = await plan([registry], {
      app: `${registry.host}/team/app@${old.index.digest}`,
      many: "|\n      a:1",
      wrong: "a:1@sha256:2",
    });
    assert.deepEqual(
      rows.map((row) => [row.service, row.status, row.why]),
      [
        ["app", "as-pinned", "has no tag to look up"],
        ["many", "fail", "expected name:tag or name:tag@sha256:… on one line"],
        ["wrong", "fail", 'digest "sha256:2": expected 64 hexadecimal digits, got 1'],
      ],
    );
    assert.equal(registry.connections, 0);
  });

  it("leaves no connection open", async () => {
    const registry = await moved();
    await plan([registry], { app: pinned(registry) });
    await registry.whenUnconnected();
  });
});

/** Faults that images/registry reports or survives by itself are in tests/images/registry/faults.test.ts. */
describe("a plan of pins with a faulty registry", () => {
  const hour = { "retry-after": "3600" };
  const WAIT = "answered 429 and asks to wait 3600 s, longer than the limit of 30 s";
  const PRIVATE = "answered 401 to the token it granted: the image does not exist or is private";
  const unread = (answer: string): string =>
    `the new image could not be read: REGISTRY ${answer}; try again`;
  const on =
    (kind: string, fault: Fault): FaultOf =>
    (request) =>
      request.kind === kind ? fault : undefined;
  const lie = { "docker-content-digest": blobOf("lie").digest };
  const rejectTokens: FaultOf = ({ kind }, { realm }) =>
    kind === "head" ? status(401, { "www-authenticate": `Bearer realm="${realm}"` }) : undefined;

  const table: readonly [fault: FaultOf, expected: string, deadlineMs?: number][] = [
    [
      rejectTokens,
      `REGISTRY ${PRIVATE}; check the repository; for a private image, set username and password in SETTINGS`,
    ],
    [first(1, "get", { do: "reset" }), "take rebuild"],
    [always(status(429, hour)), `REGISTRY ${WAIT}; try again later`],
    [on("get", status(429, hour)), unread(WAIT)],
    [
      on("blob", { do: "drip", part: "body" }),
      unread("did not answer within the limit of 0.7 s for all registries"),
      700,
    ],
    [
      authorized({ do: "amend", headers: lie }),
      "the new image is no longer in the registry: REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown); try again",
    ],
    [
      on("get", { do: "amend", body: "{}" }),
      unread(`sent content with the digest ${blobOf("{}").digest}, expected NEW`),
    ],
  ];
  for (const [fault, expected, deadlineMs] of table)
    it(`says: ${expected}`, async () => {
      const [faulty, good] = [await moved(), await moved()];
      faulty.fault = (request) => fault(request, faulty);
      const [row, other] = await plan(
        [faulty, good],
        { app: pinned(faulty), other: pinned(good) },
        { ...(deadlineMs !== undefined && { deadlineMs }) },
      );
      assert.deepEqual([other?.status, other?.kind], ["take", "rebuild"]);
      assert.ok(row !== undefined);
      const text = row.status === "fail" ? row.why : `${row.status} ${row.kind ?? ""}`;
      assert.equal(
        withoutPorts(text, faulty)
          .replace('pinned-stack:registries["REGISTRY"]', "SETTINGS")
          .replace(rebuilt.index.digest, "NEW"),
        expected,
      );
    });

  it("keeps reading the images of others while one does not answer", async () => {
    const [down, good] = [await moved(), await moved()];
    down.fault = () => ({ do: "hang" });
    const images = { app: pinned(down), other: pinned(good) };
    const rows = await plan([down, good], images, { deadlineMs: 700 });
    assert.deepEqual(statuses(rows), [
      ["fail", undefined],
      ["take", "rebuild"],
    ]);
  });

  it("says what to do if its credentials are encrypted", async () => {
    const registry = await moved();
    registry.makePrivate("team/app");
    const encrypted = new Map([[registry.host, "ask someone who knows"]]);
    const [row] = await plan([registry], { app: pinned(registry) }, { encrypted });
    assert.equal(
      withoutPorts(row?.why ?? "", registry),
      `REGISTRY ${PRIVATE}; ask someone who knows`,
    );
  });

  it("takes an image whose old one is gone as an unknown change", async () => {
    const registry = await start();
    registry.putImage("team/app", rebuilt, "1");
    const rows = await plan([registry], { app: pinned(registry) });
    assert.deepEqual(statuses(rows), [["take", "unknown"]]);
  });

  it("reads a manifest in the place of an index", async () => {
    const registry = await moved();
    const [single] = rebuilt.manifests;
    assert.ok(single?.mediaType === OCI_MANIFEST);
    registry.put("team/app", single, "1");
    const rows = await plan([registry], { app: pinned(registry) });
    assert.deepEqual(statuses(rows), [["take", "rebuild"]]);
    assert.deepEqual(rows[0]?.after?.platforms, ["linux/amd64"]);
  });

  it("keeps the pin of an image that is no longer there for the host's platform", async () => {
    const registry = await moved(indexedImage([platformImage({ platform: LINUX_ARM64 })]));
    const [row] = await plan([registry], { app: pinned(registry) });
    assert.deepEqual(
      [row?.status, row?.why],
      [
        "fail",
        "the new image has no manifest for linux/amd64, only for linux/arm64; choose another tag, or correct pinned-stack:platform",
      ],
    );
  });

  it("sends nothing after an interruption", async () => {
    const registry = await moved();
    const signal = AbortSignal.abort();
    const [row] = await plan([registry], { app: pinned(registry) }, { signal });
    assert.equal(row?.status, "fail");
    assert.equal(registry.count(), 0);
  });
});
