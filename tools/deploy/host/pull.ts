/** Pulls the new images on the host while the old containers are running. */
import { quote } from "../../../host/shell-quote";
import { DOCKER_HUB, parseReference } from "../../../images/reference";
import { Registries } from "../../../images/registry/client";
import { LoadedStack } from "../../model/load";
import { NOTHING_CHANGED, Refused, Run } from "../context";
import { Plan } from "../plan/plan";

export interface PullArgs {
  /** By service. */
  readonly images: Readonly<Record<string, string>>;
  /** `linux/amd64` */
  readonly platform: string;
  readonly registries: Registries;
}

/** Prints `present=<service>`, `pulled=<service>` or `failed=<service>: <reason>` for each image. */
export function pullScript({ images, platform, registries }: PullArgs): string {
  const architecture = platform.split("/").slice(0, 2).join("/");
  const auths = authsOf(images, registries);
  const login =
    Object.keys(auths).length === 0
      ? ""
      : `umask 077
config=$(mktemp -d)
trap 'rm -rf "$config"' EXIT
trap 'exit 1' HUP INT TERM
printf '%s' ${quote(JSON.stringify({ auths }))} >"$config/config.json"
export DOCKER_CONFIG="$config"
`;
  return `${login}pull() {
  if docker image inspect "$2" >/dev/null 2>&1; then found=present
  elif output=$(docker pull --quiet --platform ${quote(platform)} "$2" 2>&1); then found=pulled
  else printf 'failed=%s: %s\\n' "$1" "$(printf '%s' "$output" | tr '\\n' ' ')"; return 0
  fi
  is=$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "$2")
  if [ "$is" = ${quote(architecture)} ]; then printf '%s=%s\\n' "$found" "$1"
  else printf 'failed=%s: the image is for %s, the host is ${architecture}\\n' "$1" "$is"
  fi
}
${Object.entries(images)
  .map(([service, image]) => `pull ${quote(service)} ${quote(image)}\n`)
  .join("")}`;
}

/** The `auths` of Docker's config.json, which has a special key for Docker Hub. */
function authsOf(
  images: PullArgs["images"],
  registries: Registries,
): Readonly<Record<string, { readonly auth: string }>> {
  const needed = new Set(Object.values(images).map((image) => parseReference(image).registry));
  return Object.fromEntries(
    Object.entries(registries).flatMap(([host, { username, password }]) =>
      username === undefined || password === undefined || !needed.has(host)
        ? []
        : [
            [
              host === DOCKER_HUB ? "https://index.docker.io/v1/" : host,
              { auth: Buffer.from(`${username}:${password}`).toString("base64") },
            ],
          ],
    ),
  );
}

/** The failed images, one line each. */
export const pullProblems = (stdout: string): string[] =>
  stdout
    .split("\n")
    .filter((line) => line.startsWith("failed="))
    .map((line) => {
      const text = line.slice("failed=".length).trim();
      return /no space left/i.test(text)
        ? `${text}; free disk space on the host: docker image prune --all`
        : text;
    });

/** Time limit for all images together, ms. */
const PULL_MS = 30 * 60_000;

export async function pullImages(
  { shell, signal, reporter }: Run,
  plan: Plan,
  { config }: LoadedStack,
): Promise<void> {
  const { platform, registries } = config;
  const images = Object.fromEntries(
    Object.entries(plan.images).filter(([service]) => plan.newImages.includes(service)),
  );
  if (Object.keys(images).length === 0) return;
  reporter.stage("images");
  const { code, stdout, stderr } = await shell(pullScript({ images, platform, registries }), {
    signal,
    timeoutMs: PULL_MS,
    onLine: (line) => {
      if (line.startsWith("pulled="))
        reporter.log(`pulled the image of ${line.slice("pulled=".length)}`);
    },
  });
  const problems = code === 0 ? pullProblems(stdout) : [stderr.trim()];
  if (problems.length > 0)
    throw new Refused([...problems.map((line) => `images.${line}`), NOTHING_CHANGED].join("\n"));
}
