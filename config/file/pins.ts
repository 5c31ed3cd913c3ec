/** Reads and edits the images in the text of a stack file. An edit changes no other character. Pure. */

import { isAlias, isMap, isScalar, type Document, type Pair } from "yaml";

import { fullKey, parseStackYaml, plainValue, PREFIX, spellings, StackFileError } from "./yaml";

/** The image of one service. */
export interface Pin {
  readonly service: string;
  /** As written in the file, without quotes. */
  readonly image: string;
  readonly span: Span;
}

/** An entry that cannot be edited. */
export interface BadPin {
  readonly service: string;
  /** The problem and the fix, without the path. */
  readonly problem: string;
}

/** Position of a value in the text, including its quotes. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly quote: "" | "'" | '"';
}

export interface StackText {
  readonly text: string;
  /** In the order of the file. */
  readonly pins: readonly (Pin | BadPin)[];
  /** The value of any key of the project; `undefined` if not set. */
  readonly value: (key: string) => unknown;
}

const IMAGES = fullKey("images");

/** Throws a {@link StackFileError} if the text is not valid YAML or has no map of images. */
export function readPins(text: string): StackText {
  const document = parseStackYaml(text);
  return {
    text,
    pins: imagesOf(document).map(readPin),
    value: (key) => {
      const node = nodeOf(document, key);
      try {
        return plainValue(document, node);
      } catch (error) {
        if (!(error instanceof StackFileError)) throw error;
        throw new StackFileError(`${fullKey(key)}: ${error.message}`);
      }
    },
  };
}

/** The YAML node of a key of the project. Throws a {@link StackFileError} if the key is set in two spellings. */
function nodeOf(document: Document.Parsed, key: string): unknown {
  const found = spellings(key).filter((spelling) => document.hasIn(["config", spelling]));
  if (found.length > 1)
    throw new StackFileError(
      `${fullKey(key)}: is set both with and without "${PREFIX}"; remove one of them`,
    );
  return document.getIn(["config", found[0] ?? fullKey(key)], true);
}

const EXPECTED = `expected a map under config with one line per service, such as "traefik: traefik:v3.6.4"`;

function imagesOf(document: Document.Parsed): readonly Pair[] {
  const images = nodeOf(document, "images");
  if (isAlias(images) || (isMap(images) && images.anchor !== undefined))
    throw new StackFileError(`${IMAGES}: ${NO_ANCHORS}`);
  if (isScalar(images) && typeof images.value === "string" && images.value.trim() !== "")
    throw new StackFileError(`${IMAGES}: is a string, ${EXPECTED}`);
  if (!isMap(images) || images.items.length === 0)
    throw new StackFileError(`${IMAGES}: has no images, ${EXPECTED}`);
  return images.items;
}

const NO_ANCHORS =
  "uses a YAML anchor or alias, which other lines may share; write the value itself";
const ONE_LINE = "expected name:tag or name:tag@sha256:… on one line";

const QUOTES: Readonly<Partial<Record<string, Span["quote"]>>> = {
  PLAIN: "",
  QUOTE_SINGLE: "'",
  QUOTE_DOUBLE: '"',
};

function readPin({ key, value }: Pair): Pin | BadPin {
  const name = isScalar(key) ? key.value : undefined;
  // The key of a YAML merge is a symbol.
  const isMerge = typeof name === "symbol";
  const service = typeof name === "string" ? name : isMerge ? "<<" : "?";
  if (isMerge || isAlias(key) || isAlias(value)) return { service, problem: NO_ANCHORS };
  if (!isScalar(value) || typeof value.value !== "string" || !value.range)
    return { service, problem: ONE_LINE };
  if (value.anchor !== undefined) return { service, problem: NO_ANCHORS };
  const quote = QUOTES[value.type ?? ""];
  if (value.tag !== undefined || quote === undefined) return { service, problem: ONE_LINE };
  const [start, end] = value.range;
  return { service, image: value.value, span: { start, end, quote } };
}

/** Characters that need no escaping in any YAML quoting style. */
const IMAGE_TEXT = /^[A-Za-z0-9_./:@[\]-]+$/;

/**
 * Replaces the images of the given services. Quotes, comments and order stay. Throws a {@link StackFileError} if one of
 * them has no editable image.
 */
export function editPins(text: string, images: ReadonlyMap<string, string>): string {
  const { pins } = readPins(text);
  let edited = text;
  // From the end of the text, so that earlier offsets stay valid.
  const bySpan = [...images].map(([service, image]) => ({ pin: pinOf(pins, service), image }));
  for (const { pin, image } of bySpan.sort((a, b) => b.pin.span.start - a.pin.span.start)) {
    if (!IMAGE_TEXT.test(image)) throw new StackFileError(`images.${pin.service}: ${ONE_LINE}`);
    const { start, end, quote } = pin.span;
    edited = `${edited.slice(0, start)}${quote}${image}${quote}${edited.slice(end)}`;
  }
  return edited;
}

function pinOf(pins: StackText["pins"], service: string): Pin {
  const pin = pins.find((line) => line.service === service);
  if (pin === undefined) throw new StackFileError(`images.${service}: not found`);
  if ("problem" in pin) throw new StackFileError(`images.${service}: ${pin.problem}`);
  return pin;
}

/** The image of a service; `undefined` if it has no editable image. */
export function imageOf(text: string, service: string): string | undefined {
  const pin = readPins(text).pins.find((line) => line.service === service);
  return pin !== undefined && "image" in pin ? pin.image : undefined;
}

/** The text without its images. If the results of two texts are equal, only images differ. */
export function withoutPins(text: string): string {
  let rest = text;
  for (const pin of [...readPins(text).pins].reverse())
    if ("span" in pin) rest = `${rest.slice(0, pin.span.start)}${rest.slice(pin.span.end)}`;
  return rest;
}
