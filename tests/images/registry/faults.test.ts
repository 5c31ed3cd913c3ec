/** Registries that break or lie: each is named, after a bounded number of requests. */

import assert from "node:assert/strict";
import { RegistryError } from "../../../images/registry/client";
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
import { imageIn, registryFixture } from "../../support/registry-fixture";

const fixture = registryFixture();
const { start, client } = fixture;

describe("a registry that fails once", () => {
  const faults: readonly [title: string, fault: Fault][] = [
    ["cuts the connection", { do: "reset" }],
    ["answers 429 without a time to wait", status(429)],
    ["answers 429 with no time to wait", status(429, { "retry-after": "0" })],
    ["answers 500", status(500)],
    ["answers 503", status(503)],
    ["answers 503 with an unreadable time to wait", status(503, { "retry-after": "soon" })],
  ];
  for (const [title, fault] of faults)
    for (const kind of ["head", "token"] as const)
      it(`is asked again when its ${kind === "head" ? "manifest" : "token service"} ${title}`, async () => {
        const { text, registry } = await askFaulty(fixture, first(1, kind, fault));
        assert.equal(text, image.index.digest);
        assert.equal(registry.count(), 4);
      });

  it("is asked again after the time it asked to wait", async () => {
    const started = performance.now();
    const { text } = await askFaulty(
      fixture,
      first(1, "head", status(429, { "retry-after": "1" })),
    );
    assert.equal(text, image.index.digest);
    assert.ok(performance.now() - started >= 1000);
  });

  it("is asked four times in all, not more", async () => {
    const { text, registry } = await askFaulty(fixture, first(3, "head", status(502)));
    assert.equal(text, image.index.digest);
    assert.equal(registry.count("head"), 5);
  });
});

describe("a registry that fails always", () => {
  const table: readonly [title: string, fault: Fault, text: string, heads: number][] = [
    ["answers 429", status(429), "rate-limited: REGISTRY answered 429, 4 times", 4],
    [
      "answers 429 and asks to wait for an hour",
      status(429, { "retry-after": "3600" }),
      "rate-limited: REGISTRY answered 429 and asks to wait 3600 s, which is beyond the limit of 20 s",
      1,
    ],
    ["answers 500", status(500), "unavailable: REGISTRY answered 500, 4 times", 4],
    [
      "answers 503 and asks to wait for a minute",
      status(503, { "retry-after": "60" }),
      "unavailable: REGISTRY answered 503 and asks to wait 60 s, which is beyond the limit of 20 s",
      1,
    ],
    [
      "cuts the connection",
      { do: "reset" },
      "unavailable: REGISTRY cut the connection, 4 times",
      4,
    ],
    ["answers 400", status(400), "invalid-answer: REGISTRY answered 400", 1],
    ["answers 501", status(501), "invalid-answer: REGISTRY answered 501", 1],
    ["answers 204", status(204), "invalid-answer: REGISTRY answered 204", 1],
    ["answers 403", status(403), "denied: REGISTRY answered 403", 1],
    [
      "answers 401 without a challenge",
      status(401),
      "invalid-answer: REGISTRY answered 401 without saying what it wants",
      1,
    ],
    [
      "answers 401 with a challenge that is none",
      status(401, { "www-authenticate": 'Bearer realm="x' }),
      'invalid-answer: REGISTRY answered 401 without saying what it wants: "Bearer realm="x"',
      1,
    ],
    [
      "wants an authentication nobody has heard of",
      status(401, { "www-authenticate": "Negotiate" }),
      'invalid-answer: REGISTRY answered 401 without saying what it wants: "Negotiate"',
      1,
    ],
    [
      "does not speak HTTP",
      { do: "babble", text: "SSH-2.0-OpenSSH_9.2\r\n" },
      "invalid-answer: REGISTRY did not answer in HTTP",
      1,
    ],
    [
      "goes over to another protocol",
      {
        do: "babble",
        text: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
      },
      "invalid-answer: REGISTRY answered with another protocol",
      1,
    ],
    [
      "sends more headers than are read",
      status(200, { "x-long": "x".repeat(20_000) }),
      "too-large: REGISTRY answered with more headers than are read",
      1,
    ],
  ];
  for (const [title, fault, text, heads] of table)
    it(`is given up when it ${title}`, async () => {
      const seen = await askFaulty(fixture, always(fault));
      assert.equal(seen.text, text);
      assert.equal(seen.registry.count("head"), heads);
    });

  it("is given up when it answers 401 to the tokens it gave", async () => {
    const { text, registry } = await askFaulty(fixture, ({ kind }, { realm }) =>
      kind === "head" ? status(401, { "www-authenticate": `Bearer realm="${realm}"` }) : undefined,
    );
    assert.equal(
      text,
      "denied: REGISTRY answered 401 although it got a token: it does not exist or is private",
    );
    assert.deepEqual([registry.count("head"), registry.count("token")], [2, 1]);
  });

  it("is not asked for the other images when it answers 429", async () => {
    const registry = await start({ auth: "none" });
    const names = ["a", "b", "c"].map((name) => imageIn(registry, `team/${name}:1`));
    registry.fault = () => status(429, { "retry-after": "3600" });
    const answers = await client([registry]).digests(names);
    assert.deepEqual(
      answers.map((answer) => answer instanceof RegistryError && answer.code),
      ["rate-limited", "rate-limited", "rate-limited"],
    );
    assert.equal(registry.count(), 1);
  });
});

describe("a token service", () => {
  const answers: readonly [title: string, fault: Fault, text: string, requests: number][] = [
    [
      "that refuses is taken at its word",
      { do: "answer", status: 403, body: '{"errors":[{"code":"DENIED","message":"denied"}]}' },
      "denied: TOKENS answered 403 (DENIED: denied) to the request for a token: it does not exist or is private",
      1,
    ],
    [
      "that refuses who sends no password is taken at its word",
      status(401),
      "denied: TOKENS answered 401 to the request for a token: it does not exist or is private",
      1,
    ],
    [
      "that is not there is named",
      { do: "answer", status: 404, body: "<html>not found</html>" },
      "invalid-answer: TOKENS answered 404 to the request for a token",
      1,
    ],
    ["that is down is named", status(503), "unavailable: TOKENS answered 503, 4 times", 4],
    [
      "that wants more time than there is is named",
      status(429, { "retry-after": "90" }),
      "rate-limited: TOKENS answered 429 and asks to wait 90 s, which is beyond the limit of 20 s",
      1,
    ],
    [
      "that gives no token is named",
      { do: "answer", status: 200, body: "{}" },
      "invalid-answer: TOKENS answered without a token",
      1,
    ],
    [
      "that answers without end is named",
      { do: "flood" },
      "too-large: TOKENS answered with more than 65536 bytes",
      1,
    ],
    [
      "that redirects to itself without end is named",
      status(302, { location: "/token" }),
      "refused: TOKENS redirected more than 5 times",
      6,
    ],
  ];
  for (const [title, fault, text, requests] of answers)
    it(title, async () => {
      const seen = await askFaulty(fixture, ({ kind }) => (kind === "token" ? fault : undefined), {
        separateTokenService: true,
      });
      assert.equal(seen.text, text);
      assert.equal(seen.registry.count("token"), requests);
    });

  for (const field of ["token", "access_token"] as const)
    it(`may call the token ${field}`, async () => {
      const { text } = await askFaulty(fixture, () => undefined, { field, expiresIn: 300 });
      assert.equal(text, image.index.digest);
    });

  it("that is down fails all images, after it was asked four times in all", async () => {
    const registry = await start();
    const names = ["a", "b", "c"].map((name) => imageIn(registry, `team/${name}:1`));
    registry.fault = ({ kind }) => (kind === "token" ? status(500) : undefined);
    const answers = await client([registry]).digests(names);
    assert.deepEqual(
      answers.map((answer) => answer instanceof RegistryError && answer.code),
      ["unavailable", "unavailable", "unavailable"],
    );
    assert.deepEqual([registry.count("head"), registry.count("token")], [1, 4]);
  });

  const realms: readonly [title: string, realm: string, text: string][] = [
    [
      "at an internal address",
      "http://169.254.169.254/latest/meta-data/iam",
      '"http://169.254.169.254", which is not asked: it is plain http on a host that is not configured as insecure',
    ],
    [
      "at an internal address over https",
      "https://10.0.0.1/token",
      '"https://10.0.0.1", which is not asked: it is an internal address that no line of registries names',
    ],
    [
      "with a user name in it",
      "https://user:pass@auth.example/token",
      '"https://auth.example", which is not asked: it has a user name in it',
    ],
    [
      "that is no address",
      "not an address",
      '"not an address", which is not asked: it is no web address',
    ],
  ];
  for (const [title, realm, text] of realms)
    it(`${title} is not asked`, async () => {
      const seen = await askFaulty(
        fixture,
        always(status(401, { "www-authenticate": `Bearer realm="${realm}"` })),
      );
      assert.equal(seen.text, `refused: REGISTRY wants a token from ${text}`);
      assert.equal(seen.registry.count(), 1);
    });
});

describe("the digest a registry names", () => {
  const amend = (headers: Record<string, string | undefined>): Fault => ({ do: "amend", headers });

  it("is taken from the bytes where the header is missing", async () => {
    const { text, registry } = await askFaulty(
      fixture,
      always(amend({ "docker-content-digest": undefined })),
    );
    assert.equal(text, image.index.digest);
    assert.deepEqual([registry.count("head"), registry.count("get")], [2, 1]);
  });

  it("is not taken from compressed bytes", async () => {
    const { text } = await askFaulty(
      fixture,
      onGet({ do: "amend", headers: { "content-encoding": "gzip" } }),
    );
    assert.equal(text, "invalid-answer: REGISTRY compressed its answer, unasked");
  });

  it("is taken from a GET where the registry knows no HEAD", async () => {
    const { text, registry } = await askFaulty(fixture, authorized(status(405)));
    assert.equal(text, image.index.digest);
    assert.deepEqual([registry.count("head"), registry.count("get")], [2, 1]);
  });

  it("is taken from a GET where the registry answers 404 to HEAD alone", async () => {
    const { text } = await askFaulty(fixture, authorized(status(404)));
    assert.equal(text, image.index.digest);
  });

  it("of a body that is not what the header says is refused", async () => {
    const wrong = `sha256:${"0".repeat(64)}`;
    const { text } = await askFaulty(fixture, ({ kind, authorization }) =>
      authorization !== "bearer"
        ? undefined
        : amend({ "docker-content-digest": kind === "head" ? undefined : wrong }),
    );
    assert.equal(
      text,
      `invalid-answer: REGISTRY answered with other bytes than promised: they have the digest ${image.index.digest}, not ${wrong}`,
    );
  });

  const malformed: readonly string[] = [
    "sha256:XYZ",
    `sha256:${"A".repeat(64)}`,
    `sha256:${"a".repeat(63)}`,
    `sha512:${"a".repeat(128)}`,
    "a".repeat(64),
    "",
  ];
  for (const digest of malformed)
    it(`is refused when it is ${JSON.stringify(digest)}`, async () => {
      const { text, registry } = await askFaulty(
        fixture,
        authorized(amend({ "docker-content-digest": digest })),
      );
      const shown = digest.length > 120 ? `${digest.slice(0, 117)}...` : digest;
      assert.equal(
        text,
        `invalid-answer: REGISTRY answered with the digest "${shown}", expected sha256: and 64 lower-case hexadecimal digits`,
      );
      assert.equal(registry.count("get"), 0);
    });

  const types: readonly [type: string | undefined, text: string][] = [
    [undefined, "answered without a content type, expected an image manifest"],
    ["text/html", 'answered with content type "text/html", expected an image manifest'],
    [
      "application/json; charset=utf-8",
      'answered with content type "application/json; charset=utf-8", expected an image manifest',
    ],
    [
      "application/vnd.docker.distribution.manifest.v1+prettyjws",
      "has it in image format 1 only, which Docker no longer runs",
    ],
    [
      "application/vnd.docker.distribution.manifest.v1+json",
      "has it in image format 1 only, which Docker no longer runs",
    ],
  ];
  for (const [type, text] of types)
    it(`is refused with content type ${type ?? "missing"}`, async () => {
      const seen = await askFaulty(fixture, authorized(amend({ "content-type": type })));
      assert.equal(seen.text, `invalid-answer: REGISTRY ${text}`);
      assert.equal(seen.registry.count("get"), 0);
    });

  it("is taken with parameters and capitals in the content type", async () => {
    const type = "Application/vnd.OCI.image.index.v1+json; charset=utf-8";
    const { text } = await askFaulty(fixture, authorized(amend({ "content-type": type })));
    assert.equal(text, image.index.digest);
  });
});
