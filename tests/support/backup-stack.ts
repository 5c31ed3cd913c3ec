/** A stack whose data is saved in every way. */
import { StackModel } from "../../components/model";
import { modelOf, realServices, Said, service } from "./small-stack";

const HEALTH = { health: { command: ["check"] } };
const DATA = { data: { data: { path: "/data" } } };

export const backupStack = (
  options: Readonly<Record<string, unknown>> = {
    repository: { address: "rest:https://b.example/s" },
  },
  said: Said = {},
): StackModel =>
  modelOf(
    [
      ...realServices("traefik", "socket-proxy", "portainer", "n8n", "postgres", "backup"),
      service("closed", () => [{ ...HEALTH, ...DATA, backup: { stop: true } }]),
      service("export", () => [{ ...HEALTH, ...DATA, backup: { command: ["dump", "it's"] } }]),
      service("cache", () => [{ ...HEALTH, ...DATA, backup: { none: "made anew at each start" } }]),
      service("reader", () => [
        { ...HEALTH, data: { other: { path: "/data", of: "n8n-data", readOnly: true } } },
      ]),
    ],
    {
      tls: { mode: "acme", email: "a@example.test", dnsProvider: "hetzner" },
      ...said,
      images: { backup: `restic/restic:0.18.1@sha256:${"8".repeat(64)}`, ...said.images },
      services: { backup: { enabled: true, options }, ...said.services },
    },
  );
