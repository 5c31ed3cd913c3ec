/**
 * CIS Docker Benchmark v1.6.0, section 5 "Container Runtime", as one table. Titles are shortened; the ids are those of
 * v1.6 (older editions count some items one lower). Pure.
 */
import { isEveryInterface } from "../../../host/ip-ranges";
import {
  all,
  appArmor,
  capabilities,
  hasOption,
  mounted,
  restarts,
  SENSITIVE,
  sensitiveMounts,
  sshServer,
  when,
} from "./problems";
import { CisRule } from "./rule";
import { ContainerFacts, isSocket, onHost } from "../view/facts";

/** Ports below this one take a privilege on the host. */
const FIRST_UNPRIVILEGED = 1024;

const noPorts = ({ ports }: ContainerFacts): string | undefined =>
  when(ports.length === 0, "publishes no port");

export const CIS_RULES: readonly CisRule[] = [
  {
    id: "5.1",
    title: "Swarm mode is off where it is not needed",
    host: "a setting of the engine; the stack does not use it",
  },
  {
    id: "5.2",
    title: "AppArmor is not switched off",
    expects: "an AppArmor profile",
    problem: appArmor,
    leftToHost: (c) =>
      when(c.appArmor === undefined, "gets Docker's own profile where the host has AppArmor"),
  },
  {
    id: "5.3",
    title: "SELinux is not switched off",
    expects: "an SELinux label",
    problem: (c) => when(hasOption(c, "label=disable"), "runs without an SELinux label"),
    // Without one it is the host that has no SELinux, or the engine that has it switched off.
    leftToHost: ({ seLinux }) =>
      when((seLinux ?? "") === "", "gets a label where the host and its engine have SELinux on"),
  },
  {
    id: "5.4",
    title: "No Linux capability that is not needed",
    expects: "all are dropped, none is added",
    exemptedBy: "capabilities",
    problem: capabilities,
  },
  {
    id: "5.5",
    title: "Not privileged",
    expects: "not privileged",
    problem: ({ privileged }) => when(privileged, "is privileged"),
  },
  {
    id: "5.6",
    title: "No sensitive folder of the host",
    expects: `none of ${SENSITIVE.join(" ")}, not even read-only`,
    exemptedBy: "hostPaths",
    problem: sensitiveMounts,
  },
  {
    id: "5.7",
    title: "No SSH server",
    expects: "nothing that starts one, and port 22 not published",
    problem: sshServer,
  },
  {
    id: "5.8",
    title: "No privileged port of the host",
    expects: `published ports from ${FIRST_UNPRIVILEGED}`,
    exemptedBy: "publishedPorts",
    outOfScope: noPorts,
    problem: ({ ports }) =>
      all(
        ports
          .filter(({ published }) => published < FIRST_UNPRIVILEGED)
          .map(({ published }) => `publishes port ${published}`),
      ),
  },
  {
    id: "5.9",
    title: "Only needed ports are open",
    expects: "each published port with a reason",
    exemptedBy: "publishedPorts",
    problem: ({ ports }) => all(ports.map((port) => `${onHost(port)} to ${port.internal}`)),
  },
  {
    id: "5.10",
    title: "Not on the host's network",
    expects: "networks of its own",
    problem: ({ networks }) => when(networks.includes("host"), "is on the host's network"),
  },
  {
    id: "5.11",
    title: "Memory is limited",
    expects: "a memory limit",
    problem: ({ memory }) => when(memory <= 0, "has no memory limit"),
  },
  {
    id: "5.12",
    title: "CPU is limited",
    expects: "a CPU limit or share",
    problem: ({ cpus, cpuShares }) => when(cpus <= 0 && cpuShares <= 0, "has no CPU limit"),
  },
  {
    id: "5.13",
    title: "Read-only root file system",
    expects: "a read-only root",
    exemptedBy: "readOnlyRootfs",
    problem: ({ readOnlyRootfs }) => when(!readOnlyRootfs, "can write to its root"),
  },
  {
    id: "5.14",
    title: "Ports are bound to one interface of the host",
    expects: "an address other than 0.0.0.0 and ::, however it is written",
    exemptedBy: "publishedPorts",
    outOfScope: noPorts,
    problem: ({ ports }) =>
      all(
        ports
          .filter(({ address }) => isEveryInterface(address))
          .map(({ address, published }) => `${published} on all interfaces (${address})`),
      ),
  },
  {
    id: "5.15",
    title: "Restarts on failure, five times at most",
    expects: "on-failure with 1 to 5 retries, or no restart",
    decided: ({ restart }) =>
      when(
        restart.policy === "unless-stopped",
        "unless-stopped: a service is back after a reboot of the host; Docker waits longer after each failure",
      ),
    problem: restarts,
  },
  {
    id: "5.16",
    title: "Not in the host's process namespace",
    expects: "a process namespace of its own",
    problem: ({ namespaces }) => when(namespaces.pid === "host", "sees the host's processes"),
  },
  {
    id: "5.17",
    title: "Not in the host's IPC namespace",
    expects: "an IPC namespace of its own",
    problem: ({ namespaces }) => when(namespaces.ipc === "host", "shares the host's memory"),
  },
  {
    id: "5.18",
    title: "No device of the host",
    expects: "no device",
    problem: ({ devices }) => all(devices.map((path) => `has ${path}`)),
  },
  {
    id: "5.19",
    title: "Limits (ulimits) are set",
    expects: "a limit of its own, such as nofile",
    problem: ({ ulimits }) => when(ulimits.length === 0, "takes the engine's limits"),
  },
  {
    id: "5.20",
    title: "Mounts are not shared with the host",
    expects: "no shared mount",
    problem: ({ mounts }) =>
      all(
        mounts
          .filter(({ propagation }) => /^r?shared$/.test(propagation))
          .map(({ target }) => `shares ${target}`),
      ),
  },
  {
    id: "5.21",
    title: "Not in the host's UTS namespace",
    expects: "a host name of its own",
    problem: ({ namespaces }) => when(namespaces.uts === "host", "can rename the host"),
  },
  {
    id: "5.22",
    title: "seccomp is not switched off",
    expects: "Docker's own seccomp profile",
    problem: (c) => when(hasOption(c, "seccomp=unconfined"), "runs without seccomp"),
  },
  {
    id: "5.23",
    title: "docker exec is not used with --privileged",
    host: "what people run on the host; the program never does",
  },
  {
    id: "5.24",
    title: "docker exec is not used with --user=root",
    host: "what people run on the host; the program never does",
  },
  {
    id: "5.25",
    title: "The usual control group",
    expects: "no cgroup parent of its own",
    problem: ({ cgroupParent }) => when(cgroupParent !== "", `is under ${cgroupParent}`),
  },
  {
    id: "5.26",
    title: "No new privileges",
    expects: "no-new-privileges",
    exemptedBy: "noNewPrivileges",
    problem: (c) =>
      when(
        !hasOption(c, "no-new-privileges=true", "no-new-privileges"),
        "may gain privileges by set-uid programs",
      ),
  },
  {
    id: "5.27",
    title: "Health is checked",
    expects: "a health check",
    exemptedBy: "healthCheck",
    problem: ({ healthCheck }) => when(!healthCheck, "has no health check"),
  },
  {
    id: "5.28",
    title: "The latest version of the image is used",
    expects: "an image pinned by digest",
    problem: ({ image }) =>
      when(!/@sha256:[0-9a-f]{64}$/.test(image), "its image has no digest yet"),
    leftToHost: () =>
      'pinned by digest; "npm run pin -- --check" says whether its tag has moved, people whether a newer version is needed',
  },
  {
    id: "5.29",
    title: "Processes are limited",
    expects: "a limit of processes",
    problem: ({ pidsLimit }) => when(pidsLimit <= 0, "may start any number of processes"),
  },
  {
    id: "5.30",
    title: "Not on Docker's default network",
    expects: "networks of its own",
    problem: ({ networks }) =>
      when(networks.length === 0 || networks.includes("bridge"), "is on the default bridge"),
  },
  {
    id: "5.31",
    title: "Not in the host's user namespace by request",
    expects: "the engine's user namespace",
    problem: ({ namespaces }) => when(namespaces.user === "host", "asks for the host's users"),
  },
  {
    id: "5.32",
    title: "The Docker socket is not mounted",
    expects: "no docker.sock",
    exemptedBy: "dockerSocket",
    problem: ({ mounts }) => all(mounts.filter(isSocket).map(mounted)),
  },
];
