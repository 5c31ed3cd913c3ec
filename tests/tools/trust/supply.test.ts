/** What a report says of the origin and the versions of images. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describeStack } from "../../../components/describe";
import { parseConfig } from "../../../config/config";
import { formatEvidence, type Evidence } from "../../../images/signatures/evidence";
import { sections } from "../../../tools/report/sections";
import { stackView } from "../../../tools/report/view/stack";
import { supplyView } from "../../../tools/trust/supply";
import { IMAGES, rawConfig } from "../../support/raw-config";

const NOW = new Date("2026-11-27T12:00:00Z");
const digest = `sha256:${"3".repeat(64)}` as const;

describe("the supply chain in a report", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "supply-"));
    mkdirSync(join(folder, "signatures"));
    const evidence: Evidence = {
      repository: "docker.io/library/nginx",
      digest: digest as Evidence["digest"],
      platform: "linux/amd64",
      asked: NOW,
      places: ["docker.io/library/nginx"],
      ...{ unanswered: [], found: [], unread: [], others: [] },
      claims: {
        builder: "https://github.com/docker-library",
        source: "https://github.com/nginx/docker-nginx.git",
        revision: "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d",
      },
      sboms: [
        {
          type: "https://spdx.dev/Document",
          digest: `sha256:${"a".repeat(64)}` as Evidence["digest"],
          unsigned: true,
        },
      ],
    };
    writeFileSync(join(folder, "signatures", "homepage.sigstore.json"), formatEvidence([evidence]));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("has the word, builder, source and commit, SBOM, the ended line and open holes, and the age of the facts", async () => {
    const config = parseConfig(
      rawConfig({ images: { ...IMAGES, homepage: `nginx:1.29.8-alpine@${digest}` } }),
    );
    const model = describeStack(config, config.images);
    const supply = await supplyView({ config, model }, folder, NOW);
    const found = sections({ ...stackView(model), supply });
    const text = (title: string): readonly string[] => {
      const rows = found.find((one) => one.title === title)?.rows ?? assert.fail(title);
      return rows
        .filter(([name]) => name === "homepage" || name === "")
        .map((row) => row.join(" | "));
    };
    assert.deepEqual(text("Signatures and provenance"), [
      "homepage | unsigned | Docker Official Images publish no signature | unsigned, it says: built from https://github.com/nginx/docker-nginx.git at 1a2b3c4d5e6f by https://github.com/docker-library | SPDX aaaaaaaaaaaa, unsigned",
    ]);
    const known = text("Known of these versions");
    assert.equal(
      known[0],
      "homepage | nginx 1.29 ended 2026-05-13 (endoflife.date, read 2026-08-22)",
    );
    assert.match(
      known[1] ?? "",
      /^homepage \| nginx 1\.29\.8-alpine: CVE-2026-123007, without login, /,
    );
    assert.match(
      known.at(-1) ?? "",
      /^ \| what is known of ends of lines is as of 2026-08-22, 97 days ago/,
    );
  });

  it("is not in what a deployment compares", () => {
    const config = parseConfig(rawConfig({}));
    assert.equal(stackView(describeStack(config, config.images)).supply, undefined);
  });
});
