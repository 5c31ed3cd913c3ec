import assert from "node:assert/strict";

import {
  imagesSince,
  LastDeployment,
  restrictionRows,
  stackOutputs,
} from "../../components/outputs";
import { lastDeployment } from "../../components/last-deployment";
import { formatReference, parseReference } from "../../images/reference";
import { record } from "../support/pulumi-mocks";
import { modelOf, service } from "../support/small-stack";

const NOTHING: LastDeployment = { images: {}, imagesSince: {}, restarted: {} };
const HEALTH = { command: ["check"] };
const WRITES = { control: "readOnlyRootfs", value: false, reason: "it unpacks itself" } as const;
const CHOWNS = { control: "capabilities", value: ["CAP_CHOWN"], reason: "it gives away" } as const;

describe("the restrictions of a stack", () => {
  it("are what applies to each service, in one row", () => {
    const pair = service("pair", () => [
      { name: "pair-1", health: HEALTH },
      { name: "pair-2", health: HEALTH },
    ]);
    const model = modelOf([
      service("web", { user: "101:101", memoryMiB: 64, cpus: 1, exemptions: [WRITES, CHOWNS] }),
      pair,
      service("nothing", () => []),
    ]);
    const hardened = {
      user: "65532:65532",
      capDrop: ["ALL"],
      capAdd: [],
      readOnlyRootfs: true,
      noNewPrivileges: true,
      pidsLimit: 200,
      memoryMiB: 256,
      cpus: 0.5,
      healthCheck: true,
      status: "hardened",
      exemptions: [],
    };
    assert.deepEqual(restrictionRows(model), [
      {
        ...hardened,
        service: "web",
        containers: ["web"],
        user: "101:101",
        memoryMiB: 64,
        cpus: 1,
        capAdd: ["CAP_CHOWN"],
        readOnlyRootfs: false,
        status: "exempt: readOnlyRootfs: it unpacks itself; capabilities: it gives away",
        exemptions: [WRITES, CHOWNS],
      },
      { ...hardened, service: "pair", containers: ["pair-1", "pair-2"] },
    ]);
  });
});

describe("the outputs of a stack", () => {
  it("are its images with their days, its restrictions, and what was started again when", () => {
    const model = modelOf([service("web"), service("new")], {
      images: { web: "web:1", new: "new:1" },
      since: { web: "2026-01-31" },
    });
    const restarted = { web: "2026-02-01T10:00:00.000Z" };
    assert.deepEqual(stackOutputs(model, restarted), {
      images: { web: "web:1", new: "new:1" },
      restrictions: restrictionRows(model),
      imagesSince: { web: "2026-01-31" },
      restarted,
    });
  });
});

describe("the day since which an image is deployed", () => {
  const [before, now] = [parseReference("web:1"), parseReference("web:2")];
  const DAY = "2026-01-31";
  const rows: readonly (readonly [string, Partial<LastDeployment>, Record<string, string>])[] = [
    ["is today for a new service", {}, { web: "2026-02-01" }],
    [
      "is today for another image",
      { images: { web: formatReference(before) }, imagesSince: { web: DAY } },
      { web: "2026-02-01" },
    ],
    [
      "stays with an image that stays",
      { images: { web: formatReference(now) }, imagesSince: { web: DAY } },
      { web: DAY },
    ],
    ["is unknown where it was unknown", { images: { web: formatReference(now) } }, {}],
  ];
  for (const [title, last, since] of rows)
    it(title, () => {
      assert.deepEqual(imagesSince({ web: now }, { ...NOTHING, ...last }, "2026-02-01"), since);
    });
});

describe("the last deployment of a stack", () => {
  /** What is read of a stack whose last deployment left these outputs. */
  async function after(outputs: Readonly<Record<string, unknown>>): Promise<LastDeployment> {
    const { resources, value } = await record(() => lastDeployment("prod"), {
      stack: "prod",
      engine: { "pulumi:pulumi:StackReference": { outputs, secretOutputNames: [] } },
    });
    assert.deepEqual(
      resources.map(({ name, inputs }) => [name, inputs]),
      [["prod-last-deployment", { name: "organization/pinned-stack/prod" }]],
    );
    return value;
  }

  it("left nothing before the first one", async () => {
    assert.deepEqual(await after({}), NOTHING);
  });

  it("left its images, their days and what was started again", async () => {
    const left = {
      images: { web: "web:1" },
      imagesSince: { web: "2026-01-31" },
      restarted: { web: "2026-02-01T10:00:00.000Z" },
    };
    assert.deepEqual(await after({ ...left, restrictions: [] }), left);
  });

  it("left nothing where an output has another shape", async () => {
    const odd = {
      images: "none",
      imagesSince: { a: 1, b: "2026-01-31" },
      restarted: "2026-02-01T10:00:00.000Z",
    };
    assert.deepEqual(await after(odd), { ...NOTHING, imagesSince: { b: "2026-01-31" } });
  });
});
