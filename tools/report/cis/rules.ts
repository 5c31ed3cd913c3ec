/**
 * CIS Docker Benchmark v1.6.0, section 5 "Container Runtime". Titles are shortened. Ids are those of v1.6; some differ from
 * older editions. Pure.
 */
import { Exemptible } from "../../../components/hardened/policy";
import { CGROUP_ROOT } from "../../../components/model";
import { isNamedCgroup } from "../../../host/cgroups";
import { isEveryInterface } from "../../../host/ip-ranges";
import { ContainerFacts, MountFacts, onHost } from "./facts";

export type CisRule = { readonly id: string; readonly title: string } & (
  | {
      /** Violations of the item; empty if the container passes. */
      readonly problems: Problems;
      /** What the item requires. */
      readonly expects: string;
      /** The control whose exemption justifies a problem. */
      readonly exemptedBy?: Exemptible;
      /** The reason if the policy accepts the problem for every container. */
      readonly decided?: About;
      /** Why the item does not apply to a container; undefined if it does. */
      readonly outOfScope?: About;
      /** What remains to check on the host if there is no problem; undefined if nothing does. */
      readonly leftToHost?: About;
    }
  | {
      /** Why the item can only be checked on the host. */
      readonly host: string;
    }
);

type About = (container: ContainerFacts) => string | undefined;
type Problems = (container: ContainerFacts) => readonly Problem[];

export interface Problem {
  readonly what: string;
  /** The value of an exemption that justifies it; absent if none can. */
  readonly value?: string | number | boolean;
  /** Another exemption that justifies it as well. */
  readonly or?: { readonly control: Exemptible; readonly value: boolean | string };
}

const when = (wrong: boolean, what: string, value?: Problem["value"]): Problem[] =>
  wrong ? [{ what, ...(value !== undefined && { value }) }] : [];

/** Docker accepts `name=value` and `name:value`. */
const hasOption = ({ securityOpts }: ContainerFacts, ...options: readonly string[]): boolean =>
  securityOpts.some((option) => options.includes(option.replace(":", "=")));

/** The folders of item 5.6. */
const SENSITIVE = ["/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr"] as const;
/** Subfolders count too, except those of the root. */
const isSensitive = ({ kind, source }: MountFacts): boolean =>
  kind === "host path" &&
  SENSITIVE.some(
    (folder) => source === folder || (folder !== "/" && source.startsWith(`${folder}/`)),
  );

/** Of one controller, read-only. */
const isCgroup = ({ source, writable }: MountFacts): boolean =>
  !writable && source.startsWith("/sys/fs/cgroup/");

/** By source or target: the host may use another path. */
const isSocket = ({ kind, source, target }: MountFacts): boolean =>
  kind === "host path" && [source, target].some((path) => path.endsWith("/docker.sock"));

/** @param value of an exemption for read-only mounts */
const mounted = ({ source, writable }: MountFacts, value: string | boolean): Problem =>
  writable ? { what: `mounts ${source} writable` } : { what: `mounts ${source} read-only`, value };

/** Lower ports are privileged. */
const FIRST_UNPRIVILEGED = 1024;
const noPorts: About = ({ ports }) => (ports.length === 0 ? "publishes no port" : undefined);

/** The limit of item 5.15. Docker reads 0 as unlimited. */
const MAX_RETRIES = 5;

function restarts({ restart: { policy, retries } }: ContainerFacts): Problem[] {
  if (policy === "" || policy === "no") return [];
  if (policy !== "on-failure") return when(true, `restarts ${policy}`);
  if (retries === 0) return when(true, "restarts on-failure without a limit");
  return when(retries > MAX_RETRIES, `restarts on-failure ${retries} times`);
}

/** A rule without exemptions. */
const item = (id: string, title: string, expects: string, problems: Problems): CisRule => ({
  id,
  title,
  expects,
  problems,
});

export const CIS_RULES: readonly CisRule[] = [
  {
    id: "5.1",
    title: "Swarm mode is off where it is not needed",
    host: "a setting of the Docker Engine; the stack does not need Swarm mode",
  },
  {
    id: "5.2",
    title: "AppArmor is not switched off",
    expects: "an AppArmor profile",
    // An empty profile means that the host has no AppArmor. docker-bench-security warns about that, too.
    problems: (c) =>
      when(
        hasOption(c, "apparmor=unconfined") || c.appArmor === "" || c.appArmor === "unconfined",
        "runs without an AppArmor profile",
      ),
    leftToHost: ({ appArmor }) =>
      appArmor === undefined
        ? "has Docker's default profile if the host supports AppArmor"
        : undefined,
  },
  {
    id: "5.3",
    title: "SELinux is not switched off",
    expects: "an SELinux label",
    problems: (c) => when(hasOption(c, "label=disable"), "runs without an SELinux label"),
    // No label means that the host has no SELinux, or that Docker does not use it.
    leftToHost: ({ seLinux = "" }) =>
      seLinux === "" ? "has a label if the host and Docker use SELinux" : undefined,
  },
  {
    id: "5.4",
    title: "No Linux capability that is not needed",
    expects: "all dropped, none added",
    exemptedBy: "capabilities",
    // docker-bench-security checks added capabilities only, so it accepts the fourteen that Docker grants by default.
    problems: ({ capAdd, capDrop }) => [
      ...when(!capDrop.includes("ALL"), "keeps Docker's default capabilities"),
      ...capAdd.map((name) => ({ what: `adds ${name}`, value: name })),
    ],
  },
  item("5.5", "Not privileged", "not privileged", (c) => when(c.privileged, "is privileged")),
  {
    id: "5.6",
    title: "No sensitive folder of the host",
    expects: `none of ${SENSITIVE.join(" ")}, not even read-only; no other one for writing`,
    exemptedBy: "hostPaths",
    // Stricter than the item: a folder that a container can change counts, whatever it holds.
    problems: ({ mounts }) =>
      mounts
        .filter(
          (mount) =>
            isSensitive(mount) ||
            (mount.kind === "host path" && mount.writable && !isSocket(mount)),
        )
        .map((mount) => ({
          ...mounted(mount, mount.source),
          ...(mount.writable && { or: { control: "writableHostPaths", value: mount.source } }),
          ...(isCgroup(mount) && { or: { control: "hostCgroups", value: true } }),
        })),
  },
  item("5.7", "No SSH server", "nothing that starts one, and port 22 not published", (c) =>
    when(
      c.command.some((word) => /(?:^|\/)(?:sshd|dropbear)$/.test(word)) ||
        c.ports.some(({ internal }) => internal === 22),
      "serves SSH",
    ),
  ),
  {
    id: "5.8",
    title: "No privileged port of the host",
    expects: `published ports from ${FIRST_UNPRIVILEGED}`,
    exemptedBy: "publishedPorts",
    outOfScope: noPorts,
    problems: ({ ports }) =>
      ports.flatMap(({ published, internal }) =>
        when(published < FIRST_UNPRIVILEGED, `publishes port ${published}`, internal),
      ),
  },
  {
    id: "5.9",
    title: "Only needed ports are open",
    expects: "each published port with a reason",
    exemptedBy: "publishedPorts",
    problems: ({ ports }) =>
      ports.map((port) => ({ what: `${onHost(port)} to ${port.internal}`, value: port.internal })),
  },
  item("5.10", "Not on the host's network", "networks of its own", ({ networks }) =>
    when(networks.includes("host"), "is on the host's network"),
  ),
  item("5.11", "Memory is limited", "a memory limit", ({ memory }) =>
    when(memory <= 0, "has no memory limit"),
  ),
  item("5.12", "CPU is limited", "a CPU limit or share", ({ cpus, cpuShares }) =>
    when(cpus <= 0 && cpuShares <= 0, "has no CPU limit"),
  ),
  {
    id: "5.13",
    title: "Read-only root file system",
    expects: "a read-only root",
    exemptedBy: "readOnlyRootfs",
    problems: ({ readOnlyRootfs }) =>
      when(!readOnlyRootfs, "has a writable root file system", false),
  },
  {
    id: "5.14",
    title: "Ports are bound to one interface of the host",
    expects: "an address other than 0.0.0.0 and ::, however it is written",
    exemptedBy: "publishedPorts",
    outOfScope: noPorts,
    problems: ({ ports }) =>
      ports.flatMap(({ address, published, internal }) =>
        when(isEveryInterface(address), `${published} on all interfaces (${address})`, internal),
      ),
  },
  {
    id: "5.15",
    title: "Restarts on failure, five times at most",
    expects: "on-failure with 1 to 5 retries, or no restart",
    decided: ({ restart }) =>
      restart.policy === "unless-stopped"
        ? "unless-stopped: a service is back after a reboot of the host; Docker waits longer after each failure"
        : undefined,
    problems: restarts,
  },
  item("5.16", "Not in the host's process namespace", "a process namespace of its own", (c) =>
    when(c.namespaces.pid === "host", "shares the host's process namespace"),
  ),
  item("5.17", "Not in the host's IPC namespace", "an IPC namespace of its own", (c) =>
    when(c.namespaces.ipc === "host", "shares the host's IPC namespace"),
  ),
  {
    id: "5.18",
    title: "No device of the host",
    expects: "no device",
    exemptedBy: "devices",
    problems: ({ devices }) => devices.map((path) => ({ what: `has ${path}`, value: path })),
  },
  {
    id: "5.19",
    title: "Limits (ulimits) are set",
    expects: "a limit of its own, such as nofile",
    problems: ({ ulimits }) => when(ulimits.length === 0, "has only the default limits of Docker"),
  },
  item("5.20", "Mounts are not shared with the host", "no shared mount", ({ mounts }) =>
    mounts.flatMap(({ propagation, target }) =>
      when(/^r?shared$/.test(propagation), `shares ${target}`),
    ),
  ),
  item("5.21", "Not in the host's UTS namespace", "a host name of its own", ({ namespaces }) =>
    when(namespaces.uts === "host", "shares the host's UTS namespace"),
  ),
  item("5.22", "seccomp is not switched off", "Docker's default seccomp profile", (c) =>
    when(hasOption(c, "seccomp=unconfined"), "runs without seccomp"),
  ),
  {
    id: "5.23",
    title: "docker exec is not used with --privileged",
    host: "depends on the operator; this program never does",
  },
  {
    id: "5.24",
    title: "docker exec is not used with --user=root",
    host: "depends on the operator; this program never does",
  },
  {
    id: "5.25",
    title: "The usual control group",
    expects: "no cgroup parent of its own",
    decided: ({ cgroupParent }) =>
      isNamedCgroup(CGROUP_ROOT, cgroupParent)
        ? "a parent without limits, named after the container: cAdvisor tells it by that name, without access to Docker"
        : undefined,
    problems: ({ cgroupParent }) => when(cgroupParent !== "", `is under ${cgroupParent}`),
  },
  {
    id: "5.26",
    title: "No new privileges",
    expects: "no-new-privileges",
    exemptedBy: "noNewPrivileges",
    problems: (c) =>
      when(
        !hasOption(c, "no-new-privileges=true", "no-new-privileges"),
        "may gain privileges through set-uid programs",
        false,
      ),
  },
  {
    id: "5.27",
    title: "Health is checked",
    expects: "a health check",
    exemptedBy: "healthCheck",
    problems: ({ healthCheck }) => when(!healthCheck, "has no health check", false),
  },
  {
    id: "5.28",
    title: "The latest version of the image is used",
    expects: "an image pinned by digest",
    problems: ({ image }) =>
      when(!/@sha256:[0-9a-f]{64}$/.test(image), "its image has no digest yet"),
    leftToHost: () =>
      'pinned by digest; "npm run pin -- --check" shows whether its tag has moved, the operator decides about newer versions',
  },
  {
    id: "5.29",
    title: "Processes are limited",
    expects: "a limit of processes",
    problems: ({ pidsLimit }) => when(pidsLimit <= 0, "may start any number of processes"),
  },
  item("5.30", "Not on Docker's default network", "networks of its own", ({ networks }) =>
    when(networks.length === 0 || networks.includes("bridge"), "is on the default bridge"),
  ),
  item("5.31", "Not in the host's user namespace by request", "Docker's user namespace", (c) =>
    when(c.namespaces.user === "host", "uses the host's user namespace"),
  ),
  {
    id: "5.32",
    title: "The Docker socket is not mounted",
    expects: "no docker.sock",
    exemptedBy: "dockerSocket",
    problems: ({ mounts }) => mounts.filter(isSocket).map((mount) => mounted(mount, true)),
  },
];
