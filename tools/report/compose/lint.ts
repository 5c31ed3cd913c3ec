/** The configuration of compose-lint for the export: our exemptions as its suppressions, with their reasons. Pure. */
import { Exemptible, isRoot } from "../../../components/hardened/policy";
import { StackContainer, StackModel } from "../../../components/model";
import { isEveryInterface } from "../../../host/ip-ranges";
import { ownerContainers } from "./services";
import { composeYaml } from "./yaml";

const CAPABILITY_RULES = ["CL-0011", "CL-0024", "CL-0027", "CL-0028", "CL-0029", "CL-0030"];

/** Rules of compose-lint that report what an exemption allows. It has none for the other controls. */
const RULES: Readonly<Partial<Record<Exemptible, readonly string[]>>> = {
  dockerSocket: ["CL-0001"],
  noNewPrivileges: ["CL-0003"],
  publishedPorts: ["CL-0005"],
  readOnlyRootfs: ["CL-0007"],
  capabilities: CAPABILITY_RULES,
  hostPaths: ["CL-0013"],
  user: ["CL-0018"],
};

const OWNER_REASON =
  "gives a new data volume to the user of its service, then exits; only root may, and CAP_CHOWN is its only capability";

/** Names the service of each suppression, so that a new service starts without any. */
export function lintConfig({ containers }: Pick<StackModel, "containers">): string {
  const suppressed = [
    ...containers.flatMap((container) =>
      container.exemptions.flatMap(({ control, reason }) =>
        (reports(container, control) ? (RULES[control] ?? []) : []).map(
          (rule) => [rule, container.name, reason] as const,
        ),
      ),
    ),
    ...ownerContainers(containers).map(({ name }) => ["CL-0018", name, OWNER_REASON] as const),
  ];
  const rules = [...new Set(suppressed.map(([rule]) => rule))].sort();
  const head = `# The exemptions of the stack, for the linter compose-lint:
#
#   compose-lint check --strict-config compose.yaml
`;
  return `${head}\n${composeYaml({
    rules: Object.fromEntries(
      rules.map((rule) => [
        rule,
        {
          exclude_services: Object.fromEntries(
            suppressed.flatMap(([of, name, reason]) => (of === rule ? [[name, reason]] : [])),
          ),
        },
      ]),
    ),
  })}`;
}

/** The linter accepts a port on one address, and a user that is not root. */
function reports({ ports, controls }: StackContainer, control: Exemptible): boolean {
  if (control === "publishedPorts") return ports.some(({ address }) => isEveryInterface(address));
  return control !== "user" || isRoot(controls.user);
}
