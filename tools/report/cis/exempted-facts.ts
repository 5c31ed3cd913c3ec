import { Exemption } from "../../../components/hardened/policy";
import { ContainerFacts, isSocket } from "../view/facts";

/**
 * The facts without what an exemption allows: as if the container had never left the policy there. What is left of a
 * problem goes beyond the exemption. Mounts are only ever allowed read-only. Pure.
 */
export function withoutExempted(facts: ContainerFacts, exemption: Exemption): ContainerFacts {
  const { capAdd, mounts, ports, securityOpts } = facts;
  switch (exemption.control) {
    case "capabilities":
      return { ...facts, capAdd: capAdd.filter((name) => !exemption.value.includes(name)) };
    case "readOnlyRootfs":
      return { ...facts, readOnlyRootfs: true };
    case "noNewPrivileges":
      return { ...facts, securityOpts: [...securityOpts, "no-new-privileges:true"] };
    case "dockerSocket":
      return { ...facts, mounts: mounts.filter((mount) => mount.writable || !isSocket(mount)) };
    case "hostPaths":
      return {
        ...facts,
        mounts: mounts.filter(
          ({ kind, source, writable }) =>
            kind === "volume" || writable || !exemption.value.includes(source),
        ),
      };
    case "publishedPorts":
      return {
        ...facts,
        ports: ports.filter(({ internal }) => !exemption.value.includes(internal)),
      };
    case "healthCheck":
      return { ...facts, healthCheck: true };
    // No item of the section is about them.
    case "user":
    case "outsideNetworks":
    case "environmentSecrets":
      return facts;
  }
}
