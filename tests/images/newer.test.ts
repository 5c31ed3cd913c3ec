/** What a person would pick from the tags that the publishers have. The lists have the shapes of the published ones. */
import assert from "node:assert/strict";

import fc from "fast-check";

import { newerTags, type Level } from "../../images/newer";
import { parseReference } from "../../images/reference";
import { tagVersion } from "../../images/tag-version";

const TRAEFIK =
  "latest v3 v3.7 3.7 v3.6.4 3.6.4 v3.6.25 3.6.25 v3.7.14 3.7.14 v3.7.17 3.7.17 v3.8.0-rc.1 3.8.0-rc.1 v3.8.0-ea.1 v3.7.17-windowsservercore-ltsc2022 saintnectaire windowsservercore v2.11.40 2.11.40 v4.0.0-beta.1";
const NGINX =
  "latest alpine stable stable-alpine mainline 1 1.27 1.27-alpine 1.27.5-alpine 1.28.3-alpine 1.29.8-alpine 1.30.5-alpine 1.30.7-alpine 1.30.7 1.30.7-alpine3.23 1.30.7-alpine-slim 1.30.7-alpine-perl 1.31.9-alpine 1.31.9 1-alpine 1.30-alpine 1.31-alpine";
const POSTGRES =
  "latest alpine 16 16-alpine 16-alpine3.23 16.15-alpine 16.16-alpine 16.16 16.16-bookworm 17-alpine 17.12-alpine 18-alpine 18.7-alpine 19beta1-alpine 19rc1-alpine 18beta1";
const N8N =
  "latest next stable beta nightly 1.64.2 1.123.81 1.123.85 2.40.7 2.42.4 2.42.4-amd64 2.42.4-arm64 2.42.6 2.43.0 2.48.5 2.48.8 2.48.8-exp.0 2.49.0-rc.1 20240101 1.0.0-rc.1";
const PORTAINER =
  "latest lts sts 2.19.5 2.19.5-alpine 2.33.1 2.39.9 2.45.1 2.45.4 2.45.4-alpine 3.1.0 linux-amd64-2.45.4 develop pr1234";
const CADVISOR = "latest v0.49.1 v0.52.1 v0.60.6 v0.60.7 v0.61.0 v0.61.0-rc.0 canary";
const PROXY = "latest nightly edge v0 v0.4 v0.4.2 v0.5.0 0.4.2 0.5.0 v0.5.0-rc1 pr-101";

const ALPINE = ["1.2.4-alpine", "1.2.4-alpine", "1.2.4-alpine"] as const;

const picked: readonly (readonly [string, string, string, string, string])[] = [
  ["traefik:v3.7.14", TRAEFIK, "v3.7.17", "v3.7.17", "v3.7.17"],
  ["traefik:v3.6.4", TRAEFIK, "v3.6.25", "v3.7.17", "v3.7.17"],
  ["traefik:3.6.4", TRAEFIK, "3.6.25", "3.7.17", "3.7.17"],
  ["traefik:v2.11.40", TRAEFIK, "", "", "v3.7.17"],
  ["nginx:1.30.5-alpine", NGINX, "1.30.7-alpine", "1.30.7-alpine", "1.30.7-alpine"],
  ["nginx:1.28.3-alpine", NGINX, "", "1.30.7-alpine", "1.30.7-alpine"],
  ["nginx:1.29.8-alpine", NGINX, "", "1.31.9-alpine", "1.31.9-alpine"],
  // Patches of 1.27 come under the same tag.
  ["nginx:1.27-alpine", NGINX, "", "1.31-alpine", "1.31-alpine"],
  ["postgres:16-alpine", POSTGRES, "", "", "18-alpine"],
  ["postgres:16.15-alpine", POSTGRES, "16.16-alpine", "16.16-alpine", "18.7-alpine"],
  ["n8nio/n8n:2.42.4", N8N, "2.42.6", "2.48.8", "2.48.8"],
  ["n8nio/n8n:1.123.81", N8N, "1.123.85", "1.123.85", "2.48.8"],
  ["portainer/portainer-ce:2.45.1", PORTAINER, "2.45.4", "2.45.4", "3.1.0"],
  ["portainer/portainer-ce:2.19.5-alpine", PORTAINER, "", "2.45.4-alpine", "2.45.4-alpine"],
  ["ghcr.io/google/cadvisor:v0.60.6", CADVISOR, "v0.60.7", "v0.61.0", "v0.61.0"],
  ["ghcr.io/tecnativa/docker-socket-proxy:v0.4.2", PROXY, "", "v0.5.0", "v0.5.0"],
  ["traefik:latest", TRAEFIK, "", "", ""],
  ["a:1.2.3-rc.1-alpine", "1.2.3 1.2.3-alpine 1.2.4-alpine 2.0.0-rc.1-alpine", ...ALPINE],
  ["a:1.2.3", "1.2.4-rc1 01.2.9 1.2.10 1.2.9 1.2.4_1 1.2.9999999", "1.2.10", "1.2.10", "1.2.10"],
  ["a:20240101", "20240601 20250101", "", "", ""],
  ["a:2024.01.15", "2024.06.01 2024.01.20 2025.1.1", "2024.01.20", "2024.06.01", "2025.1.1"],
  ["a:1.2.3.4", "1.2.3.5 1.2.4.0 2.0.0.0 3.0.0", "1.2.3.5", "1.2.4.0", "2.0.0.0"],
  ["traefik:v4.0.0-alpha.1", `${TRAEFIK} v4.0.0`, "v4.0.0", "v4.0.0", "v4.0.0"],
];

describe("newer tags", () => {
  for (const [image, tags, ...expected] of picked)
    it(`of ${image}`, () => {
      const levels: readonly Level[] = ["patch", "minor", "major"];
      assert.deepEqual(
        levels.map((level) => newerTags(parseReference(image), tags.split(" "), level)[0] ?? ""),
        expected,
      );
    });

  it("are always newer, within the level, and of the same variant", () => {
    const tag = fc
      .tuple(
        fc.constantFrom("", "v"),
        fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
        fc.constantFrom("", "-alpine", "-rc.1"),
      )
      .map(([prefix, numbers, variant]) => `${prefix}${numbers.join(".")}${variant}`);
    fc.assert(
      fc.property(tag, fc.array(tag), (current, tags) => {
        const before = tagVersion(current) ?? [];
        for (const newer of newerTags(
          { registry: "r.test", repository: "a", tag: current },
          tags,
          "minor",
        )) {
          const after = tagVersion(newer) ?? [];
          assert.equal(after[0], before[0]);
          assert.equal(after.length, before.length);
          assert.equal(newer.startsWith("v"), current.startsWith("v"));
          assert.ok(!newer.endsWith("-rc.1") || !current.endsWith("-rc.1"));
        }
      }),
    );
  });
});
