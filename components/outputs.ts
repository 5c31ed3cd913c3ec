/** What the program says about itself: stack outputs, and the list that the start page shows. Plain data. */
import { RestrictionRow } from "./hardened/policy";
import { PageService } from "./services/homepage/page";
import { LastDeployment } from "./last-deployment";
import { publicUrl } from "./services/traefik/public-url";
import { Service } from "./services/service";
import { StackConfig } from "../config/config";
import { ADMIN_NAMES, ROUTED_NAMES, SERVICE_NAMES, ServiceName } from "../config/schema";
import { formatReference, ImageReference } from "../images/reference";

export interface StackOutputs {
  /** The reference that is deployed, by service. */
  readonly images: Readonly<Record<string, string>>;
  /** One row a service, in the order of SERVICE_NAMES. */
  readonly restrictions: readonly RestrictionRow[];
  /** The day since which it is that one, by service: `2026-01-31`. */
  readonly imagesSince: Readonly<Record<string, string>>;
  /** Format of the data that PostgreSQL keeps, and the user it belongs to; the next deployment compares. */
  readonly postgresMajor?: number;
  readonly postgresUser?: string;
}

export function stackOutputs(
  images: Readonly<Record<string, ImageReference>>,
  services: readonly Service[],
): Pick<StackOutputs, "images" | "restrictions"> {
  return {
    images: Object.fromEntries(
      Object.entries(images).map(([service, image]) => [service, formatReference(image)]),
    ),
    restrictions: restrictionTable(rowsOf(services)),
  };
}

/** An image that was there before keeps its day; where that was not said, it stays unknown. */
export function imagesSince(
  images: Readonly<Record<string, ImageReference>>,
  last: Pick<LastDeployment, "images" | "imagesSince">,
  today: string | undefined,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(images).flatMap(([service, image]) => {
      const same = last.images[service] === formatReference(image);
      const since = same ? last.imagesSince[service] : today;
      return since === undefined ? [] : [[service, since]];
    }),
  );
}

/** Also of a PostgreSQL that is switched off: its data waits on the host. */
export const postgresOutputs = ({
  major,
  user,
}: {
  readonly major?: number | undefined;
  readonly user?: string | undefined;
}): Pick<StackOutputs, "postgresMajor" | "postgresUser"> => ({
  ...(major !== undefined && { postgresMajor: major }),
  ...(user !== undefined && { postgresUser: user }),
});

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
export function pageServices(
  config: StackConfig,
  images: Readonly<Record<string, ImageReference>>,
  since: Readonly<Record<string, string>>,
  rows: readonly RestrictionRow[],
): PageService[] {
  return rows.flatMap((restrictions) => {
    const service = restrictions.service as ServiceName;
    const image = images[service];
    const admin = ADMIN_NAMES.some((name) => name === service);
    const host = ROUTED_NAMES.filter((name) => name === service).map(
      (name) => config.services[name].host,
    )[0];
    if (image === undefined) return [];
    return {
      service,
      image: formatReference(image),
      ...(since[service] !== undefined && { since: since[service] }),
      ...(host !== undefined &&
        (!admin || config.adminAllow.length > 0) && { url: publicUrl(config, host) }),
      admin,
      restrictions,
    };
  });
}
