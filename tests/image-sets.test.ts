/** The guide's images and those of today make the same stack, except for what is written down here. */
import assert from "node:assert/strict";

import { describeStack } from "../components/describe";
import { StackModel } from "../components/model";
import { parseConfig } from "../config/config";
import { GUIDE, ImageSet, TODAY } from "./support/image-sets";
import { rawConfig } from "./support/raw-config";

function modelWith(images: ImageSet): StackModel {
  const services = { cadvisor: { enabled: true } };
  const config = parseConfig(rawConfig({ images, services, adminAllow: ["192.0.2.0/24"] }));
  return describeStack(config, config.images);
}

/** Every value in it, by its path. Containers, networks and mounts go by name, and exemptions by control. */
function leaves(value: unknown, path = ""): Map<string, string> {
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0)
    return new Map([[path, JSON.stringify(value)]]);
  const found = new Map<string, string>();
  for (const [index, item] of Object.entries(value as Record<string, unknown>)) {
    const named = item as { name?: string; volume?: string; control?: string; service?: string };
    const key = Array.isArray(value)
      ? (named.name ?? named.volume ?? named.control ?? named.service ?? index)
      : index;
    for (const [at, leaf] of leaves(item, `${path}/${key}`)) found.set(at, leaf);
  }
  return found;
}

/** A path and its value in both models, where they differ; "-" where one has no such path. */
function differences(before: StackModel, after: StackModel): string[] {
  const [old, now] = [leaves(before), leaves(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => old.get(path) !== now.get(path))
    .map((path) => `${path} ${old.get(path) ?? "-"} → ${now.get(path) ?? "-"}`);
}

/** Traefik's file is one text; a test of its own reads it. */
const TRAEFIK = "/containers/traefik/mounts/traefik-config/files/traefik.yml";

/** The references themselves, what they need of the host, and the pages that show them. */
const ABOUT_IMAGES =
  /^\/images\/|^\/containers\/[\w-]+\/(?:image|toolImage) |\/(?:site|details)\/index\.html /;
/** The container of n8n's task runners and its network. */
const RUNNERS = /^\/containers\/n8n-runners\/|^\/networks\/n8n-runners-n8n\//;

const N8N = "/containers/n8n";
const KEY = "N8N_ENCRYPTION_KEY";
const FILES = `${N8N}/mounts/n8n-secrets/files`;
const EXEMPTION = `${N8N}/exemptions/environmentSecrets`;
const EXPECTED = [
  `${N8N}/controls/environmentSecrets/0 "${KEY}" → -`,
  `${N8N}/controls/environmentSecrets - → []`,
  `${EXEMPTION}/control "environmentSecrets" → -`,
  `${EXEMPTION}/value/0 "${KEY}" → -`,
  `${EXEMPTION}/reason "n8n before 1.116.2 cannot read the key from a file; docker inspect shows it" → -`,
  `${N8N}/secretEnvironment/${KEY} "n8nEncryptionKey" → -`,
  `${N8N}/secretEnvironment - → {}`,
  `${N8N}/environment/${KEY}_FILE - → "/run/secrets/n8n/encryption-key"`,
  `${FILES}/encryption-key/secret - → "n8nEncryptionKey"`,
  `${N8N}/environment/WEBHOOK_URL "http://n8n.example.test/" → -`,
  `${N8N}/environment/N8N_WEBHOOK_URL - → "http://n8n.example.test/"`,
  `${N8N}/environment/N8N_RUNNERS_MODE - → "external"`,
  `${N8N}/environment/N8N_RUNNERS_BROKER_LISTEN_ADDRESS - → "0.0.0.0"`,
  `${N8N}/environment/N8N_RUNNERS_BROKER_PORT - → "5679"`,
  `${N8N}/environment/N8N_RUNNERS_AUTH_TOKEN_FILE - → "/run/secrets/n8n/runners-token"`,
  `${FILES}/runners-token/secret - → "n8nRunnersToken"`,
  `${N8N}/networks/n8n-runners-n8n/name - → "n8n-runners-n8n"`,
  `${N8N}/networks/n8n-runners-n8n/internal - → true`,
];

describe("the guide's images and those of today", () => {
  it("make the same stack, except for n8n's key, its address and its task runners", () => {
    const found = differences(modelWith(GUIDE), modelWith(TODAY));
    const other = found.filter(
      (line) =>
        ![ABOUT_IMAGES, RUNNERS].some((known) => known.test(line)) && !line.startsWith(TRAEFIK),
    );
    assert.deepEqual(other.sort(), [...EXPECTED].sort());
    assert.ok(found.some((line) => RUNNERS.test(line)));
  });

  it("make the same configuration of Traefik, except for the headers that newer ones can drop", () => {
    const [guide, today] = [GUIDE, TODAY].map((images) => {
      const text = leaves(modelWith(images)).get(TRAEFIK) ?? assert.fail("no traefik.yml");
      return (JSON.parse(text) as string).split("\n");
    });
    assert.deepEqual(
      today?.filter((line) => !/^ +aliasHeadersStrategy: delete$/.test(line)),
      guide,
    );
    assert.notDeepEqual(today, guide);
  });

  it("keep PostgreSQL's data where it is", () => {
    const [guide, today] = [GUIDE, TODAY].map(
      (images) => modelWith(images).containers.find(({ name }) => name === "postgres")?.mounts,
    );
    assert.ok(guide !== undefined);
    assert.deepEqual(today, guide);
  });
});
