import assert from "node:assert/strict";
import {
  formatReference,
  isPinned,
  parseDigest,
  parseReference,
  pinTo,
  ReferenceError,
} from "../../images/reference";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;
const isReferenceError = (message: string) => (error: unknown) => {
  assert.ok(error instanceof ReferenceError);
  assert.equal(error.message, message);
  return true;
};

describe("an image reference", () => {
  const good: readonly [text: string, registry: string, repository: string, tag?: string][] = [
    ["traefik:v3.6.4", "docker.io", "library/traefik", "v3.6.4"],
    ["n8nio/n8n:1.64.2", "docker.io", "n8nio/n8n", "1.64.2"],
    ["docker.io/traefik:1", "docker.io", "library/traefik", "1"],
    ["docker.io/library/traefik:1", "docker.io", "library/traefik", "1"],
    ["index.docker.io/library/traefik:1", "docker.io", "library/traefik", "1"],
    [
      "ghcr.io/tecnativa/docker-socket-proxy:v0.4.2",
      "ghcr.io",
      "tecnativa/docker-socket-proxy",
      "v0.4.2",
    ],
    ["gcr.io/cadvisor/cadvisor:v0.49.1", "gcr.io", "cadvisor/cadvisor", "v0.49.1"],
    ["127.0.0.1:5000/app:1", "127.0.0.1:5000", "app", "1"],
    ["localhost/app:1", "localhost", "app", "1"],
    ["localhost:5000/a/b/c:1", "localhost:5000", "a/b/c", "1"],
    ["[::1]:5000/app:1", "[::1]:5000", "app", "1"],
    ["registry:5000/app:1", "registry:5000", "app", "1"],
    ["team/app:1", "docker.io", "team/app", "1"],
    ["[::0]/app:1", "[::0]", "app", "1"],
    ["a.b/c:latest", "a.b", "c", "latest"],
    ["a/b__c-d.e_f:A_b.C-1", "docker.io", "a/b__c-d.e_f", "A_b.C-1"],
    [`app:${"x".repeat(128)}`, "docker.io", "library/app", "x".repeat(128)],
    [`ghcr.io/${"x".repeat(247)}:1`, "ghcr.io", "x".repeat(247), "1"],
  ];
  for (const [text, registry, repository, tag] of good)
    for (const suffix of ["", `@${DIGEST}`])
      it(`is read from ${text}${suffix}`, () => {
        const name = text.slice(0, text.lastIndexOf(":"));
        const digest = suffix === "" ? {} : { digest: DIGEST };
        const reference = parseReference(text + suffix);
        assert.deepEqual(reference, { name, registry, repository, tag, ...digest });
        assert.equal(formatReference(reference), text + suffix);
        assert.equal(isPinned(reference), suffix !== "");
      });

  it("may have a digest and no tag", () => {
    assert.deepEqual(parseReference(`127.0.0.1:5000/app@${DIGEST}`), {
      name: "127.0.0.1:5000/app",
      registry: "127.0.0.1:5000",
      repository: "app",
      digest: DIGEST,
    });
  });

  const EXPECTED = "expected name:tag, name:tag@sha256:… or name@sha256:…";
  const NOTHING = `has neither tag nor digest, ${EXPECTED}`;
  const CAPITAL = "must be lower case";
  const PORT = "is not between 1 and 65535";
  const bad: Readonly<Record<string, readonly string[]>> = {
    [EXPECTED]: ["", ":1", `@${DIGEST}`],
    [NOTHING]: ["traefik", "127.0.0.1:5000/app"],
    '"" is not a valid tag': ["traefik:"],
    '"-1" is not a valid tag': ["traefik:-1"],
    '".1" is not a valid tag': ["traefik:.1"],
    '"a b" is not a valid tag': ["traefik:a b"],
    '"1 " is not a valid tag': ["traefik:1 "],
    '"1\\n" is not a valid tag': ["traefik:1\n"],
    '"1:2" is not a valid tag': ["traefik:1:2"],
    [`"${"x".repeat(117)}..." is not a valid tag`]: [`app:${"x".repeat(129)}`],
    [`is only a digest, ${EXPECTED}`]: [`sha256:${HEX}`, "sha256:0123"],
    [`the repository ${CAPITAL}`]: ["Traefik:1", "n8nio/N8N:1"],
    [`the registry ${CAPITAL}`]: ["Ghcr.io/team/app:1", "Registry.example:5000/app:1"],
    '" traefik" is not valid in a repository name': [" traefik:1"],
    '"" is not valid in a repository name': ["a//b:1", "a/b/:1", "/traefik:1"],
    '"b..c" is not valid in a repository name': ["a/b..c:1"],
    '"b___c" is not valid in a repository name': ["a/b___c:1"],
    '"-b" is not valid in a repository name': ["a/-b:1"],
    '".." is not valid in a repository name': ["a/../b:1"],
    '"bü" is not valid in a repository name': ["a/bü:1"],
    [`port 0 ${PORT}`]: ["host:0/app:1"],
    [`port 65536 ${PORT}`]: ["host:65536/app:1"],
    [`port 123456 ${PORT}`]: ["host:123456/app:1"],
    '"a..b" is not a valid registry host': ["a..b/c:1"],
    '"host:port" is not a valid registry host': ["host:port/app:1"],
    '"-host.io" is not a valid registry host': ["-host.io/app:1"],
    '"https:" is not a valid registry host': ["https://ghcr.io/app:1"],
    '"999.1.1.1" is not a valid registry host': ["999.1.1.1/app:1"],
    '"[:::]:5000" is not a valid registry host': ["[:::]:5000/app:1"],
    "the name is longer than 255 characters": [`ghcr.io/${"x".repeat(256 - "ghcr.io/".length)}:1`],
  };
  for (const [problem, texts] of Object.entries(bad))
    for (const text of texts)
      it(`is refused: ${JSON.stringify(text).slice(0, 80)}`, () => {
        const shown = JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
        assert.throws(() => parseReference(text), isReferenceError(`image ${shown}: ${problem}`));
      });

  it("takes what is behind an @ for a digest", () => {
    assert.throws(
      () => parseReference("user@host.io/app:1"),
      isReferenceError('digest "host.io/app:1": expected sha256:, the only supported algorithm'),
    );
  });

  it("keeps everything but the digest when it is pinned", () => {
    const reference = parseReference("ghcr.io/team/app:1");
    assert.deepEqual(pinTo(reference, parseDigest(DIGEST)), { ...reference, digest: DIGEST });
  });
});

describe("a digest", () => {
  it("is sha256: and 64 lower-case hexadecimal digits", () => {
    assert.equal(parseDigest(DIGEST), DIGEST);
  });

  const bad: readonly [text: string, problem: string][] = [
    ["", "expected sha256:, the only supported algorithm"],
    [HEX, "expected sha256:, the only supported algorithm"],
    [`sha512:${HEX}${HEX}`, "expected sha256:, the only supported algorithm"],
    [`SHA256:${HEX}`, "expected sha256:, the only supported algorithm"],
    ["sha256:", "expected 64 hexadecimal digits, got 0"],
    [`sha256:${HEX.slice(1)}`, "expected 64 hexadecimal digits, got 63"],
    [`sha256:${HEX}0`, "expected 64 hexadecimal digits, got 65"],
    [`sha256:${HEX.toUpperCase()}`, "expected lower-case hexadecimal digits"],
    [`sha256:${HEX.slice(1)}g`, "expected only the digits 0-9 and a-f"],
    [`sha256:${HEX}\n`, "expected 64 hexadecimal digits, got 65"],
    [`sha256:${HEX}:${HEX}`, "expected only the digits 0-9 and a-f"],
  ];
  for (const [text, problem] of bad)
    it(`is refused: ${JSON.stringify(text).slice(0, 90)}`, () => {
      const shown = JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
      assert.throws(() => parseDigest(text), isReferenceError(`digest ${shown}: ${problem}`));
    });
});
