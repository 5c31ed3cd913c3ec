/** What the next deployment restricts less than the last one did. Pure. */
import { Exemption, HARDENED, RestrictionRow, sameValue } from "../components/hardening";

export interface Weakening {
  readonly service: string;
  /** `runs as root`, `may write to its root`. */
  readonly text: string;
  readonly reason?: string;
}

/**
 * One entry for each control that lets a service do more than before. A service that is new is compared with the
 * policy; before the first deployment there is nothing to be weaker than.
 */
export function weaker(
  before: readonly RestrictionRow[],
  after: readonly RestrictionRow[],
): Weakening[] {
  if (before.length === 0) return [];
  return after.flatMap((row) => {
    const old = before.find(({ service }) => service === row.service);
    const was = old ?? POLICY;
    const found: Weakening[] = [];
    const note = (control: Exemption["control"], text: string): void => {
      const reason = row.exemptions.find((exemption) => exemption.control === control)?.reason;
      found.push({ service: row.service, text, ...(reason !== undefined && { reason }) });
    };
    if (isRoot(row.user) && !isRoot(was.user)) note("user", `runs as root (${row.user})`);
    const added = row.capAdd.filter((name) => !was.capAdd.includes(name));
    if (added.length > 0) note("capabilities", `gets ${added.join(", ")}`);
    if (was.readOnlyRootfs && !row.readOnlyRootfs) note("readOnlyRootfs", "may write to its root");
    if (was.noNewPrivileges && !row.noNewPrivileges)
      note("noNewPrivileges", "may gain new privileges");
    if (was.healthCheck && !row.healthCheck) note("healthCheck", "has no health check");
    for (const control of LISTED) {
      const now = valueOf(row, control);
      const then = valueOf(was, control);
      const more = Array.isArray(now)
        ? now.filter((item) => !(then as readonly unknown[]).map(String).includes(String(item)))
        : !sameValue(now, then) && now === true
          ? ["the Docker socket"]
          : [];
      if (more.length > 0) note(control, `${WORDS[control]} ${more.join(", ")}`);
    }
    return found;
  });
}

/** Controls that are no column of the restrictions table but stand in its exemptions. */
const LISTED = [
  "dockerSocket",
  "hostPaths",
  "publishedPorts",
  "outsideNetworks",
  "environmentSecrets",
] as const;

const WORDS: Readonly<Record<(typeof LISTED)[number], string>> = {
  dockerSocket: "gets",
  hostPaths: "reads of the host",
  publishedPorts: "publishes port",
  outsideNetworks: "joins the network",
  environmentSecrets: "has in its environment the secret",
};

/** The policy as a row. */
const POLICY: Pick<
  RestrictionRow,
  "user" | "capAdd" | "readOnlyRootfs" | "noNewPrivileges" | "healthCheck" | "exemptions"
> = {
  user: HARDENED.user,
  capAdd: HARDENED.capabilities,
  readOnlyRootfs: HARDENED.readOnlyRootfs,
  noNewPrivileges: HARDENED.noNewPrivileges,
  healthCheck: HARDENED.healthCheck,
  exemptions: [],
};

/** Outputs leave out what is empty, so a row from the state may lack its exemptions. */
const valueOf = (
  row: Pick<RestrictionRow, "exemptions">,
  control: (typeof LISTED)[number],
): Exemption["value"] =>
  (row.exemptions as RestrictionRow["exemptions"] | undefined)?.find(
    (exemption) => exemption.control === control,
  )?.value ?? HARDENED[control];

const isRoot = (user: string): boolean => /^0+(?::|$)/.test(user) || /^\d+:0+$/.test(user);
