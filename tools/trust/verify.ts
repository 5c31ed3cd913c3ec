/** `npm run verify`, from its arguments to its exit code. */
import { join } from "node:path";

import { readPins } from "../../config/file/pins";
import { readStackText } from "../../config/file/write";
import { badStackName, stackFileName, StackFileError } from "../../config/file/yaml";
import { isPinned, parseReference, ReferenceError, type PinnedImage } from "../../images/reference";
import type { RegistryClientOptions } from "../../images/registry/client";
import { evidenceFor } from "../../images/signatures/evidence";
import { policyLines, policyOf } from "../../images/signatures/judge";
import { lookUpSignatures, type LookedUp } from "../../images/signatures/lookup";
import { readEvidence, writeEvidence } from "../../images/signatures/store";
import {
  choice,
  CommandError,
  jsonText,
  table,
  withProgress,
  type Surroundings,
} from "../cli/command";
import { readSettings } from "./settings";
import { describeTrust, trustJson, TRUST_COLOUR } from "./text";

export interface VerifyCommand
  extends Surroundings, Pick<RegistryClientOptions, "deadlineMs" | "onRequest" | "ca"> {
  readonly stack: string;
  /** Services; empty for all. */
  readonly args: readonly string[];
  readonly offline: boolean;
  readonly format: string;
  /** Default: the current time. */
  readonly now?: Date;
}

/**
 * Resolves to the exit code: 0 if all policies are met, 2 if the word for an image is `unknown` and its policy is not met, else
 * 1. Rejects with a {@link CommandError} for invalid arguments or an unusable file.
 */
export async function runVerify(command: VerifyCommand): Promise<number> {
  const { stack, folder, offline, signal, out, err, paint, now = new Date() } = command;
  const format = choice("format", command.format, ["table", "json"]);
  const file = stackFileName(stack);
  if (file === undefined) throw new CommandError(badStackName(stack));
  const { settings, images, bare } = read(command, file);
  const { deadlineMs, onRequest, ca } = command;
  const found = await withProgress(
    "looking for signatures",
    lookUpSignatures({
      images,
      ...{ platform: settings.platform, registries: settings.registries, trust: settings.trust },
      known: (service, image) =>
        evidenceFor(readEvidence(folder, service), image, settings.platform),
      ...{ again: true, offline, signal, now },
      ...(deadlineMs !== undefined && { deadlineMs }),
      ...(onRequest !== undefined && { onRequest }),
      ...(ca !== undefined && { ca }),
    }),
  );
  signal.throwIfAborted();
  for (const { service, evidence } of found)
    if (evidence !== undefined) writeEvidence(folder, service, evidence);
  if (format === "json")
    out.write(
      jsonText({
        version: 1,
        stack,
        at: now.toISOString(),
        services: found.map(({ service, judgement }) => ({ service, ...trustJson(judgement) })),
      }),
    );
  else
    out.write(
      table(
        [
          ["SERVICE", "SIGNATURE", "WHY"],
          ...found.map(({ service, judgement }) => [
            service,
            paint(TRUST_COLOUR[judgement.word], judgement.word),
            describeTrust(judgement),
          ]),
        ],
        paint,
      ),
    );
  for (const service of bare)
    err.write(
      `images.${service}: not verified, because it has no digest; pin it with "npm run pin"\n`,
    );
  for (const line of bindingLines(found, images, settings.trust, file)) err.write(`${line}\n`);
  const unmet = found.filter(({ judgement }) => !judgement.met);
  if (unmet.length === 0) return 0;
  return unmet.every(({ judgement }) => judgement.word === "unknown") ? 2 : 1;
}

/** What to put into the stack's file, where a publisher's policy was only read so far and now verifies. */
function bindingLines(
  found: readonly LookedUp[],
  images: readonly { readonly service: string; readonly image: PinnedImage }[],
  trust: ReturnType<typeof readSettings>["trust"],
  file: string,
): readonly string[] {
  return found.flatMap(({ service, judgement }) => {
    const image = images.find((one) => one.service === service)?.image;
    if (judgement.word !== "verified" || judgement.policy !== "publisher" || image === undefined)
      return [];
    const { policy, publisher } = policyOf(image, trust[service]);
    if (policy === undefined || publisher?.known === "seen") return [];
    return [
      `${service}: verified with what was read of its publisher; to refuse it without that from now on, add to ${file}:`,
      ...policyLines(service, policy).map((line) => `  ${line}`),
    ];
  });
}

function read({ stack, args, folder }: VerifyCommand, file: string) {
  try {
    const { pins, value } = readPins(readStackText(join(folder, file)));
    const settings = readSettings(stack, value);
    const unknown = args.filter((name) => !pins.some(({ service }) => service === name));
    if (unknown.length > 0)
      throw new CommandError(
        `${unknown.map((name) => JSON.stringify(name)).join(", ")}: ${file} has no image for this service; expected one of ${pins.map(({ service }) => service).join(", ")}`,
      );
    const chosen = args.length === 0 ? pins : pins.filter(({ service }) => args.includes(service));
    const parsed = chosen.map((pin) => {
      if ("problem" in pin) throw new StackFileError(`images.${pin.service}: ${pin.problem}`);
      return { service: pin.service, image: parseReference(pin.image) };
    });
    return {
      settings,
      images: parsed.flatMap(({ service, image }) => (isPinned(image) ? [{ service, image }] : [])),
      bare: parsed.flatMap(({ service, image }) => (isPinned(image) ? [] : [service])),
    };
  } catch (error) {
    if (!(error instanceof StackFileError || error instanceof ReferenceError)) throw error;
    const lines = error.message.split("\n");
    throw new CommandError(lines.map((line) => `${file}: ${line}`).join("\n"), 2, { cause: error });
  }
}
