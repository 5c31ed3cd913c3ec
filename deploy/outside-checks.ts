/** The doctor's questions to registries and to DNS. */
import { lookup } from "node:dns/promises";

import { ROUTED_NAMES, StackConfig } from "../config";
import { RegistryClient, RegistryError } from "../images/registry";
import { Check, ok, problem, unsure } from "./checks";

/** For all registries together, ms. */
const DEADLINE_MS = 10_000;

/** One line a registry: it answers for every image, or what it said. */
export async function registryChecks(
  { images, registries }: Pick<StackConfig, "images" | "registries">,
  signal?: AbortSignal,
): Promise<Check[]> {
  const client = new RegistryClient({
    registries,
    deadlineMs: DEADLINE_MS,
    ...(signal && { signal }),
  });
  try {
    const asked = Object.entries(images);
    const answers = await client.digests(asked.map(([, image]) => image));
    const names = [...new Set(asked.map(([, image]) => image.registry))];
    return names.map((registry) => {
      const mine = asked.flatMap(([service, image], index) =>
        image.registry === registry ? [{ service, image, answer: answers[index] }] : [],
      );
      const failures = mine.flatMap(({ service, image, answer }) =>
        answer instanceof RegistryError ? [{ service, image, answer }] : [],
      );
      const [first] = failures;
      if (first === undefined)
        return ok("registry", `${registry} has ${mine.length} of ${mine.length} images`);
      const text = `${registry}: ${failures.map(({ service, answer }) => `${service}: ${answer.answer}`).join("; ")}`;
      return verdict(registry, first.answer, first.image.digest !== undefined, text);
    });
  } finally {
    client.close();
  }
}

function verdict(registry: string, { code }: RegistryError, pinned: boolean, text: string): Check {
  const settings = `pinned-stack:registries["${registry}"]`;
  switch (code) {
    case "credentials":
      return problem("registry", text, `set the right username and password in ${settings}`);
    case "denied":
      return problem(
        "registry",
        text,
        `for a private image set username and password in ${settings}`,
      );
    case "not-found":
      // A pinned image may outlive its tag.
      return pinned
        ? unsure("registry", text, "the pin may still be there; choose a tag that exists")
        : problem("registry", text, "correct the name or the tag in pinned-stack:images");
    case "tls":
      return problem(
        "registry",
        text,
        `trust its certificate with NODE_EXTRA_CA_CERTS, or set insecure in ${settings}`,
      );
    default:
      return unsure(
        "registry",
        text,
        "try again, or check the network between this machine and the registry",
      );
  }
}

/** Names that mean the machine one sits at; nobody looks them up. */
const LOCAL = /^(?:localhost|.*\.(?:localhost|test|internal|local))$/;

/** Whether the host names lead to the host. Only a warning: the DNS seen here need not be the visitors'. */
export async function dnsChecks(
  config: Pick<StackConfig, "services" | "host">,
  resolve: (name: string) => Promise<readonly string[]> = addresses,
): Promise<Check[]> {
  const names = ROUTED_NAMES.filter((name) => config.services[name].enabled).map(
    (name) => config.services[name].host,
  );
  const host = /^ssh:\/\/[^@]*@(\[[^\]]+\]|[^:/]+)/.exec(config.host.address)?.[1];
  const looked = names.filter((name) => !LOCAL.test(name));
  if (host === undefined || looked.length === 0) return [];
  const wanted = await resolve(host.replace(/[[\]]/g, ""));
  const wrong = (
    await Promise.all(
      looked.map(async (name) => {
        const found = await resolve(name);
        if (found.length === 0) return `${name} has no address`;
        return found.some((address) => wanted.includes(address))
          ? undefined
          : `${name} leads to ${found.join(", ")}`;
      }),
    )
  ).filter((line) => line !== undefined);
  return wrong.length === 0
    ? [ok("dns", `${looked.length} names lead to the host`)]
    : [unsure("dns", wrong.join("; "), `let these names lead to ${wanted.join(", ") || host}`)];
}

const addresses = (name: string): Promise<readonly string[]> =>
  lookup(name, { all: true }).then(
    (found) => found.map(({ address }) => address),
    () => [],
  );
