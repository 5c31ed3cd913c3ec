/** What is wrong with a container, in a few words, where that takes more than a line; undefined when nothing is. Pure. */
import { ContainerFacts } from "../view/facts";

type Problem = string | undefined;

export const when = (wrong: boolean, problem: string): Problem => (wrong ? problem : undefined);
export const all = (problems: readonly string[]): Problem =>
  when(problems.length > 0, problems.join(", "));

/** Security options are `name=value`, in older spelling `name:value`. */
export const hasOption = (
  { securityOpts }: ContainerFacts,
  ...options: readonly string[]
): boolean => securityOpts.some((option) => options.includes(option.replace(":", "=")));

/** An empty profile is one of a host without AppArmor: docker-bench-security warns of it too. */
export const appArmor = (container: ContainerFacts): Problem =>
  when(
    hasOption(container, "apparmor=unconfined") ||
      container.appArmor === "" ||
      container.appArmor === "unconfined",
    "runs without an AppArmor profile",
  );

/** docker-bench-security looks at what is added only, and so passes the fourteen that Docker gives unasked. */
export const capabilities = ({ capAdd, capDrop }: ContainerFacts): Problem =>
  all([
    ...(capDrop.includes("ALL") ? [] : ["keeps Docker's own capabilities"]),
    ...capAdd.map((name) => `adds ${name}`),
  ]);

/** Folders that item 5.6 names. */
export const SENSITIVE = ["/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr"] as const;
/** What is below them counts too, except below the root. */
const isSensitive = (path: string): boolean =>
  SENSITIVE.some((folder) => path === folder || (folder !== "/" && path.startsWith(`${folder}/`)));

export const sensitiveMounts = ({ mounts }: ContainerFacts): Problem =>
  all(
    mounts.filter(({ kind, source }) => kind === "host path" && isSensitive(source)).map(mounted),
  );

export const mounted = ({ source, writable }: ContainerFacts["mounts"][number]): string =>
  `mounts ${source} ${writable ? "writable" : "read-only"}`;

export const sshServer = ({ command, ports }: ContainerFacts): Problem =>
  when(
    command.some((word) => /(?:^|\/)(?:sshd|dropbear)$/.test(word)) ||
      ports.some(({ internal }) => internal === 22),
    "serves SSH",
  );

/** Retries that item 5.15 accepts. To Docker 0 is without end. */
const MOST_RETRIES = 5;

export function restarts({ restart: { policy, retries } }: ContainerFacts): Problem {
  if (policy === "" || policy === "no") return undefined;
  if (policy !== "on-failure") return `restarts ${policy}`;
  if (retries === 0) return "restarts on-failure without end";
  return when(retries > MOST_RETRIES, `restarts on-failure ${retries} times`);
}
