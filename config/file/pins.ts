/**
 * The images in the text of a stack's file, and edits of them that change no other character. Pure: text in, text out.
 */

import { isAlias, isMap, isScalar, type Document, type Pair } from "yaml";

import { fullKey, parseStackYaml, plainValue, PREFIX, spellings, StackFileError } from "./yaml";

/** The image of one service. */
export interface Pin {
  readonly service: string;
  /** As written, without quotes. */
  readonly image: string;
  readonly span: Span;
}

/** An entry that cannot be used: what is wrong, and what to write instead. */
export interface BadPin {
  readonly service: string;
  readonly problem: string;
}

/** Offsets into the text, including the value's quotes. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly quote: "" | "'" | '"';
}

export interface StackText {
  readonly text: string;
  /** In the order of the file. */
  readonly pins: readonly (Pin | BadPin)[];
  /** Any other key of the configuration; `undefined` if not set. */
  readonly value: (key: string) => unknown;
}

const IMAGES = fullKey("images");

/** Throws a {@link StackFileError} if the text is not YAML or has no map of images. */
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

/** The node of a key of the project. Throws a {@link StackFileError} if the file spells it in two ways. */
function nodeOf(document: Document.Parsed, key: string): unknown {
  const found = spellings(key).filter((spelling) => document.hasIn(["config", spelling]));
  if (found.length > 1)
    throw new StackFileError(
      `${fullKey(key)}: is set with and without "${PREFIX}", keep one of them`,
    );
  return document.getIn(["config", found[0] ?? fullKey(key)], true);
}

const EXPECTED = `expected ${IMAGES} as a map under config, one line a service: "traefik: traefik:v3.6.4"`;

function imagesOf(document: Document.Parsed): readonly Pair[] {
  const images = nodeOf(document, "images");
  if (isAlias(images) || (isMap(images) && images.anchor !== undefined))
    throw new StackFileError(`${IMAGES}: ${NO_ANCHORS}`);
  if (isScalar(images) && typeof images.value === "string" && images.value.trim() !== "")
    throw new StackFileError(`${IMAGES}: is a text, ${EXPECTED}`);
  if (!isMap(images) || images.items.length === 0)
    throw new StackFileError(`${IMAGES}: has no images, ${EXPECTED}`);
  return images.items;
}

const NO_ANCHORS = "has an anchor or an alias, on which other lines depend; write the value itself";
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

/** These characters need no escape in any YAML quotes. */
const IMAGE_TEXT = /^[A-Za-z0-9_./:@[\]-]+$/;

/**
 * Replaces the images of these services; quotes, comments, order and everything else stay. Throws a {@link StackFileError}
 * if the text has no editable image for one of them.
 */
export function editPins(text: string, images: ReadonlyMap<string, string>): string {
  const { pins } = readPins(text);
  let edited = text;
  // From the end, so that earlier spans keep their offsets.
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
  if (pin === undefined) throw new StackFileError(`images.${service}: is not there`);
  if ("problem" in pin) throw new StackFileError(`images.${service}: ${pin.problem}`);
  return pin;
}

/** The image of a service; `undefined` without an editable one. */
export function imageOf(text: string, service: string): string | undefined {
  const pin = readPins(text).pins.find((line) => line.service === service);
  return pin !== undefined && "image" in pin ? pin.image : undefined;
}

/** The text without its images. Two texts with equal results differ in their images at most. */
export function withoutPins(text: string): string {
  let rest = text;
  for (const pin of [...readPins(text).pins].reverse())
    if ("span" in pin) rest = `${rest.slice(0, pin.span.start)}${rest.slice(pin.span.end)}`;
  return rest;
}
