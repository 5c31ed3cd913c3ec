/** What the start page calls restrictions and the ways out of them. Pure. */
import { isRoot } from "../../hardened/root-user";
import { Exemption, RestrictionRow } from "../../hardened/policy";

/** Restrictions that hold, a few words each. */
export function restrictionWords(row: RestrictionRow): string[] {
  const exempt = new Set(row.exemptions.map(({ control }) => control));
  return [
    ...(exempt.has("user") ? [] : ["not root"]),
    ...(row.capAdd.length === 0 ? ["no capabilities"] : []),
    ...(row.readOnlyRootfs ? ["read-only root"] : []),
    ...(row.noNewPrivileges ? ["no new privileges"] : []),
    ...(row.healthCheck ? ["health check"] : []),
    ...(exempt.has("outsideNetworks") ? [] : ["no way to the internet"]),
    ...(exempt.has("dockerSocket") ? [] : ["no Docker socket"]),
  ];
}

/** What an exemption allows. Its reason is told beside it. */
export function exemptionWords({ control, value }: Exemption): string {
  const list = typeof value === "object" ? value.join(", ") : String(value);
  switch (control) {
    case "user":
      return `runs as ${isRoot(list) ? "root" : list}`;
    case "capabilities":
      return `has ${list}`;
    case "readOnlyRootfs":
      return "may write to its root";
    case "noNewPrivileges":
      return "may gain privileges";
    case "dockerSocket":
      return "uses the Docker socket";
    case "hostPaths":
      return `reads the host's ${list}`;
    case "publishedPorts":
      // The numbers inside: which ones the host publishes them as is the stack's own choice.
      return `opens its ${list.includes(",") ? "ports" : "port"} ${list.replace(/, (?=\d+$)/, " and ")} to the outside`;
    case "outsideNetworks":
      return `leads outside through ${list}`;
    case "environmentSecrets":
      return `has a secret in ${list}`;
    case "healthCheck":
      return "has no health check";
  }
}
