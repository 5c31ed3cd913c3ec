/** Converts `volumes`, `tmpfs` and `devices`: what a service keeps, and what it sees of the host. Pure but for the folder. */
import { posix } from "node:path";

import { hostPathProblem } from "../../components/services/own/schema";
import { isMap } from "../../text/messages";
import { listOf, mebibytes, scalar, volumeOf, type VolumeMount } from "./compose/syntax";
import { keyOf, resolved, shown, type Context, type Source } from "./context";
import { type DataVolumes } from "./data-volumes";
import { type Draft } from "./draft";
import { FILE_LIKE, MAX_CONFIG_KIB, type MountedFile, type MountedFiles } from "./files";

/** What is mounted into one service, while it is converted. */
interface Mounts {
  readonly draft: Draft;
  readonly source: Source;
  readonly context: Context;
  readonly volumes: DataVolumes;
  /** Paths inside the container that are taken. */
  readonly targets: Set<string>;
  readonly files: MountedFile[];
}

/** Adds `volumes`, `tmpfs`, `devices` and `backup` to the entry. */
export function convertMounts(
  draft: Draft,
  source: Source,
  context: Context,
  volumes: DataVolumes,
): MountedFiles {
  const mounts: Mounts = { draft, source, context, volumes, targets: new Set(), files: [] };
  for (const item of listOf(keyOf(source, "volumes", context))) addVolume(mounts, item);
  for (const item of listOf(keyOf(source, "tmpfs", context))) {
    const [target = "", options = ""] = (scalar(item) ?? "").split(":");
    const size = mebibytes(/(?:^|,)size=([^,]+)/.exec(options)?.[1] ?? "");
    if (target.startsWith("/")) addTmpfs(mounts, target, size, options.split(",").includes("exec"));
  }
  addImageVolumes(mounts);
  for (const given of [...(source.known.tmpfs ?? []), `/tmp:${TMP_MIB}m`]) {
    const [target = "", option = ""] = given.split(":");
    addTmpfs(mounts, target, mebibytes(option), option === "exec");
  }
  for (const item of listOf(keyOf(source, "devices", context))) {
    const parts = isMap(item) ? [scalar(item.source), scalar(item.target)] : [scalar(item)];
    const device = parts.filter((part) => part !== undefined).join(":");
    if (device.startsWith("/dev/")) addDevice(draft, device);
    else
      draft.say(
        "question",
        `device ${shown(device)}`,
        "expected a path below /dev; it is left out",
      );
  }
  const keeps = draft.entry.volumes?.some((one) => !/^\/|:ro$|^[^:]*\./.test(one)) === true;
  if (keeps) draft.entry.backup = { stop: true };
  return mounts;
}

/** Most programs need a folder for temporary files, which a read-only root does not have. */
const TMP_MIB = 64;

function addVolume(mounts: Mounts, item: unknown): void {
  const { draft, targets } = mounts;
  const mount = volumeOf(item);
  if (mount === undefined)
    draft.say(
      "question",
      `volume ${shown(item)}`,
      "expected name:/path or /host/path:/path; it is left out",
    );
  else if (mount.special !== undefined)
    draft.say(
      "question",
      `volume at ${mount.target} with ${mount.special}`,
      "there is no such option; it is left out",
    );
  else if (mount.type === "tmpfs") addTmpfs(mounts, mount.target, mount.sizeMiB, false);
  else if (!targets.has(mount.target)) {
    if (mount.type === "bind") addBind(mounts, mount);
    else addNamed(mounts, mount);
  }
}

/** A named or anonymous volume. */
function addNamed(mounts: Mounts, mount: VolumeMount): void {
  const { draft, source } = mounts;
  const volume = namedVolume(mount, mounts);
  if ("problem" in volume)
    draft.say(
      "refused",
      volume.problem,
      "mount it on the host and name its path: /mnt/share:/path, with an exemption writableHostPaths",
    );
  else if ("bind" in volume) addBind(mounts, { ...mount, source: volume.bind });
  else
    addData(mounts, mount, {
      identity:
        mount.source === undefined ? `${source.name} ${mount.target}` : `volume ${mount.source}`,
      wanted: mount.source ?? mount.target,
      ...volume,
    });
}

/** What a volume of the file is. */
function namedVolume(
  { source: name }: VolumeMount,
  { context: { file, project, variables } }: Mounts,
):
  | { readonly kind: "volume" | "anonymous"; readonly from: string }
  | { readonly bind: string }
  | { readonly problem: string } {
  if (name === undefined) return { kind: "anonymous", from: "" };
  const given = resolved(file.volumes[name], `volumes.${name}`, variables);
  const volume = isMap(given) ? given : {};
  const options = isMap(volume.driver_opts) ? volume.driver_opts : {};
  const text = (value: unknown): string => scalar(value) ?? "";
  const driver = text(volume.driver);
  const device = text(options.device);
  if (driver !== "" && driver !== "local")
    return { problem: `volume ${name} has the driver ${driver}` };
  if (device !== "" && /\bbind\b/.test(text(options.o))) return { bind: device };
  if (device !== "" && text(options.type) !== "tmpfs")
    return { problem: `volume ${name} is a share of the network` };
  const external = volume.external === true || isMap(volume.external);
  const own =
    scalar(volume.name) ?? (isMap(volume.external) ? scalar(volume.external.name) : undefined);
  return { kind: "volume", from: own ?? (external ? name : `${project}_${name}`) };
}

/** Docker's own socket, wherever it is. */
const DOCKER_SOCKET = /\/docker\.sock$/;
const CLOCK = /^\/etc\/(?:localtime|timezone)$|^\/usr\/share\/zoneinfo/;
/** Libraries of media: too large to move, and other programs use them too. */
const LIBRARY =
  /(?:^|\/)(?:media|movies?|films?|tv|tvshows|shows|series|music|photos?|pictures|books?|comics|audiobooks|podcasts|videos?|downloads?|torrents?|library|libraries|nas)(?:\/|$)/i;
const SYSTEM = /^\/(?:$|(?:bin|boot|dev|etc|lib\w*|proc|root|run|sbin|sys|usr|var)(?:\/|$))/;

/** A path of the host: a file beside the Compose file, a folder whose data moves, or a part of the host. */
function addBind(mounts: Mounts, mount: VolumeMount): void {
  const { draft, context, files } = mounts;
  const { folder } = context;
  const { target } = mount;
  const path = cleanPath(mount.source ?? ".");
  if (DOCKER_SOCKET.test(path)) draft.readsDocker = true;
  else if (CLOCK.test(path))
    draft.say(
      "changed",
      `${path} of the host`,
      "its clock is UTC; set TZ, such as TZ: Europe/Berlin",
    );
  else if (path === "/dev/shm")
    draft.say("changed", "/dev/shm of the host", "a private one; shm_size sets its size");
  else if (path.startsWith("/dev/")) addDevice(draft, `${path}:${target}`);
  else if (isOfHost(path, target) && !folder.contains(path)) addHostPath(mounts, mount, path);
  else if (isFile(path, target, folder.kind(path)))
    files.push({ target, name: path, content: folder.text(path, MAX_CONFIG_KIB) });
  else {
    const inside = configFolder(path, mount, context);
    if (inside !== undefined) files.push(...inside);
    else {
      const from = folder.absolute(path);
      addData(mounts, mount, { identity: `folder ${from}`, wanted: target, kind: "folder", from });
      draft.say(
        "tightened",
        `the folder ${path} of the host`,
        "a data volume, into which its data is copied",
      );
    }
  }
}

const cleanPath = (path: string): string =>
  path.startsWith("/") ? posix.normalize(path).replace(/(?<=.)\/$/, "") : path;

const isOfHost = (path: string, target: string): boolean =>
  path.startsWith("/") && (SYSTEM.test(path) || LIBRARY.test(path) || LIBRARY.test(target));

const isFile = (path: string, target: string, kind: string | undefined): boolean =>
  kind === "file" || (kind === undefined && FILE_LIKE.test(path) && FILE_LIKE.test(target));

/** Files of a folder that become `configs`. */
const MAX_CONFIGS = 12;

/** The files of a folder with nothing but a few small texts; `undefined` for a folder of data. */
function configFolder(
  path: string,
  { target, readOnly }: VolumeMount,
  { folder }: Context,
): readonly MountedFile[] | undefined {
  if (folder.kind(path) !== "folder") return undefined;
  const names = folder.names(path);
  if (names.length === 0 || names.length > MAX_CONFIGS) return undefined;
  const files = names.map((name) => {
    const file = posix.join(path, name);
    const isConfig = folder.kind(file) === "file" && (readOnly || FILE_LIKE.test(name));
    const content = isConfig ? folder.text(file, MAX_CONFIG_KIB) : { problem: "is no text" };
    return { target: posix.join(target, name), name: file, content };
  });
  return files.every(({ content }) => "text" in content) ? files : undefined;
}

function addHostPath(mounts: Mounts, { target, readOnly }: VolumeMount, path: string): void {
  const { draft, targets } = mounts;
  const problem = hostPathProblem(path, readOnly);
  if (problem !== undefined) {
    draft.say("refused", `${path} of the host`, problem);
    return;
  }
  targets.add(target);
  (draft.entry.volumes ??= []).push(`${path}:${target}${readOnly ? ":ro" : ""}`);
  draft.exempt(readOnly ? "hostPaths" : "writableHostPaths", [path], path);
}

interface NewData {
  readonly identity: string;
  readonly wanted: string;
  readonly kind: "volume" | "folder" | "anonymous";
  readonly from: string;
}

function addData(
  { draft, source, volumes, targets }: Mounts,
  { target, readOnly }: Pick<VolumeMount, "target" | "readOnly">,
  { identity, wanted, kind, from }: NewData,
): void {
  const { dataFolder } = source.known;
  const environment = (draft.entry.environment ??= {});
  const inside =
    dataFolder?.mountedAt === target && environment[dataFolder.variable] === undefined
      ? dataFolder.folder
      : undefined;
  if (dataFolder !== undefined && inside !== undefined) {
    environment[dataFolder.variable] = `${target}/${inside}`;
    draft.say(
      "changed",
      `its data at ${target}`,
      `in the folder ${inside} of the volume, ${dataFolder.variable}`,
    );
  }
  if (Object.keys(environment).length === 0) delete draft.entry.environment;
  const name = volumes.named(identity, wanted, {
    ...{ kind, from },
    ...(inside !== undefined && { folder: inside }),
    service: draft.name,
    compose: source.name,
    mountedAt: target,
  });
  if (draft.entry.volumes?.some((one) => one.startsWith(`${name}:`)) === true) {
    draft.say(
      "question",
      `${shown(wanted)} is mounted a second time, at ${target}`,
      "a volume has one path in a service; it is left out",
    );
    return;
  }
  targets.add(target);
  (draft.entry.volumes ??= []).push(`${name}:${target}${readOnly ? ":ro" : ""}`);
}

/** Volumes that the image declares: without one of the stack's, their data would go with each container. */
function addImageVolumes(mounts: Mounts): void {
  const { draft, source, targets } = mounts;
  for (const target of source.defaults?.volumes ?? []) {
    if ([...targets].some((other) => target === other || target.startsWith(`${other}/`))) continue;
    const identity = `${source.name} ${target}`;
    addData(
      mounts,
      { target, readOnly: false },
      { identity, wanted: target, kind: "anonymous", from: "" },
    );
    draft.say(
      "tightened",
      `its image keeps data at ${target}, in a volume without a name`,
      "a data volume, so that it stays",
    );
  }
}

function addTmpfs(
  { draft, targets }: Mounts,
  path: string,
  sizeMiB: number | undefined,
  executable: boolean,
): void {
  if (targets.has(path)) return;
  targets.add(path);
  const options = [
    ...(sizeMiB === undefined ? [] : [`size=${Math.max(1, sizeMiB)}m`]),
    ...(executable ? ["exec"] : []),
  ];
  (draft.entry.tmpfs ??= []).push(
    [path, options.join(",")].filter((part) => part !== "").join(":"),
  );
}

function addDevice(draft: Draft, device: string): void {
  const [from = "", to = from] = device.split(":");
  if (to.startsWith("/dev/")) {
    (draft.entry.devices ??= []).push(from === to ? from : `${from}:${to}`);
    draft.exempt("devices", [from], from);
  } else
    draft.say(
      "question",
      `device ${shown(device)}`,
      "expected a path below /dev inside the container too; it is left out",
    );
}
