/** What the program says about itself: stack outputs, and the list that the start page shows. Plain data. */
import { RestrictionRow } from "./components/hardening";
import { PageService } from "./components/homepage-page";
import { publicUrl } from "./components/public-url";
import { Service } from "./components/service";
import { ROUTED_NAMES, SERVICE_NAMES, ServiceName, StackConfig } from "./config";
import { formatReference, ImageReference } from "./images/reference";

export interface StackOutputs {
  /** The reference that is deployed, by service. */
  readonly images: Readonly<Record<string, string>>;
  /** One row a service, in the order of SERVICE_NAMES. */
  readonly restrictions: readonly RestrictionRow[];
  /** Format of the data that PostgreSQL keeps; the next deployment compares. */
  readonly postgresMajor?: number;
}

export function stackOutputs(
  images: Readonly<Record<string, ImageReference>>,
  services: readonly Service[],
): StackOutputs {
  return {
    images: Object.fromEntries(
      Object.entries(images).map(([service, image]) => [service, formatReference(image)]),
    ),
    restrictions: restrictionTable(rowsOf(services)),
  };
}

export const rowsOf = (services: readonly Service[]): RestrictionRow[] =>
  services.flatMap(({ containers }) => containers.map(({ restrictions }) => restrictions));

/** Containers of one service are one row: they run under the same controls, for the same reasons. */
export function restrictionTable(containers: readonly RestrictionRow[]): RestrictionRow[] {
  const rows = new Map<string, RestrictionRow>();
  for (const restrictions of containers) {
    const known = rows.get(restrictions.service);
    rows.set(restrictions.service, {
      ...restrictions,
      containers: [...(known?.containers ?? []), ...restrictions.containers],
    });
  }
  return SERVICE_NAMES.flatMap((name) => rows.get(name) ?? []);
}

/** Services for which nobody is allowed in have no address on the page. */
const ADMIN_ONLY: ReadonlySet<ServiceName> = new Set(["traefik", "portainer", "cadvisor"]);

export function pageServices(
  config: StackConfig,
  images: Readonly<Record<string, ImageReference>>,
  rows: readonly RestrictionRow[],
): PageService[] {
  return rows.flatMap((restrictions) => {
    const service = restrictions.service as ServiceName;
    const image = images[service];
    const admin = ADMIN_ONLY.has(service);
    const host = ROUTED_NAMES.filter((name) => name === service).map(
      (name) => config.services[name].host,
    )[0];
    if (image === undefined) return [];
    return {
      service,
      image: formatReference(image),
      ...(host !== undefined &&
        (!admin || config.adminAllow.length > 0) && { url: publicUrl(config, host) }),
      admin,
      restrictions,
    };
  });
}
