/** What a registry may do while its images are looked at: its images fail one by one, those of others do not. */

import assert from "node:assert/strict";
import type { PinRow } from "../../../tools/pin/decision";
import { planPins, type PinRequest } from "../../../tools/pin/plan";
import { OCI_MANIFEST } from "../../../images/registry/media-types";
import { readPins } from "../../../config/file/pins";
import { always, authorized, first, status, type FaultOf } from "../../support/faulty-registry";
import { blobOf, indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import { insecure, registryFixture, withoutPorts } from "../../support/registry-fixture";
import type { FakeRegistry, FakeRegistryOptions } from "../../support/registry-server";

const { start } = registryFixture();
const REVISION = "org.opencontainers.image.revision";
const build = (day: number, revision = "a") =>
  platformImage({
    created: `2026-10-0${day}T00:00:00Z`,
    annotations: { [REVISION]: revision },
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

const pinned = (registry: FakeRegistry, name = "team/app", image = old): string =>
  `${registry.host}/${name}:1@${image.index.digest}`;

/** Two builds; the tag is the second one. */
async function moved(options?: FakeRegistryOptions): Promise<FakeRegistry> {
  const registry = await start(options);
  registry.putImage("team/app", old);
  registry.putImage("team/app", rebuilt, "1");
  return registry;
}

describe("the plan of pins", () => {
  it("asks by HEAD alone while nothing changed", async () => {
    const registry = await start();
    registry.putImage("team/app", old, "1");
    registry.putImage("team/web", old, "1");
    const rows = await plan([registry], {
      app: pinned(registry),
      web: pinned(registry, "team/web"),
    });
    assert.deepEqual(
      rows.map((row) => row.status),
      ["as-pinned", "as-pinned"],
    );
    assert.deepEqual(
      [registry.count("head"), registry.count("token"), registry.count()],
      [3, 1, 4],
    );
  });

  it("spends six more requests on one that changed, and GETs on no other", async () => {
    const registry = await moved();
    registry.putImage("team/web", old, "1");
    const rows = await plan([registry], {
      app: pinned(registry),
      web: pinned(registry, "team/web"),
    });
    assert.deepEqual(
      rows.map((row) => [row.status, row.kind]),
      [
        ["take", "rebuild"],
        ["as-pinned", undefined],
      ],
    );
    const gets = registry.log.filter(({ kind }) => kind === "get" || kind === "blob");
    assert.equal(registry.count(), 4 + 6);
    assert.equal(gets.length, 6);
    assert.ok(gets.every(({ path }) => path.startsWith("/v2/team/app/")));
  });

  it("asks for the tag to change to", async () => {
    const registry = await moved();
    registry.putImage("team/app", indexedImage([build(3, "b")]), "2");
    const [row] = await plan(
      [registry],
      { app: pinned(registry) },
      { tags: new Map([["app", "2"]]) },
    );
    assert.deepEqual([row?.status, row?.kind], ["take", "upgrade"]);
    assert.match(row?.to ?? "", /\/team\/app:2@sha256:/);
  });

  it("takes a tag by its text, where it names the same image", async () => {
    const registry = await start();
    registry.putImage("team/app", old, "1", "1.0");
    const [row] = await plan(
      [registry],
      { app: pinned(registry) },
      { tags: new Map([["app", "1.0"]]) },
    );
    assert.deepEqual(
      [row?.status, row?.why, row?.to],
      [
        "take",
        "another tag of the same image",
        `${registry.host}/team/app:1.0@${old.index.digest}`,
      ],
    );
  });

  it("asks nobody about an image without tag, nor about lines it cannot read", async () => {
    const registry = await start();
    const rows = await plan([registry], {
      app: `${registry.host}/team/app@${old.index.digest}`,
      many: "|\n      a:1",
      wrong: "a:1@sha256:2",
    });
    assert.deepEqual(
      rows.map((row) => [row.service, row.status, row.why]),
      [
        ["app", "as-pinned", "has no tag that could move"],
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

describe("a plan of pins with a faulty registry", () => {
  type Row = readonly [
    title: string,
    fault: FaultOf,
    expected: string,
    options?: FakeRegistryOptions & { readonly deadlineMs?: number },
  ];
  const DENIED = "check the name; for a private image set username and password in SETTINGS";
  const OTHER = "check that REGISTRY is the registry you mean";
  const NETWORK = "check the network and the registry and try again";
  const tokenless = first(10, "token", {
    do: "answer",
    status: 200,
    body: JSON.stringify({ expires_in: 300 }),
  });
  const slowBlob: FaultOf = ({ kind }) =>
    kind === "blob" ? { do: "drip", part: "body" } : undefined;
  const wrongDigest = authorized({
    do: "amend",
    headers: { "docker-content-digest": blobOf("lie").digest },
  });
  const schema1 = authorized({
    do: "amend",
    headers: { "content-type": "application/vnd.docker.distribution.manifest.v1+prettyjws" },
  });
  const table: readonly Row[] = [
    [
      "answers 401 to its own tokens",
      ({ kind }, { realm }) =>
        kind === "head"
          ? status(401, { "www-authenticate": `Bearer realm="${realm}"` })
          : undefined,
      `REGISTRY answered 401 although it got a token: it does not exist or is private; ${DENIED}`,
    ],
    ["gives tokens without the field", tokenless, `REGISTRY answered without a token; ${OTHER}`],
    ["answers 429 once", first(1, "head", status(429)), "take rebuild"],
    [
      "answers 429 once and asks to wait a second",
      first(1, "get", status(429, { "retry-after": "1" })),
      "take rebuild",
    ],
    [
      "answers 429 and asks to wait an hour",
      always(status(429, { "retry-after": "3600" })),
      "REGISTRY answered 429 and asks to wait 3600 s, which is beyond the limit of 30 s; try again later",
    ],
    [
      "answers 429 to every GET",
      ({ kind }) => (kind === "get" ? status(429, { "retry-after": "3600" }) : undefined),
      "the new image could not be read: REGISTRY answered 429 and asks to wait 3600 s, which is beyond the limit of 30 s; try again",
    ],
    ["cuts the connection once", first(1, "get", { do: "reset" }), "take rebuild"],
    [
      "cuts every connection",
      always({ do: "reset" }),
      `REGISTRY cut the connection, 4 times; ${NETWORK}`,
    ],
    [
      "does not finish its answer",
      slowBlob,
      "the new image could not be read: REGISTRY had not answered when the 0.7 s for all registries were over; try again",
      { deadlineMs: 700 },
    ],
    [
      "names a digest that it does not have",
      wrongDigest,
      "the new image is not in its registry: REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown); try again",
    ],
    [
      "names a digest that is none",
      authorized({ do: "amend", headers: { "docker-content-digest": "sha256:XYZ" } }),
      `REGISTRY answered with the digest "sha256:XYZ", expected sha256: and 64 lower-case hexadecimal digits; ${OTHER}`,
    ],
    [
      "has the image in format 1 only",
      schema1,
      `REGISTRY has it in image format 1 only, which Docker no longer runs; ${OTHER}`,
    ],
    [
      "sends other bytes than it promised",
      ({ kind }) => (kind === "get" ? { do: "amend", body: "{}" } : undefined),
      "the new image could not be read: REGISTRY answered with other bytes than promised: they have the digest sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a, not NEW; try again",
    ],
  ];
  for (const [title, fault, expected, options = {}] of table)
    it(`that ${title} says: ${expected}`, async () => {
      const { deadlineMs, ...server } = options;
      const [faulty, good] = [await moved(server), await moved()];
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
          .replaceAll("REGISTRY/", "")
          .replace('pinned-stack:registries["REGISTRY"]', "SETTINGS")
          .replace(rebuilt.index.digest, "NEW"),
        expected,
      );
    });

  it("that does not answer keeps nobody from looking into the images of others", async () => {
    const [down, good] = [await moved(), await moved()];
    down.fault = () => ({ do: "hang" });
    const rows = await plan(
      [down, good],
      { app: pinned(down), other: pinned(good) },
      { deadlineMs: 700 },
    );
    assert.deepEqual(
      rows.map(({ service, status: said }) => [service, said]),
      [
        ["app", "fail"],
        ["other", "take"],
      ],
    );
  });

  it("names the way out where its credentials could not be had", async () => {
    const registry = await moved();
    registry.makePrivate("team/app");
    const [row] = await plan(
      [registry],
      { app: pinned(registry) },
      { lacking: new Map([[registry.host, "ask someone who knows"]]) },
    );
    assert.equal(
      withoutPorts(row?.why ?? "", registry),
      "REGISTRY answered 401 although it got a token: it does not exist or is private; ask someone who knows",
    );
  });

  it("that has forgotten the old image makes the change unknown", async () => {
    const registry = await start();
    registry.putImage("team/app", rebuilt, "1");
    const [row] = await plan([registry], { app: pinned(registry) });
    assert.deepEqual([row?.status, row?.kind], ["take", "unknown"]);
  });

  it("that has a manifest in the place of the index is read all the same", async () => {
    const registry = await start();
    registry.putImage("team/app", old);
    const [single] = rebuilt.manifests;
    assert.ok(single?.mediaType === OCI_MANIFEST);
    registry.putImage("team/app", rebuilt);
    registry.put("team/app", single, "1");
    const [row] = await plan([registry], { app: pinned(registry) });
    assert.deepEqual([row?.status, row?.kind], ["take", "rebuild"]);
    assert.deepEqual(row?.after?.platforms, ["linux/amd64"]);
  });

  it("that has dropped the host's platform fails, and the pin stays", async () => {
    const registry = await start();
    registry.putImage("team/app", old);
    registry.putImage("team/app", indexedImage([platformImage({ platform: LINUX_ARM64 })]), "1");
    const [row] = await plan([registry], { app: pinned(registry) });
    assert.deepEqual(
      [row?.status, row?.why],
      [
        "fail",
        "the new image is not there for linux/amd64, only for linux/arm64; choose another tag, or correct pinned-stack:platform",
      ],
    );
  });

  it("is not asked any more after an interruption", async () => {
    const registry = await moved();
    const [row] = await plan(
      [registry],
      { app: pinned(registry) },
      { signal: AbortSignal.abort() },
    );
    assert.equal(row?.status, "fail");
    assert.equal(registry.count(), 0);
  });
});
