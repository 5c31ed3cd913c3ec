/** The accepted holes as OpenVEX: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md. Pure. */
import { createHash } from "node:crypto";

import type { Fact } from "../../components/reach";
import type { ImageReference } from "../../images/reference";
import { jsonText } from "../cli/command";
import type { LoadedStack } from "../model/load";
import { knownImages } from "./known";

/** Either the code does not run, or nobody who might attack reaches it. */
const JUSTIFICATION: Readonly<Record<Fact, string>> = {
  "HTTP/1.1 only": "vulnerable_code_not_in_execute_path",
  "no forward auth": "vulnerable_code_not_in_execute_path",
  "no shared backend": "vulnerable_code_not_in_execute_path",
  "no published port": "vulnerable_code_cannot_be_controlled_by_adversary",
  "no egress": "vulnerable_code_cannot_be_controlled_by_adversary",
  "administrators only": "vulnerable_code_cannot_be_controlled_by_adversary",
};

/** Ends with a line break. Images without a digest are left out: a statement is about one image. */
export function openvex(
  stack: Pick<LoadedStack, "model"> & { readonly config: Pick<LoadedStack["config"], "accept"> },
  now: Date,
): string {
  const statements = knownImages(stack, now).flatMap(({ image, holes }) =>
    holes.flatMap(({ id, accepted }): readonly object[] => {
      const product = purl(image);
      if (accepted === undefined || product === undefined) return [];
      const common = { vulnerability: { name: id }, products: [{ "@id": product }] };
      return accepted.while === undefined
        ? [
            {
              ...common,
              status: "affected",
              action_statement: `accepted until ${accepted.until}: ${accepted.reason}`,
            },
          ]
        : [
            {
              ...common,
              status: "not_affected",
              // Not together with an impact statement: the specification's schema allows one of the two.
              justification: JUSTIFICATION[accepted.while],
              status_notes: `${accepted.reason} (checked in the configuration: ${accepted.while}; until ${accepted.until})`,
            },
          ];
    }),
  );
  const id = createHash("sha256").update(JSON.stringify(statements)).digest("hex");
  return jsonText({
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": `https://openvex.dev/docs/pinned-stack-${id}`,
    author: `pinned-stack, stack ${stack.model.stack}`,
    timestamp: now.toISOString(),
    version: 1,
    statements,
  });
}

/** https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md */
function purl({ registry, repository, digest }: ImageReference): string | undefined {
  if (digest === undefined) return undefined;
  const host = registry === "docker.io" ? "index.docker.io" : registry;
  const name = repository.split("/").at(-1) ?? repository;
  return `pkg:oci/${name}@${encodeURIComponent(digest)}?repository_url=${encodeURIComponent(`${host}/${repository}`)}`;
}
