import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { PROJECT_FOLDER } from "../cli/command";

describe("the sources of the program", () => {
  /** What is made where: the rules of docs/architecture.md that a reader should not have to check. */
  const MADE: Readonly<Record<string, readonly string[]>> = {
    "components/data-volume.ts": ["docker.Container", "docker.Volume"],
    "components/file-volume.ts": ["docker.Container", "docker.Volume"],
    "components/hardened-container.ts": ["docker.Container"],
    "components/networks.ts": ["docker.Network"],
    "components/pulled-images.ts": ["docker.RemoteImage"],
    "host/docker-host.ts": ["command.local.Command", "docker.Provider"],
  };

  /** Every TypeScript file but the tests, what measures the program from outside, and what these leave behind. */
  const NOT_PROGRAM = ["node_modules", "tests", "bench", "mutation", "coverage", "test-output"];
  const sources = readdirSync(PROJECT_FOLDER, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith(".") && !NOT_PROGRAM.includes(name))
    .flatMap((entry) =>
      entry.isDirectory()
        ? readdirSync(join(PROJECT_FOLDER, entry.name), { recursive: true, encoding: "utf8" }).map(
            (file) => join(entry.name, file),
          )
        : [entry.name],
    )
    .filter((file) => file.endsWith(".ts"));

  it("are looked at as a whole", () => {
    for (const file of ["index.ts", "components/n8n.ts", "host/preflight.ts", "model/synth.ts"])
      assert.ok(sources.includes(file), file);
  });

  it("make containers, volumes, networks and commands in these places only", () => {
    const made = sources.flatMap((file) => {
      const text = readFileSync(join(PROJECT_FOLDER, file), "utf8");
      const classes = [...text.matchAll(/\bnew\s+((?:docker|command)\.[\w.]+)/g)].map(
        ([, what = ""]) => what,
      );
      return classes.length === 0 ? [] : [[file, [...classes].sort()] as const];
    });
    assert.deepEqual(Object.fromEntries(made), MADE);
  });

  it("name every resource of a provider by its package, so that the rule above sees it", () => {
    for (const file of sources) {
      const text = readFileSync(join(PROJECT_FOLDER, file), "utf8");
      for (const [line] of text.matchAll(/^.* from "@pulumi\/(?:docker|command)[^"]*";$/gm))
        assert.match(line, /^import \* as (docker|command) from "@pulumi\/\1";$/, file);
    }
  });

  /** From the bottom, folders and files of the project's own folder: the order of docs/architecture.md. */
  const LAYERS: readonly (readonly string[])[] = [
    ["config-key.ts", "quick-traces.ts"],
    ["images"],
    ["host"],
    ["cli", "components"],
    ["config.ts", "config-messages.ts", "config-rules.ts", "config-schema.ts"],
    ["image-needs.ts", "outputs.ts"],
    ["index.ts"],
    ["model"],
    ["report", "deploy"],
    ["scripts"],
  ];

  it("import from their own folder and from layers below it, not from beside or above", () => {
    const placeOf = (file: string): string => file.split("/")[0] ?? "";
    const layerOf = (place: string): number => LAYERS.findIndex((layer) => layer.includes(place));
    const wrong = sources.flatMap((file) => {
      const text = readFileSync(join(PROJECT_FOLDER, file), "utf8");
      const from = placeOf(file);
      return [...text.matchAll(/(?:\bfrom|^import|\bimport\(|\brequire\() ?"(\.[^"]*)"/gm)]
        .map(([, path = ""]) => join(dirname(file), path))
        .filter((to) => {
          const place = to.includes("/") ? placeOf(to) : `${to}.ts`;
          const sameLayer = from === place || (!file.includes("/") && !to.includes("/"));
          return sameLayer
            ? layerOf(place) === -1 || layerOf(place) > layerOf(from)
            : layerOf(place) >= layerOf(from);
        })
        .map((to) => `${file} imports ${to}`);
    });
    assert.deepEqual(wrong, []);
    assert.deepEqual([...new Set(sources.map(placeOf))].sort(), LAYERS.flat().sort());
  });

  it("read the configuration of Pulumi in config.ts only", () => {
    assert.deepEqual(
      sources.filter((file) =>
        /pulumi\.Config\b|allConfig\(/.test(readFileSync(join(PROJECT_FOLDER, file), "utf8")),
      ),
      ["config.ts"],
    );
  });
});
