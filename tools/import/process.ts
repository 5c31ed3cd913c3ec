/** Converts the user, the limits and the other keys that stand for themselves; and what cannot be taken. Pure. */
import { isMap } from "../../text/messages";
import { isRoot } from "../../components/hardened/policy";
import { leftOut } from "./compose/keys";
import { listOf, mebibytes, namesOf, pairsOf, scalar, seconds, textsOf } from "./compose/syntax";
import { keyOf, textKey, type Context, type Source } from "./context";
import { joined } from "./compose/variables";
import { type Draft } from "./draft";
import { knownUser, USER_NUMBERS } from "./known";

/** Capabilities that are the host itself. */
const FATAL_CAPABILITIES: ReadonlySet<string> = new Set([
  ...["ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_BOOT", "DAC_READ_SEARCH"],
]);

const isTrue = (value: unknown): boolean => value === true || value === "true";

/** Why a service gets no entry, and what to do instead. */
export function refusals(
  source: Pick<Source, "name" | "service">,
  context: Context,
): readonly (readonly [what: string, instead: string])[] {
  const text = (key: string): string => scalar(keyOf(source, key, context)) ?? "";
  const found: (readonly [string, string])[] = [];
  const mode = text("network_mode");
  if (isTrue(keyOf(source, "privileged", context)))
    found.push([
      "privileged",
      "it is root on the host; name what it needs: cap_add, devices, or load kernel modules on the host",
    ]);
  if (mode === "host")
    found.push([
      "network_mode: host",
      "it sees all connections of the host; publish its ports: ports, with an exemption publishedPorts",
    ]);
  if (/^(?:service|container):/.test(mode))
    found.push([
      `network_mode: ${mode}`,
      "two containers in one network namespace are no two services; a VPN client and its users stay with Compose",
    ]);
  for (const key of ["pid", "ipc", "uts", "userns_mode", "cgroup"])
    if (text(key) === "host" || /^(?:service|container):/.test(text(key)))
      found.push([
        `${key}: ${text(key)}`,
        "it shares what separates containers from the host; remove the line",
      ]);
  for (const option of textsOf(keyOf(source, "security_opt", context)))
    if (
      /(?:seccomp|apparmor|systempaths|label|no-new-privileges)[:=](?:unconfined|disable|false)/.test(
        option,
      )
    )
      found.push([`security_opt: ${option}`, "it switches a protection off; remove the line"]);
  for (const capability of capabilitiesOf(source, context))
    if (FATAL_CAPABILITIES.has(capability))
      found.push([
        `cap_add: ${capability}`,
        capability === "SYS_MODULE"
          ? "load the kernel module on the host, and remove the capability"
          : "it gives away the host; name the capability that is meant, such as NET_ADMIN",
      ]);
  if (listOf(keyOf(source, "volumes_from", context)).length > 0)
    found.push(["volumes_from", "name the volumes: service.volume:/path"]);
  if (listOf(keyOf(source, "external_links", context)).length > 0)
    found.push([
      "external_links",
      "services outside this stack are reached through their published ports",
    ]);
  if (source.service.provider !== undefined)
    found.push(["provider", "it is no container; what it provides stays outside this stack"]);
  return found;
}

function capabilitiesOf(source: Pick<Source, "name" | "service">, context: Context): string[] {
  const given = textsOf(keyOf(source, "cap_add", context));
  return [...new Set(given.map((name) => name.toUpperCase().replace(/^CAP_/, "")))];
}

/** Adds the user, the limits, and what Compose has under the same name. */
export function convertProcess(draft: Draft, source: Source, context: Context): void {
  addUser(draft, source, context);
  addLimits(draft, source, context);
  const { entry } = draft;
  const capabilities = capabilitiesOf(source, context);
  if (capabilities.length > 0)
    draft.exempt(
      "capabilities",
      capabilities.map((name) => `CAP_${name}`),
      `cap_add: ${capabilities.join(", ")}${isRoot(entry.user ?? "1:1") ? "" : "; without root they only help programs that carry them"}`,
    );
  const workingDir = textKey(source, "working_dir", context);
  if (workingDir !== undefined && workingDir !== "" && workingDir !== "/")
    entry.working_dir = workingDir.replace(/\/+$/, "");
  if (isTrue(keyOf(source, "init", context))) entry.init = true;
  const groups = textsOf(keyOf(source, "group_add", context));
  const numbers = groups.filter((group) => /^[1-9]\d{0,9}$/.test(group));
  if (numbers.length > 0) entry.group_add = numbers;
  for (const group of groups.filter((one) => !numbers.includes(one)))
    draft.say(
      "question",
      `group_add: ${group}`,
      "expected the number of a group: getent group NAME",
    );
  const sysctls = pairsOf(keyOf(source, "sysctls", context)).map(([name]) => name);
  if (sysctls.length > 0)
    draft.say(
      "question",
      `sysctls: ${sysctls.join(", ")}`,
      "there is no such key; set them on the host if the program needs them",
    );
  for (const line of pairsOf(extraHosts(source, context)))
    draft.say(
      "question",
      `extra_hosts: ${line[0]}`,
      "there is no such key; a name that DNS resolves, with exemption outsideNetworks: [egress]",
    );
  if (isMap(source.service.build))
    draft.say(
      "changed",
      "build",
      "the image as the registry has it; push yours there if it is another",
    );
  const deploy = keyOf(source, "deploy", context);
  const replicas = Number(
    scalar(isMap(deploy) ? deploy.replicas : undefined) ?? textKey(source, "scale", context) ?? 1,
  );
  if (replicas > 1)
    draft.say("question", `${replicas} replicas`, "one container; a second one is a second entry");
  if (replicas === 0 || namesOf(source.service.profiles).length > 0) {
    entry.enabled = false;
    draft.say(
      "changed",
      "Compose does not start it by itself",
      "enabled: false; remove the line to run it",
    );
  }
  const restart = restartOf(source, context);
  if (/^(?:no|none|on-failure)\b/.test(restart))
    draft.say(
      "question",
      `restart: ${restart}`,
      "a container here keeps running; if it ends by itself, run it by hand, or in the entry point of the service that needs it",
    );
  for (const [key, instead] of leftOut(source.service)) draft.say("question", key, instead);
  if (isTrue(keyOf(source, "use_api_socket", context))) draft.readsDocker = true;
  for (const hook of ["post_start", "pre_stop"])
    if (listOf(source.service[hook]).length > 0)
      draft.say("question", hook, "there is no such key; do it in its entry point");
  if (usesGpu(source, context))
    draft.say(
      "question",
      "it uses a GPU",
      "devices: [/dev/dri] with an exemption; NVIDIA's runtime is not supported",
    );
}

function restartOf(source: Source, context: Context): string {
  const deploy = keyOf(source, "deploy", context);
  const policy = isMap(deploy) && isMap(deploy.restart_policy) ? deploy.restart_policy : {};
  const said = scalar(policy.condition) ?? textKey(source, "restart", context) ?? "";
  // YAML reads no as false.
  return said === "false" ? "no" : said;
}

/** `host:address` in a list, or a map. */
function extraHosts(source: Source, context: Context): unknown {
  const given = keyOf(source, "extra_hosts", context);
  return Array.isArray(given)
    ? textsOf(given).map((line) => line.replace(/^([^:=]+)[:=]/, "$1="))
    : given;
}

function usesGpu(source: Source, context: Context): boolean {
  const deploy = keyOf(source, "deploy", context);
  const resources = isMap(deploy) && isMap(deploy.resources) ? deploy.resources : {};
  const reserved = isMap(resources.reservations) ? listOf(resources.reservations.devices) : [];
  return (
    reserved.length > 0 ||
    source.service.gpus !== undefined ||
    textKey(source, "runtime", context) === "nvidia"
  );
}

const NUMERIC = /^(\d{1,10})(?::(\d{1,10}))?$/;

function addUser(draft: Draft, source: Source, context: Context): void {
  const given = textKey(source, "user", context)?.trim() ?? "";
  const wanted = given === "" ? undefined : userNumbers(given);
  if (wanted !== undefined) {
    draft.entry.user = wanted;
    if (isRoot(wanted)) draft.exempt("user", wanted, `it runs as root (user: ${given})`);
    else if (wanted !== given)
      draft.say(
        "tightened",
        `user: ${given}`,
        `"${wanted}": numbers, and a group other than root's`,
      );
    return;
  }
  if (given !== "") {
    draft.say(
      "question",
      `user: ${given} is a name`,
      'user: "uid:gid"; docker run --rm --entrypoint id IMAGE prints the numbers',
    );
    return;
  }
  const ids = puid(source, context);
  if (ids !== undefined) {
    draft.entry.user = ids;
    draft.say(
      "tightened",
      "it starts as root and steps down to PUID and PGID",
      `"${ids}" from the start; an image that cannot do so needs exemptions user, and capabilities CHOWN, SETUID, SETGID`,
    );
    return;
  }
  const known = knownUser(source.known, source.image);
  const own =
    source.defaults === undefined || source.defaults.user === "" ? undefined : source.defaults.user;
  const numbers = own === undefined ? known : (withoutRootGroup(userNumbers(own)) ?? known);
  if (numbers !== undefined && !isRoot(numbers)) {
    draft.entry.user = numbers;
    if (own === undefined)
      draft.say("tightened", "the image starts as root", `"${numbers}" from the start`);
    return;
  }
  if (source.defaults === undefined)
    draft.say(
      "question",
      "the user of its image is not known",
      'user: "uid:gid"; default 65532:65532',
    );
  else if (own === undefined || isRoot(userNumbers(own) ?? "1:1"))
    draft.say(
      "tightened",
      "the image runs as root",
      "65532:65532; the number that owns its files, if it needs another",
    );
  else
    draft.say(
      "question",
      `its image runs as ${JSON.stringify(own.slice(0, 40))}`,
      'user: "uid:gid", the numbers of that name',
    );
}

/** `uid:gid` of a number, a pair of numbers, or a name that many images have. A missing group is the user's own. */
function userNumbers(text: string): string | undefined {
  if (/^root(?::(?:root|0))?$/.test(text)) return "0:0";
  const [name = "", group] = text.split(":");
  const [, uid, gid] = NUMERIC.exec(text) ?? [];
  if (uid !== undefined) return `${uid}:${gid ?? uid}`;
  const numbers = Object.hasOwn(USER_NUMBERS, name) ? USER_NUMBERS[name] : undefined;
  return group === undefined || group === name ? numbers : undefined;
}

/** The group of an image's user is often root's, which needs no rights here. */
const withoutRootGroup = (user: string | undefined): string | undefined =>
  user?.replace(/^([1-9]\d*):0+$/, "$1:$1");

/** The user of images of linuxserver.io and those like them. */
function puid(source: Source, { variables }: Context): string | undefined {
  const values = new Map(
    pairsOf(source.service.environment).map(([key, value]) => [
      key,
      value === undefined ? (variables.value(key) ?? "") : joined(variables.pieces(value)),
    ]),
  );
  const [uid, gid] = [
    ["PUID", "UID"],
    ["PGID", "GID"],
  ].map((names) =>
    names.map((name) => values.get(name)).find((value) => value !== undefined && value !== ""),
  );
  if (uid === undefined || !/^[1-9]\d{0,9}$/.test(uid)) return undefined;
  return gid !== undefined && /^[1-9]\d{0,9}$/.test(gid) ? `${uid}:${gid}` : `${uid}:${uid}`;
}

/** MiB for a service without a limit: the policy's 256 are too few for most programs that serve pages. */
const MEMORY_MIB = 512;

function addLimits(draft: Draft, source: Source, context: Context): void {
  const { entry } = draft;
  const deploy = keyOf(source, "deploy", context);
  const resources = isMap(deploy) && isMap(deploy.resources) ? deploy.resources : {};
  const limits = isMap(resources.limits) ? resources.limits : {};
  const memory = mebibytes(scalar(limits.memory) ?? textKey(source, "mem_limit", context) ?? "");
  entry.memoryMiB = memory === undefined || memory === 0 ? MEMORY_MIB : clamp(memory, 6, 65536);
  if (memory === undefined || memory === 0)
    draft.say(
      "tightened",
      "no limit of memory",
      `${MEMORY_MIB} MiB, half a core, 200 processes; raise them from measured use`,
    );
  const cpus = Number(scalar(limits.cpus) ?? textKey(source, "cpus", context) ?? 0);
  if (cpus > 0) entry.cpus = clamp(Number(cpus.toFixed(3)), 0.01, 64);
  const pids = Number(scalar(limits.pids) ?? textKey(source, "pids_limit", context) ?? 0);
  if (pids > 0) entry.pidsLimit = clamp(Math.trunc(pids), 1, 32768);
  const grace = seconds(textKey(source, "stop_grace_period", context) ?? "");
  if (grace !== undefined && grace > 0) entry.stop_grace_period = `${clamp(grace, 1, 600)}s`;
  const shm = mebibytes(textKey(source, "shm_size", context) ?? "");
  if (shm !== undefined && shm > 0) entry.shm_size = `${clamp(shm, 1, 65536)}m`;
  const ulimits = keyOf(source, "ulimits", context);
  const nofile = isMap(ulimits) ? ulimits.nofile : undefined;
  const files = Number(isMap(nofile) ? (scalar(nofile.soft) ?? 0) : (scalar(nofile) ?? 0));
  const others = namesOf(ulimits).filter((name) => name !== "nofile");
  if (others.length > 0)
    draft.say(
      "question",
      `ulimits: ${others.join(", ")}`,
      "only nofile is a key here; the others are those of the engine",
    );
  if (files > 0) entry.ulimits = { nofile: clamp(Math.trunc(files), 64, 1048576) };
}

const clamp = (value: number, min: number, max: number): number =>
  Math.min(Math.max(value, min), max);
