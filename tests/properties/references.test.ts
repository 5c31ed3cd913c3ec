import assert from "node:assert/strict";

import fc from "fast-check";

import {
  formatReference,
  ImageReference,
  isPinned,
  parseDigest,
  parseReference,
  ReferenceError,
} from "../../images/reference";
import { registryOrigin } from "../../images/registry/origin";
import { assertOneLine, assertQuick, holds, LONG_INPUTS, outcome } from "./check";

const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const digest = hex.map((digits) => `sha256:${digits}`);
const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
const registry = fc.constantFrom(
  "",
  "ghcr.io/",
  "docker.io/",
  "index.docker.io/",
  "localhost/",
  "localhost:5000/",
  "127.0.0.1:5000/",
  "[::1]:5000/",
  "registry.example:443/",
);
const path = fc
  .array(fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join("/"));
const name = fc
  .tuple(registry, path)
  // Without a registry a first part with a dot is taken for one.
  .map(([host, rest]) => (host === "" ? `team/${rest}` : `${host}${rest}`));
const ending = fc.oneof(
  tag.map((text) => `:${text}`),
  digest.map((text) => `@${text}`),
  fc.tuple(tag, digest).map(([text, pin]) => `:${text}@${pin}`),
);
const reference = fc.tuple(name, ending).map((parts) => parts.join(""));

/** Near enough to a reference to get past the first checks. */
const nearly = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ..."/ : @ . - _ [ ] # ? % \\".split(" "),
        " ",
        "//",
        "..",
        "sha256:",
        "localhost",
        "docker.io",
        "://",
      ),
      fc.string({ maxLength: 6 }),
      fc.string({ unit: "grapheme", maxLength: 4 }),
      tag,
      digest,
      path,
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));

describe("every image reference", () => {
  it("that is one is kept as it was written", () => {
    holds(
      fc.property(reference, (text) => {
        assert.equal(formatReference(parseReference(text)), text);
      }),
    );
  });

  it("has exactly the digest that was written, or none", () => {
    holds(
      fc.property(name, fc.option(tag), digest, (first, middle, pin) => {
        const bare = middle === null ? first : `${first}:${middle}`;
        assert.equal(parseReference(`${bare}@${pin}`).digest, pin);
        if (middle !== null) assert.equal(isPinned(parseReference(bare)), false);
      }),
    );
  });

  it("is read or refused with one printable line that repeats little of it", () => {
    holds(
      fc.property(nearly, (text) => {
        const read = outcome(() => parseReference(text), ReferenceError);
        if ("error" in read) assertOneLine(read.error.message, 600);
      }),
      1000,
    );
  });

  it("that is accepted leads to its own registry and repository, however it is written", () => {
    const lands = (image: ImageReference): void => {
      for (const insecure of [false, true]) {
        const origin = registryOrigin(image.registry, { insecure });
        const url = new URL(`/v2/${image.repository}/manifests/${image.tag ?? ""}`, origin);
        assert.equal(url.origin, origin.origin);
        assert.equal(url.pathname, `/v2/${image.repository}/manifests/${image.tag ?? ""}`);
        assert.equal(`${url.username}${url.password}${url.search}${url.hash}`, "");
        const host = image.registry === "docker.io" ? "registry-1.docker.io" : image.registry;
        const written = host.toLowerCase().replace(insecure ? /:0*80$/ : /:0*443$/, "");
        if (/^[a-z.-]+$/.test(written)) assert.equal(url.host, written);
      }
    };
    holds(
      fc.property(fc.oneof(reference, nearly), (text) => {
        const read = outcome(() => parseReference(text), ReferenceError);
        if ("value" in read) lands(read.value);
      }),
      1000,
    );
  });

  it("is read in time that grows with its length", () => {
    for (const text of LONG_INPUTS)
      for (const whole of [text, `a/${text}`, `a:${text}`, `a@sha256:${text}`, `${text}/a:1`])
        assertQuick(JSON.stringify(whole.slice(0, 12)), () =>
          outcome(() => parseReference(whole), ReferenceError),
        );
  });
});

describe("every digest", () => {
  it("is read as it is or refused with one printable line", () => {
    const text = fc.oneof(
      digest,
      nearly,
      digest.chain((pin) => fc.nat(70).map((cut) => pin.slice(cut))),
      digest.map((pin) => pin.toUpperCase()),
      fc.tuple(digest, fc.string({ maxLength: 3 })).map((parts) => parts.join("")),
    );
    holds(
      fc.property(text, (given) => {
        const read = outcome(() => parseDigest(given), ReferenceError);
        if ("error" in read) {
          assertOneLine(read.error.message, 400);
          return;
        }
        assert.equal(read.value, given);
        assert.match(given, /^sha256:[0-9a-f]{64}$/);
        assert.equal(given.length, 71);
      }),
      1000,
    );
  });
});
