/**
 * The images in the text of a stack's file, `Pulumi.<stack>.yaml`, and edits of them that change no other character.
 * Pure: text in, text out.
 */

import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  parseDocument,
  Scalar,
  type Document,
  type Pair,
} from "yaml";

import { fullKey, PREFIX, spellings } from "./keys";
import { yamlProblem } from "./yaml-problem";

/** The line of one service. */
export interface Pin {
  readonly service: string;
  /** The image as it is written, without quotes. */
  readonly image: string;
  readonly span: Span;
}

/** A line that cannot be used: what is wrong with it, and what to write instead. */
export interface BadPin {
  readonly service: string;
  readonly problem: string;
}

/** Offsets into the text, the value's quotes included. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly quote: "" | "'" | '"';
}

export interface StackText {
  readonly text: string;
  /** In the order of the file. */
  readonly pins: readonly (Pin | BadPin)[];
  /** Another key of the configuration as YAML gives it; `undefined` where it is not set. Nothing else is looked at. */
  readonly value: (key: string) => unknown;
}

/** The file is no stack file with images in it. Holds no text of the file: secrets may be in it. */
export class PinsError extends Error {
  override readonly name = "PinsError";
}

const IMAGES = fullKey("images");

/** Throws a {@link PinsError} where the text is no YAML or has no map of images. */
export function readPins(text: string): StackText {
  // `prettyErrors` would put lines of the file into messages, a lower `logLevel` into warnings.
  const document = parseDocument(text, { prettyErrors: false, logLevel: "error", merge: true });
  const [error] = document.errors;
  if (error !== undefined)
    throw new PinsError(`line ${lineAt(text, error.pos[0])}: ${yamlProblem(error.code)}`);
  return {
    text,
    pins: imagesOf(document).map(readPin),
    value: (key) => {
      const node = nodeOf(document, key);
      if (!isNode(node)) return undefined;
      try {
        return node.toJS(document, { maxAliasCount: 100 }) as unknown;
      } catch {
        throw new PinsError(
          `${fullKey(key)}: an alias (*name) in it stands for nothing, or for too much; put texts that start with * in quotes`,
        );
      }
    },
  };
}

/** The node of a key of the project. Throws a {@link PinsError} where the file spells it in two ways. */
function nodeOf(document: Document.Parsed, key: string): unknown {
  const there = spellings(key).filter((spelling) => document.hasIn(["config", spelling]));
  if (there.length > 1)
    throw new PinsError(`${fullKey(key)}: is there with and without "${PREFIX}", keep one of them`);
  return document.getIn(["config", there[0] ?? fullKey(key)], true);
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length;

const EXPECTED = `expected ${IMAGES} as a map under config, one line a service: "traefik: traefik:v3.6.4"`;

function imagesOf(document: Document.Parsed): readonly Pair[] {
  const images = nodeOf(document, "images");
  if (isAlias(images) || (isMap(images) && images.anchor !== undefined))
    throw new PinsError(`${IMAGES}: ${NO_ANCHORS}`);
  if (isScalar(images) && typeof images.value === "string" && images.value.trim() !== "")
    throw new PinsError(`${IMAGES}: is one text, ${EXPECTED}`);
  if (!isMap(images) || images.items.length === 0)
    throw new PinsError(`${IMAGES}: there are none, ${EXPECTED}`);
  return images.items;
}

const NO_ANCHORS = "has an anchor or an alias, which other lines depend on; write the value itself";
const ONE_LINE = "expected name:tag or name:tag@sha256:… on one line";

const QUOTES = { PLAIN: "", QUOTE_SINGLE: "'", QUOTE_DOUBLE: '"' } as const;

function readPin({ key, value }: Pair): Pin | BadPin {
  const name = isScalar(key) ? key.value : undefined;
  // The key of a merge is a symbol.
  const isMerge = typeof name === "symbol";
  const service = typeof name === "string" ? name : isMerge ? "<<" : "?";
  if (isMerge || isAlias(key) || isAlias(value)) return { service, problem: NO_ANCHORS };
  if (!isScalar(value) || typeof value.value !== "string" || !value.range)
    return { service, problem: ONE_LINE };
  if (value.anchor !== undefined) return { service, problem: NO_ANCHORS };
  if (value.tag !== undefined) return { service, problem: ONE_LINE };
  const quote = quoteOf(value);
  if (quote === undefined) return { service, problem: ONE_LINE };
  const [start, end] = value.range;
  return { service, image: value.value, span: { start, end, quote } };
}

const quoteOf = ({ type }: Scalar): Span["quote"] | undefined =>
  type === "PLAIN" || type === "QUOTE_SINGLE" || type === "QUOTE_DOUBLE" ? QUOTES[type] : undefined;

/** What an image's text consists of needs no escape in any of YAML's quotes. */
const IMAGE_TEXT = /^[A-Za-z0-9_./:@[\]-]+$/;

/**
 * The text with other images for these services; quotes, comments, order and all else stay. Throws a {@link PinsError}
 * where a service has no line that can be edited.
 */
export function editPins(text: string, images: ReadonlyMap<string, string>): string {
  const { pins } = readPins(text);
  let edited = text;
  // From the end, so that the spans before stay where they are.
  const bySpan = [...images].map(([service, image]) => ({ pin: pinOf(pins, service), image }));
  for (const { pin, image } of bySpan.sort((a, b) => b.pin.span.start - a.pin.span.start)) {
    if (!IMAGE_TEXT.test(image)) throw new PinsError(`images.${pin.service}: ${ONE_LINE}`);
    const { start, end, quote } = pin.span;
    edited = `${edited.slice(0, start)}${quote}${image}${quote}${edited.slice(end)}`;
  }
  return edited;
}

function pinOf(pins: StackText["pins"], service: string): Pin {
  const pin = pins.find((line) => line.service === service);
  if (pin === undefined) throw new PinsError(`images.${service}: there is no such line`);
  if ("problem" in pin) throw new PinsError(`images.${service}: ${pin.problem}`);
  return pin;
}

/** The image of a service, where it has one. */
export function imageOf(text: string, service: string): string | undefined {
  const pin = readPins(text).pins.find((line) => line.service === service);
  return pin !== undefined && "image" in pin ? pin.image : undefined;
}

/** The text without its images: two texts that agree in it differ in nothing else. */
export function withoutPins(text: string): string {
  let rest = text;
  for (const pin of [...readPins(text).pins].reverse())
    if ("span" in pin) rest = `${rest.slice(0, pin.span.start)}${rest.slice(pin.span.end)}`;
  return rest;
}
