/** The task runners of n8n as a service. */
import { ImageReference } from "../../images/reference";
import { defineService } from "./definition";
import { hasRunners, n8n, RUNNERS_BROKER_PORT, RUNNERS_TOKEN } from "./n8n";

const SECRETS = "/run/secrets/n8n-runners";
/** Answers as soon as the launcher runs, before it has reached n8n. */
const HEALTH_PORT = 5680;

/**
 * Runs the code of Code nodes, which is whatever the author of a workflow writes, away from n8n's database password,
 * encryption key and internet access: its only network is the one with n8n. A service of its own and not only a second
 * container of n8n, because it has an image of its own, which is pinned, checked and limited like every other.
 */
export const n8nRunners = defineService({
  name: "n8n-runners",
  enabled: ({ name }) => name === n8n.name,
  neededWith: hasRunners,
  secrets: { [RUNNERS_TOKEN]: { minLength: 16 } },
  image: { diskMiB: 500, problem: (image, images) => versionProblem(image, images[n8n.name]) },
  containers: () => [
    {
      // The image's user `runner`.
      user: "1000:1000",
      memoryMiB: 512,
      cpus: 1,
      environment: {
        N8N_RUNNERS_TASK_BROKER_URI: `http://${n8n.name}:${RUNNERS_BROKER_PORT}`,
        // The launcher reads it since 1.4.0, which is older than n8n 2.0.0 (n8n-io/task-runner-launcher#86).
        N8N_RUNNERS_AUTH_TOKEN_FILE: `${SECRETS}/token`,
      },
      secrets: { token: { path: SECRETS, files: { token: RUNNERS_TOKEN } } },
      tmpfs: { "/tmp": 64 },
      health: {
        command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${HEALTH_PORT}/healthz`],
        startSeconds: 10,
      },
      // No `dependsOn`: the launcher waits for n8n, however long its database migrations take.
      links: [n8n.name],
      // Lets running tasks finish, as n8n does.
      stopGraceSeconds: 60,
    },
  ],
});

/** The launcher and n8n speak a protocol of their own, so n8n supports only its own version. */
const versionProblem = (
  { tag }: ImageReference,
  other: ImageReference | undefined,
): string | undefined =>
  other === undefined || tag === other.tag
    ? undefined
    : `expected the tag of images.n8n, ${JSON.stringify(other.tag)}, got ${JSON.stringify(tag ?? "none")}; n8n and its runners must have the same version: run "npm run pin -- --stack S n8n-runners=${other.tag ?? "TAG"}"`;
