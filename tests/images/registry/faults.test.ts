/** Registries that break or lie: each error is reported after a bounded number of requests. */

import assert from "node:assert/strict";
import {
  always,
  askFaulty,
  authorized,
  first,
  image,
  onGet,
  status,
} from "../../support/faulty-registry";
import type { Fault } from "../../support/registry-faults";
import { imageIn, outcomeText, registryFixture } from "../../support/registry-fixture";

const fixture = registryFixture();
const { start, client } = fixture;

describe("a registry that fails once", () => {
  const faults: readonly [title: string, fault: Fault][] = [
    ["closes the connection", { do: "reset" }],
    ["answers 429 without a time to wait", status(429)],
    ["answers 429 with no time to wait", status(429, { "retry-after": "0" })],
    ["answers 500", status(500)],
    ["answers 503 with a malformed time to wait", status(503, { "retry-after": "soon" })],
  ];
  for (const [title, fault] of faults)
    for (const kind of ["head", "token"] as const)
      it(`is asked again if its ${kind === "head" ? "manifest" : "token service"} ${title}`, async () => {
        const { text, registry } = await askFaulty(fixture, first(1, kind, fault));
        assert.equal(text, image.index.digest);
        assert.equal(registry.count(), 4);
      });

  it("is asked again after the time it asked to wait", async () => {
    const started = performance.now();
    const wait = status(429, { "retry-after": "1" });
    const { text } = await askFaulty(fixture, first(1, "head", wait));
    assert.equal(text, image.index.digest);
    assert.ok(performance.now() - started >= 1000);
  });

  it("is asked four times at most", async () => {
    const { text, registry } = await askFaulty(fixture, first(3, "head", status(502)));
    assert.equal(text, image.index.digest);
    assert.equal(registry.count("head"), 5);
  });
});

const hour = { "retry-after": "3600" };
const WAIT = "and asks to wait 3600 s, longer than the limit of 20 s";
const SCHEME = "answered 401 without a known authentication scheme";
const ABSENT = "the image does not exist or is private";
const challenge = (header: string): Fault => status(401, { "www-authenticate": header });

describe("a registry that always fails", () => {
  const table: readonly [fault: Fault, code: string, text: string, heads?: number][] = [
    [status(429), "rate-limited", "answered 429, 4 times", 4],
    [status(429, hour), "rate-limited", `answered 429 ${WAIT}`],
    [status(500), "unavailable", "answered 500, 4 times", 4],
    [status(503, hour), "unavailable", `answered 503 ${WAIT}`],
    [{ do: "reset" }, "unavailable", "closed the connection early, 4 times", 4],
    [status(400), "invalid-answer", "answered 400"],
    [status(501), "invalid-answer", "answered 501"],
    [status(204), "invalid-answer", "answered 204"],
    [status(403), "denied", "answered 403"],
    [status(401), "invalid-answer", SCHEME],
    [challenge('Bearer realm="x'), "invalid-answer", `${SCHEME}: "Bearer realm="x"`],
    [challenge("Negotiate"), "invalid-answer", `${SCHEME}: "Negotiate"`],
    [{ do: "babble", text: "SSH-2.0-x\r\n" }, "invalid-answer", "does not speak HTTP"],
    [
      {
        do: "babble",
        text: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
      },
      ...(["invalid-answer", "switched to another protocol"] as const),
    ],
    [
      status(200, { "x-long": "x".repeat(20_000) }),
      ...(["too-large", "sent response headers above the size limit"] as const),
    ],
  ];
  for (const [fault, code, text, heads = 1] of table)
    it(`is reported as ${code}, ${text}`, async () => {
      const seen = await askFaulty(fixture, always(fault));
      assert.equal(seen.text, `${code}: REGISTRY ${text}`);
      assert.equal(seen.registry.count("head"), heads);
    });

  it("is not asked a third time if it answers 401 to the tokens it gave", async () => {
    const { text, registry } = await askFaulty(fixture, ({ kind }, { realm }) =>
      kind === "head" ? challenge(`Bearer realm="${realm}"`) : undefined,
    );
    assert.equal(text, `denied: REGISTRY answered 401 to the token it granted: ${ABSENT}`);
    assert.deepEqual([registry.count("head"), registry.count("token")], [2, 1]);
  });

  const shared: readonly [fault: Fault, kind: "head" | "token", code: string, log: number[]][] = [
    [status(429, hour), "head", "rate-limited", [1, 0]],
    [status(500), "token", "unavailable", [1, 4]],
  ];
  for (const [fault, failing, code, log] of shared)
    it(`fails all images at once: ${code} for ${failing}`, async () => {
      const registry = await start();
      const images = ["a", "b", "c"].map((name) => imageIn(registry, `team/${name}:1`));
      registry.fault = ({ kind }) => (kind === failing ? fault : undefined);
      const answers = await client([registry]).digests(images);
      for (const answer of answers)
        assert.match(outcomeText(answer, registry), new RegExp(`^${code}: `));
      assert.deepEqual([registry.count("head"), registry.count("token")], log);
    });
});

describe("a token service", () => {
  const REQUEST = "to the token request";
  const denied = '{"errors":[{"code":"DENIED","message":"denied"}]}';
  const table: readonly [fault: Fault, code: string, text: string, requests?: number][] = [
    [
      { do: "answer", status: 403, body: denied },
      "denied",
      `answered 403 (DENIED: denied) ${REQUEST}: ${ABSENT}`,
    ],
    [status(401), "denied", `answered 401 ${REQUEST}: ${ABSENT}`],
    [{ do: "answer", status: 404, body: "<html>" }, "invalid-answer", `answered 404 ${REQUEST}`],
    [status(503), "unavailable", "answered 503, 4 times", 4],
    [status(429, hour), "rate-limited", `answered 429 ${WAIT}`],
    [
      { do: "answer", status: 200, body: "{}" },
      "invalid-answer",
      "answered the token request without a token",
    ],
    [{ do: "flood" }, "too-large", "sent more than 65536 bytes"],
    [status(302, { location: "/token" }), "refused", "redirected more than 5 times", 6],
  ];
  for (const [fault, code, text, requests = 1] of table)
    it(`is reported as ${code}, ${text}`, async () => {
      const seen = await askFaulty(fixture, ({ kind }) => (kind === "token" ? fault : undefined), {
        separateTokenService: true,
      });
      assert.equal(seen.text, `${code}: TOKENS ${text}`);
      assert.equal(seen.registry.count("token"), requests);
    });

  it("may call the token access_token", async () => {
    const options = { field: "access_token", expiresIn: 300 } as const;
    const { text } = await askFaulty(fixture, () => undefined, options);
    assert.equal(text, image.index.digest);
  });

  const realms: readonly [realm: string, shown: string, reason: string][] = [
    [
      "http://169.254.169.254/latest/meta-data/iam",
      "http://169.254.169.254",
      "it is plain http on a host that is not configured as insecure",
    ],
    [
      "https://10.0.0.1/token",
      "https://10.0.0.1",
      "it is an internal address that is not listed under registries",
    ],
    ["https://user:pass@auth.example/token", "https://auth.example", "it contains a user name"],
    ["not an address", "not an address", "it is not an http or https URL"],
  ];
  for (const [realm, shown, reason] of realms)
    it(`at ${realm} is not asked`, async () => {
      const seen = await askFaulty(fixture, always(challenge(`Bearer realm="${realm}"`)));
      assert.equal(
        seen.text,
        `refused: REGISTRY names the token service "${shown}", which is refused: ${reason}`,
      );
      assert.equal(seen.registry.count(), 1);
    });
});

describe("the digest a registry names", () => {
  const amend = (headers: Record<string, string | undefined>): Fault => ({ do: "amend", headers });
  const ZEROS = `sha256:${"0".repeat(64)}`;

  const good: readonly [title: string, fault: Parameters<typeof askFaulty>[1]][] = [
    ["header is missing", always(amend({ "docker-content-digest": undefined }))],
    ["registry knows no HEAD", authorized(status(405))],
    ["registry answers 404 to HEAD only", authorized(status(404))],
  ];
  for (const [title, fault] of good)
    it(`is taken from the bytes if the ${title}`, async () => {
      const { text, registry } = await askFaulty(fixture, fault);
      assert.equal(text, image.index.digest);
      assert.deepEqual([registry.count("head"), registry.count("get")], [2, 1]);
    });

  it("is not taken from compressed bytes", async () => {
    const { text } = await askFaulty(fixture, onGet(amend({ "content-encoding": "gzip" })));
    assert.equal(
      text,
      "invalid-answer: REGISTRY sent a compressed response, expected an uncompressed one",
    );
  });

  it("is refused if the body has another", async () => {
    const { text } = await askFaulty(fixture, ({ kind, authorization }) =>
      authorization !== "bearer"
        ? undefined
        : amend({ "docker-content-digest": kind === "head" ? undefined : ZEROS }),
    );
    assert.equal(
      text,
      `invalid-answer: REGISTRY sent content with the digest ${image.index.digest}, expected ${ZEROS}`,
    );
  });

  const DIGEST = "expected sha256: and 64 lower-case hexadecimal digits";
  const malformed = [
    ...["sha256:XYZ", `sha256:${"A".repeat(64)}`, `sha256:${"a".repeat(63)}`],
    ...[`sha512:${"a".repeat(128)}`, "a".repeat(64), ""],
  ].map((digest): [string, string, string] => {
    const shown = digest.length > 120 ? `${digest.slice(0, 117)}...` : digest;
    return ["docker-content-digest", digest, `answered with the digest "${shown}", ${DIGEST}`];
  });
  const MANIFEST = "expected an image manifest";
  const SCHEMA_1 = "has only a schema 1 manifest, which Docker no longer supports";
  const types = Object.entries({
    "text/html": `answered with content type "text/html", ${MANIFEST}`,
    "application/json; charset=utf-8": `answered with content type "application/json; charset=utf-8", ${MANIFEST}`,
    "application/vnd.docker.distribution.manifest.v1+prettyjws": SCHEMA_1,
    "application/vnd.docker.distribution.manifest.v1+json": SCHEMA_1,
  }).map(([type, text]): [string, string, string] => ["content-type", type, text]);
  const refused: readonly [header: string, value: string | undefined, text: string][] = [
    ...malformed,
    ...types,
    ["content-type", undefined, `answered without a content type, ${MANIFEST}`],
  ];
  for (const [header, value, text] of refused)
    it(`is refused with ${header} ${value === undefined ? "missing" : JSON.stringify(value)}`, async () => {
      const seen = await askFaulty(fixture, authorized(amend({ [header]: value })));
      assert.equal(seen.text, `invalid-answer: REGISTRY ${text}`);
      assert.equal(seen.registry.count("get"), 0);
    });

  it("is accepted with white space, parameters and capitals in the content type", async () => {
    const type = "Application/vnd.OCI.image.index.v1+json ; charset=utf-8";
    const { text } = await askFaulty(fixture, authorized(amend({ "content-type": type })));
    assert.equal(text, image.index.digest);
  });
});

describe("the words of a registry", () => {
  const bodies: readonly [body: string, words: string][] = [
    ["null", ""],
    ["{}", ""],
    ['{"errors":[]}', ""],
    ['{"errors":[null]}', ""],
    ['{"errors":[{"code":"","message":"m"}]}', " (m)"],
    ['{"errors":[{"code":"c","message":""}]}', " (c)"],
    ['{"errors":[{"code":"c","message":"m"},{"code":"d"}]}', " (c: m)"],
    ["<html>", ""],
  ];
  for (const [body, words] of bodies)
    it(`are "${words}" in ${body}`, async () => {
      const fault = onGet({ do: "answer", status: 400, body });
      const { text } = await askFaulty(fixture, fault);
      assert.equal(text, `invalid-answer: REGISTRY answered 400${words}`);
    });

  it("are one printable line", async () => {
    const message = "\u001b[2Jall\nis \u202ewell ".repeat(20);
    const body = JSON.stringify({ errors: [{ message }] });
    const { text } = await askFaulty(fixture, onGet({ do: "answer", status: 400, body }));
    assert.equal(
      text,
      `invalid-answer: REGISTRY answered 400 (${"[2Jall is well ".repeat(20).slice(0, 117)}...)`,
    );
  });
});
