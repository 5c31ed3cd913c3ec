/** The service that sends dumps and data volumes to a restic repository. Its scripts are beside it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { isOlder, tagVersion } from "../../../images/tag-version";
import { expected, textLike, wholeNumber } from "../../../text/messages";
import { Exemption } from "../../hardened/policy";
import { defineService } from "../definition";
import { kindOf, knownHost, repository, RepositoryAddress } from "./repository";
import { DUMPS } from "./saved";

const SECRETS = "/run/secrets/backup";
const FOLDER = "/backup";
/** Where a repository on the host is in the container. */
const REPOSITORY = "/repository";

const script = (file: string): string => readFileSync(join(__dirname, file), "utf8");
const CLOCK = script("clock.sh");
const BACKUP = script("backup.sh");

/** The options, with defaults: the schema of a service has none. */
export interface BackupOptions {
  readonly repository: RepositoryAddress;
  /** Minutes after midnight UTC. */
  readonly minute: number;
  /** Number of backups that stay, by period; undefined: all. */
  readonly keep: Readonly<Partial<Record<"daily" | "weekly" | "monthly", number>>> | undefined;
}

const KEEP = { daily: 7, weekly: 4, monthly: 12 } as const;
const SCHEDULE = "03:30";

/** Throws for options that the configuration's rules reject. */
export function backupOptions(options: Readonly<Record<string, unknown>>): BackupOptions {
  const {
    repository: where,
    schedule = SCHEDULE,
    keep = KEEP,
  } = options as {
    readonly repository?: RepositoryAddress;
    readonly schedule?: string;
    readonly keep?: BackupOptions["keep"] | "all";
  };
  if (where === undefined) throw new Error("services.backup.repository was not checked before use");
  const [hours = "", minutes = ""] = schedule.split(":");
  return {
    repository: where,
    minute: Number(hours) * 60 + Number(minutes),
    keep: keep === "all" ? undefined : keep,
  };
}

/** How often there is a backup, ms: once a day. */
export const BACKUP_PERIOD_MS = 24 * 60 * 60_000;

const needsCredentials = ({ repository: where }: Readonly<Record<string, unknown>>): boolean =>
  kindOf((where as RepositoryAddress | undefined)?.address ?? "/") !== "path";

/**
 * restic, which sends the data of the stack to a repository elsewhere: encrypted, deduplicated, once a day. It reads every data
 * volume and writes to none but one of its own, in which the start page finds when that was. It has no Docker socket: so what must
 * stand still to be copied is saved by `npm run backup` alone.
 */
export const backup = defineService({
  name: "backup",
  // It needs a place to send the data to.
  enabled: false,
  options: {
    repository,
    /** Time of the day, UTC. Default 03:30. */
    schedule: textLike(
      'a quoted time of the day in UTC such as "03:30"',
      /^(?:[01]\d|2[0-3]):[0-5]\d$/,
    ).optional(),
    /** How many backups stay. Default 7 daily, 4 weekly, 12 monthly. */
    keep: z
      .union(
        [
          z.literal("all"),
          z
            .strictObject({
              daily: wholeNumber(1, 1000).optional(),
              weekly: wholeNumber(1, 1000).optional(),
              monthly: wholeNumber(1, 1000).optional(),
            })
            .refine((keep) => Object.keys(keep).length > 0, expected("daily, weekly or monthly")),
        ],
        expected("a map such as { daily: 7, weekly: 4, monthly: 12 }, or all"),
      )
      .optional(),
  },
  secrets: {
    // Encrypts the repository. Without it, all backups are lost.
    backupPassword: {
      minLength: 20,
      random: ', such as the output of "openssl rand -hex 32"; keep a copy elsewhere',
    },
    backupCredentials: {
      minLength: 8,
      neededFor: { options: needsCredentials, name: "the repository of services.backup" },
    },
  },
  image: {
    diskMiB: 120,
    problem: ({ tag }) =>
      // Its exit codes tell a wrong password from a lock since 0.17.
      tagVersion(tag) === undefined || isOlder(tag, [0, 17])
        ? `expected restic 0.17 or newer with its version in the tag, such as docker.io/restic/restic:0.18.1, got ${JSON.stringify(tag ?? "none")}`
        : undefined,
  },
  fixedEnvironment: {
    names: /^(?:RESTIC_|AWS_|TMPDIR$)/,
    why: "it decides where the backups go",
  },
  containers: ({ stack, options, savedVolumes }) => {
    const { repository: where, minute, keep } = backupOptions(options);
    const kind = kindOf(where.address);
    const saved = savedVolumes();
    const mounted = saved.filter(({ saving }) => saving !== "command");
    const nowAlone = saved.filter(({ saving }) => saving !== "dump" && saving !== "live");
    const dumps = mounted.some(({ saving }) => saving === "dump");
    return [
      {
        memoryMiB: 512,
        cpus: 1,
        exemptions: [ROOT, READ, ...(kind === "path" ? [onHost(where.address)] : [EGRESS])],
        init: true,
        entrypoint: ["sh", `${FOLDER}/backup.sh`, "forever"],
        environment: {
          RESTIC_REPOSITORY: kind === "path" ? REPOSITORY : where.address,
          TMPDIR: "/tmp",
          STACK: stack,
          KIND: kind ?? "",
          AT_MINUTE: String(minute),
          KEEP: Object.entries(keep ?? {})
            .map(([period, count]) => `--keep-${period} ${count}`)
            .join(" "),
          NOW_ALONE: [...new Set(nowAlone.map(({ name }) => name))].join(", "),
          DUMPS: dumps ? "yes" : "no",
          LIVE: mounted
            .filter(({ saving }) => saving === "live")
            .map(({ name, volume }) => `${name}=${volume}`)
            .join(" "),
        },
        secrets: {
          secrets: {
            path: SECRETS,
            files: {
              password: "backupPassword",
              ...(kind !== "path" && { credentials: "backupCredentials" }),
            },
          },
        },
        files: {
          script: {
            path: FOLDER,
            files: {
              "backup.sh": `${CLOCK}${BACKUP}`,
              ...(kind === "sftp" && { known_hosts: knownHost(where) }),
            },
          },
        },
        data: {
          status: { path: "/status", copy: "never" },
          ...Object.fromEntries(
            mounted.map(({ volume, saving }) => [
              volume,
              {
                path: saving === "dump" ? "/dumps" : `/data/${volume}`,
                readOnly: true,
                of: volume,
              },
            ]),
          ),
        },
        ...(kind === "path"
          ? { hostPaths: [{ source: where.address, path: REPOSITORY, writable: true }] }
          : { egress: true }),
        // restic packs what it sends in files of 16 MiB.
        tmpfs: { "/tmp": 192 },
        health: { command: ["sh", `${FOLDER}/backup.sh`, "alive"], startSeconds: 20 },
        upgrade: { untried: "only reads the data of the others" },
        // One that is interrupted goes on where it was.
        stopGraceSeconds: 10,
        ...(dumps && { dependsOn: [DUMPS] }),
      },
    ];
  },
});

const ROOT: Exemption = {
  control: "user",
  value: "0:0",
  reason:
    "the data volumes belong to several users; without capabilities, root is only another user",
};

const READ: Exemption = {
  control: "capabilities",
  value: ["CAP_DAC_READ_SEARCH"],
  reason: "reads the files of all users; the volumes are mounted read-only",
};

const EGRESS: Exemption = {
  control: "outsideNetworks",
  value: ["egress"],
  reason: "sends the backups to another machine",
};

const onHost = (path: string): Exemption => ({
  control: "writableHostPaths",
  value: [path],
  reason:
    "the repository is a folder of the host, such as one of another machine that is mounted there",
});
