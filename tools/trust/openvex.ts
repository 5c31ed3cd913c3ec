/** The accepted holes as OpenVEX: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md. Pure. */
import { createHash } from "node:crypto";

import type { ImageReference } from "../../images/reference";
import { jsonText } from "../cli/command";
import type { LoadedStack } from "../model/load";
import { knownImages } from "./known";

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
              justification: "vulnerable_code_not_in_execute_path",
              impact_statement: `${accepted.reason} (checked: ${accepted.while}; until ${accepted.until})`,
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
