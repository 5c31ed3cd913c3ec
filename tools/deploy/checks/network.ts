/** The doctor's checks of registries and DNS. */
import { lookup } from "node:dns/promises";

import { StackConfig } from "../../../config/config";
import { StackModel } from "../../../components/model";
import { ImageReference, isPinned } from "../../../images/reference";
import { RegistryClient, RegistryError } from "../../../images/registry/client";
import { ENCRYPTED } from "../../../text/messages";
import { Check, ok, problem, unknownCheck } from "./check";

/** Time limit for all registries together, ms. */
const DEADLINE_MS = 10_000;

/** One result for each registry. Pinned images are looked up by digest, as Docker pulls them. */
export async function registryChecks(
  { images, registries }: Pick<StackConfig, "images" | "registries">,
  signal?: AbortSignal,
  deadlineMs = DEADLINE_MS,
): Promise<Check[]> {
  const client = new RegistryClient({
    registries,
    deadlineMs,
    ...(signal && { signal }),
  });
  // The placeholder would count as a failed login of the account.
  const isEncrypted = ({ registry }: ImageReference): boolean =>
    registries[registry]?.password === ENCRYPTED;
  try {
    const all = Object.entries(images);
    const asked = all.filter(([, image]) => !isEncrypted(image));
    const answers = await client.digests(asked.map(([, image]) => asPulled(image)));
    return [...new Set(all.map(([, image]) => image.registry))].map((registry) => {
      const mine = asked.flatMap(([service, image], index) => {
        const answer = answers[index];
        return image.registry === registry ? [{ service, image, answer }] : [];
      });
      if (mine.length === 0)
        return unknownCheck(
          "registry",
          `${registry}: cannot decrypt its password`,
          "set the passphrase of the stack",
        );
      const failures = mine.flatMap(({ service, image, answer }) =>
        answer instanceof RegistryError ? [{ service, image, answer }] : [],
      );
      if (failures.length === 0)
        return ok("registry", `${registry} has ${mine.length} of ${mine.length} images`);
      const text = `${registry}: ${failures.map(({ service, answer }) => `${service}: ${answer.answer}`).join("; ")}`;
      const verdicts = failures.map(({ answer, image }) => verdict(answer, image, text));
      return (
        verdicts.find(({ status }) => status === "problem") ??
        verdicts[0] ??
        unknownCheck("registry", text)
      );
    });
  } finally {
    client.close();
  }
}

/** Docker ignores the tag of a reference with a digest. */
const asPulled = (image: ImageReference): ImageReference =>
  image.digest === undefined ? image : { ...image, tag: image.digest };

function verdict({ code, registry }: RegistryError, image: ImageReference, text: string): Check {
  const settings = `pinned-stack:registries["${registry}"]`;
  switch (code) {
    case "credentials":
      return problem("registry", text, `correct username and password in ${settings}`);
    case "denied":
      return problem(
        "registry",
        text,
        `if the image is private, set username and password in ${settings}`,
      );
    case "not-found":
      return problem(
        "registry",
        text,
        isPinned(image)
          ? "the pinned image was deleted; pin another one with npm run pin"
          : "correct the name or the tag in pinned-stack:images",
      );
    case "tls":
      return problem(
        "registry",
        text,
        `trust its certificate with NODE_EXTRA_CA_CERTS, or set insecure in ${settings}`,
      );
    default:
      return unknownCheck(
        "registry",
        text,
        "try again, or check the network connection to the registry",
      );
  }
}

/** Names that are not in public DNS. */
const LOCAL = /^(?:localhost|.*\.(?:localhost|test|internal|local))$/;

/** Whether the host names resolve to the host. Only a warning, because visitors may use other DNS servers. */
export async function dnsChecks(
  config: Pick<StackConfig, "host">,
  { ingress }: Pick<StackModel, "ingress">,
  resolve: (name: string) => Promise<readonly string[]> = addresses,
): Promise<Check[]> {
  const names = ingress.routes.map((route) => route.host);
  const host = /^ssh:\/\/[^@]*@(\[[^\]]+\]|[^:/]+)/.exec(config.host.address)?.[1];
  const publicNames = names.filter((name) => !LOCAL.test(name));
  if (host === undefined || publicNames.length === 0) return [];
  const wanted = await resolve(host.replace(/[[\]]/g, ""));
  const wrong = (
    await Promise.all(
      publicNames.map(async (name) => {
        const found = await resolve(name);
        if (found.length === 0) return `${name} has no address`;
        return found.some((address) => wanted.includes(address))
          ? undefined
          : `${name} resolves to ${found.join(", ")}`;
      }),
    )
  ).filter((line) => line !== undefined);
  return wrong.length === 0
    ? [ok("dns", `${publicNames.length} names resolve to the host`)]
    : [unknownCheck("dns", wrong.join("; "), `point these names to ${wanted.join(", ") || host}`)];
}

const addresses = (name: string): Promise<readonly string[]> =>
  lookup(name, { all: true }).then(
    (found) => found.map(({ address }) => address),
    () => [],
  );
