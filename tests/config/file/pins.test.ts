import assert from "node:assert/strict";
import * as fc from "fast-check";
import { editPins, imageOf, readPins, withoutPins } from "../../../config/file/pins";
import { StackFileError } from "../../../config/file/yaml";
import { patternOf } from "../../support/lines";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("the pins of a stack file", () => {
  const text = `# On top
config:
  pinned-stack:images: # all of them
    traefik:   traefik:v3.6.4   # the door
    "n8n": 'n8nio/n8n:1.64.2@${DIGEST}'

    postgres: "postgres:16-alpine"
  pinned-stack:minimumAge: 3d
  pinned-stack:postgresPassword:
    secure: v1:secret
`;

  it("are read in their order, without quotes", () => {
    assert.deepEqual(
      readPins(text).pins.map((pin) => [pin.service, "image" in pin ? pin.image : pin.problem]),
      [
        ["traefik", "traefik:v3.6.4"],
        ["n8n", `n8nio/n8n:1.64.2@${DIGEST}`],
        ["postgres", "postgres:16-alpine"],
      ],
    );
    assert.equal(imageOf(text, "n8n"), `n8nio/n8n:1.64.2@${DIGEST}`);
    assert.equal(imageOf(text, "cadvisor"), undefined);
  });

  it("come with the other keys that are asked for", () => {
    const { value } = readPins(text);
    assert.deepEqual([value("minimumAge"), value("platform")], ["3d", undefined]);
  });

  it("come with keys as Pulumi takes them, with and without the project's name", () => {
    const short = text.replaceAll("pinned-stack:", "");
    assert.equal(readPins(short).value("minimumAge"), "3d");
    assert.equal(imageOf(short, "postgres"), "postgres:16-alpine");
    const both = `${text}  minimumAge: 1d\n`;
    assert.throws(() => readPins(both).value("minimumAge"), {
      name: "StackFileError",
      message:
        'pinned-stack:minimumAge: is set both with and without "pinned-stack:"; remove one of them',
    });
  });

  it("come without a key that stands for nothing", () => {
    assert.throws(
      () => readPins(`${text}  pinned-stack:registries: *hunter2\n`).value("registries"),
      {
        name: "StackFileError",
        message:
          "pinned-stack:registries: an alias (*name) is undefined or expands too far; quote strings that start with *",
      },
    );
  });

  const ANCHOR = "uses a YAML anchor or alias, which other lines may share; write the value itself";
  const LINE = "expected name:tag or name:tag@sha256:… on one line";
  const unusable: readonly [title: string, images: string, problem: string, service?: string][] = [
    ["an anchor", "n8n: &old n8n:1", ANCHOR],
    ["an alias", "a: &old n8n:1\n    n8n: *old", ANCHOR],
    ["a merged map", "a: &old {b: c:1}\n    <<: *old", ANCHOR, "<<"],
    ["several lines", "n8n: |\n      n8n:1\n", LINE],
    ["folded lines", "n8n: >-\n      n8n:1\n", LINE],
    ["a map", "n8n: { tag: 1 }", LINE],
    ["a tag", "n8n: !n8n:1", LINE],
    ["a number", "n8n: 12", LINE],
    ["nothing", "n8n:", LINE],
  ];
  for (const [title, images, problem, service = "n8n"] of unusable)
    it(`are refused one by one: ${title}`, () => {
      const file = `config:\n  pinned-stack:images:\n    good: good:1\n    ${images}\n`;
      const pins = readPins(file).pins;
      assert.deepEqual(
        pins.find((pin) => pin.service === service),
        { service, problem },
      );
      assert.equal(imageOf(file, "good"), "good:1");
      assert.throws(() => editPins(file, new Map([[service, "n8n:2"]])), {
        name: "StackFileError",
        message: `images.${service}: ${problem}`,
      });
    });

  const MAP = 'expected a map under config … "traefik: traefik:v3.6.4"';
  const refused: readonly [title: string, text: string, message: string][] = [
    ["no YAML", "config: {\n", "line 2, column 1: not valid YAML (BAD_INDENT): indent …"],
    [
      "a service twice",
      "config:\n  pinned-stack:images:\n    a: a:1\n    a: a:2\n",
      "line 4, column 5: not valid YAML (DUPLICATE_KEY): … remove one of them",
    ],
    [
      "two documents",
      "config: {}\n---\nconfig: {}\n",
      'line 2, column 1: not valid YAML (MULTIPLE_DOCS): … remove the line "---" …',
    ],
    ["no images", "config: {}\n", `pinned-stack:images: has no images, ${MAP}`],
    ["nothing at all", "", `pinned-stack:images: has no images, ${MAP}`],
    [
      "images as JSON in a text",
      `config:\n  pinned-stack:images: '{"a":"a:1"}'\n`,
      `pinned-stack:images: is a string, ${MAP}`,
    ],
    [
      "images that others refer to",
      "config:\n  pinned-stack:images: &all\n    a: a:1\n",
      `pinned-stack:images: ${ANCHOR}`,
    ],
  ];
  for (const [title, file, message] of refused)
    it(`are not read from ${title}`, () => {
      assert.throws(() => readPins(file), {
        name: "StackFileError",
        message: patternOf(message),
      });
    });

  it("never come with a part of the file in a warning", async () => {
    const warnings: string[] = [];
    const note = ({ message }: Error): void => void warnings.push(message);
    process.on("warning", note);
    // Braces of a template that were left there are a map as a key.
    const file =
      "config:\n  pinned-stack:images: { a: a:1 }\n  pinned-stack:registries: { r: {{ hunter2 }} }\n";
    readPins(file).value("registries");
    await new Promise((told) => setImmediate(told));
    process.off("warning", note);
    assert.deepEqual(warnings, []);
  });

  it("never come with the file's other lines in a message", () => {
    const file = "config:\n  pinned-stack:password: hunter2\n   bad: [hunter3\n";
    assert.throws(
      () => readPins(file),
      (error) => error instanceof StackFileError && !/hunter/.test(error.message),
    );
  });

  it("take no text that is no image", () => {
    for (const image of ["a:1 # b", "a:1\nb: c", "'", ""])
      assert.throws(() => editPins(text, new Map([["n8n", image]])), StackFileError);
  });
});

describe("an edit of the pins", () => {
  interface Line {
    readonly service: string;
    readonly quotedKey: boolean;
    readonly image: string;
    readonly other: string | undefined;
    readonly quote: string;
    readonly space: string;
    readonly comment: string;
  }
  const tag = fc.stringMatching(/^[A-Za-z0-9_][\w.-]{0,12}$/);
  const image = fc
    .tuple(
      fc.constantFrom("traefik", "ghcr.io/a/b", "127.0.0.1:5000/x", "n8nio/n8n"),
      tag,
      fc.constantFrom("", `@${DIGEST}`),
    )
    .map(([name, tagText, digest]) => `${name}:${tagText}${digest}`);
  const comment = fc.constantFrom("", " # a: b", "  # 'quoted' @sha256:1", " #");
  const lines: fc.Arbitrary<readonly Line[]> = fc.uniqueArray(
    fc.record({
      service: fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/),
      quotedKey: fc.boolean(),
      image,
      other: fc.option(image, { nil: undefined }),
      quote: fc.constantFrom("", "'", '"'),
      space: fc.constantFrom(" ", "   "),
      comment,
    }),
    { selector: ({ service }) => service, minLength: 1, maxLength: 8 },
  );
  const surroundings = fc.record({
    newline: fc.constantFrom("\n", "\r\n"),
    mark: fc.constantFrom("", "\uFEFF"),
    indent: fc.constantFrom("    ", "      "),
    flow: fc.boolean(),
    before: fc.constantFrom("", "# Ünïcödé 🐳 before\n\n", "encryptionsalt: v1:x\n"),
    between: fc.constantFrom("", "\n", "    # between\n"),
    after: fc.constantFrom("", "  pinned-stack:domain: 'x' # y\n", "other:\n- 1\n\n"),
    atEnd: fc.boolean(),
  });

  const render = (
    list: readonly Line[],
    around: typeof surroundings extends fc.Arbitrary<infer T> ? T : never,
    images: (line: Line) => string,
  ): string => {
    const entry = (line: Line, quotes: string): string => {
      const key = line.quotedKey ? `"${line.service}"` : line.service;
      return `${key}:${line.space}${quotes}${images(line)}${quotes}`;
    };
    const body = around.flow
      ? `  pinned-stack:images: {${list.map((line) => entry(line, line.quote)).join(", ")}} # flow\n`
      : `  pinned-stack:images:\n${list
          .map((line) => `${around.indent}${entry(line, line.quote)}${line.comment}\n`)
          .join(around.between)}`;
    const text = `${around.mark}${around.before}config:\n${body}${around.after}`;
    const trimmed = around.atEnd ? text : text.replace(/\n+$/, "");
    return trimmed.replaceAll("\n", around.newline);
  };

  it("changes only what it says, whatever the file looks like", () => {
    fc.assert(
      fc.property(lines, surroundings, (list, around) => {
        const before = render(list, around, (line) => line.image);
        const changes = new Map(
          list.flatMap(({ service, other }) => (other === undefined ? [] : [[service, other]])),
        );
        const after = render(list, around, (line) => line.other ?? line.image);
        assert.equal(editPins(before, changes), after);
        assert.equal(withoutPins(before), withoutPins(after));
        assert.deepEqual(
          readPins(after).pins.map((pin) => [pin.service, "image" in pin && pin.image]),
          list.map((line) => [line.service, line.other ?? line.image]),
        );
      }),
      { numRuns: 300 },
    );
  });

  it("of nothing changes nothing", () => {
    fc.assert(
      fc.property(lines, surroundings, (list, around) => {
        const text = render(list, around, (line) => line.image);
        assert.equal(editPins(text, new Map()), text);
        const same = new Map(list.map((line) => [line.service, line.image]));
        assert.equal(editPins(text, same), text);
      }),
      { numRuns: 100 },
    );
  });
});
