import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { PROJECT_FOLDER } from "../tools/cli/command";

describe("the sources of the program", () => {
  /** What is made where: the rules of docs/architecture.md that a reader should not have to check. */
  const MADE: Readonly<Record<string, readonly string[]>> = {
    "components/hardened/data-volume.ts": ["docker.Volume"],
    "components/hardened/file-volume.ts": ["docker.Volume"],
    "components/hardened/container.ts": ["docker.Container"],
    "components/hardened/networks.ts": ["docker.Network"],
    "components/stack.ts": ["docker.RemoteImage"],
    "host/docker-host.ts": ["command.local.Command", "docker.Provider"],
  };

  /** Every TypeScript file but the tests, what measures the program from outside, and what these leave behind. */
  const NOT_PROGRAM = ["node_modules", "tests", "coverage", "test-output"];
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
    for (const file of [
      "index.ts",
      "components/services/n8n.ts",
      "host/preflight.ts",
      "tools/model/load.ts",
    ])
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

  /** Top-level folders and files, from the bottom: each imports only from its own folder and from those before it. */
  const LAYERS = ["text", "images", "host", "components", "config", "index.ts", "tools"];
  /** Inside tools/: the commands know everything, the reports nothing of deployments. */
  const TOOLS = [
    "cli",
    "model",
    "trust",
    "pin",
    "report",
    "import",
    "notify",
    "deploy",
    "backup",
    "bin",
  ];

  /** Relative imports of each source, as paths of the project. Types are imports too: they couple just as much. */
  const imports: ReadonlyMap<string, readonly string[]> = new Map(
    sources.map((file) => {
      const text = readFileSync(join(PROJECT_FOLDER, file), "utf8");
      const paths = [
        ...text.matchAll(/(?:\bfrom|^import|\bimport\(|\brequire\()\s*["'`](\.[^"'`]*)["'`]/gm),
      ].map(([, path = ""]) => join(dirname(file), path));
      const resolved = paths.map(
        (path) =>
          [`${path}.ts`, join(path, "index.ts")].find((candidate) => sources.includes(candidate)) ??
          assert.fail(`${file} imports ${path}, which is no source`),
      );
      return [file, resolved];
    }),
  );

  function wrongImports(layers: readonly string[], placeOf: (file: string) => string): string[] {
    const rank = (file: string): number => layers.indexOf(placeOf(file));
    return [...imports].flatMap(([file, targets]) =>
      rank(file) === -1
        ? []
        : targets
            .filter((target) => rank(target) > rank(file))
            .map((target) => `${file} imports ${target}`),
    );
  }

  it("import from their own folder and from layers below it", () => {
    const folderOf = (file: string): string => file.split("/")[0] ?? "";
    assert.deepEqual([...new Set(sources.map(folderOf))].sort(), [...LAYERS].sort());
    assert.deepEqual(wrongImports(LAYERS, folderOf), []);
    const toolOf = (file: string): string => /^tools\/([^/]+)\//.exec(file)?.[1] ?? "";
    const tools = sources.filter((file) => folderOf(file) === "tools").map(toolOf);
    assert.deepEqual([...new Set(tools)].sort(), [...TOOLS].sort());
    assert.deepEqual(wrongImports(TOOLS, toolOf), []);
  });

  it("let no known hole and no scanner decide about a deployment or a return", () => {
    const facts = /^(?:tools\/trust\/(?:known|scan\/|supply|renew\/)|images\/known\/)/;
    const users = [...imports].flatMap(([file, targets]) =>
      targets.some((target) => facts.test(target)) && !facts.test(file) ? [file] : [],
    );
    // These say it; only scan has an exit code for it, and nothing imports that.
    assert.deepEqual(users.sort(), [
      "components/describe.ts",
      "components/model.ts",
      "tools/bin/preview.ts",
      "tools/bin/renew.ts",
      "tools/bin/report.ts",
      "tools/bin/scan.ts",
      "tools/deploy/checks/doctor.ts",
      "tools/pin/known.ts",
      "tools/pin/outdated.ts",
      "tools/report/view/stack.ts",
      "tools/trust/openvex.ts",
      "tools/trust/settings.ts",
    ]);
    // Of the doctor's checks, a deployment makes those that are not about registries, names and versions.
    assert.deepEqual(
      sources
        .filter((file) =>
          readFileSync(join(PROJECT_FOLDER, file), "utf8").includes("examineOutside"),
        )
        .sort(),
      ["tools/bin/doctor.ts", "tools/deploy/checks/doctor.ts"],
    );
  });

  it("keep components/hardened free of what only this program has", () => {
    const foreign = [...imports].flatMap(([file, targets]) =>
      file.startsWith("components/hardened/")
        ? targets.filter((target) => /^components\/(?!hardened\/)/.test(target))
        : [],
    );
    assert.deepEqual(foreign, []);
  });

  it("import in no circle", () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      const start = path.indexOf(file);
      if (start !== -1) circles.push([...path.slice(start), file].join(" -> "));
      if (start !== -1 || done.has(file)) return;
      for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of sources) visit(file, []);
    assert.deepEqual(circles, []);
  });

  it("keep the root to index.ts and eight folders", () => {
    const folders = readdirSync(PROJECT_FOLDER, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name)
      .filter((name) => !["node_modules", "coverage", "test-output", "signatures"].includes(name));
    assert.deepEqual(folders.sort(), [
      ...["components", "config", "docs", "host", "images", "tests", "text", "tools"],
    ]);
  });

  it("are read from index.ts, which has no more than 60 lines", () => {
    assert.ok(readFileSync(join(PROJECT_FOLDER, "index.ts"), "utf8").split("\n").length <= 61);
  });

  it("read the configuration of Pulumi in config/program.ts only", () => {
    assert.deepEqual(
      sources.filter((file) =>
        /pulumi\.Config\b|allConfig\(/.test(readFileSync(join(PROJECT_FOLDER, file), "utf8")),
      ),
      ["config/program.ts"],
    );
  });
});
