/** What the stack says of itself: Pulumi's stack outputs, and what the next run reads of them. */
import { formatReference, ImageReference } from "../images/reference";
import { Exemption } from "./hardened/policy";
import { StackModel } from "./model";
import { DataFormat } from "./services/definition";

/** One service: what applies to it, and why where that is not the policy. */
export interface RestrictionRow {
  readonly service: string;
  readonly containers: readonly string[];
  readonly user: string;
  readonly capDrop: readonly ["ALL"];
  readonly capAdd: readonly string[];
  readonly readOnlyRootfs: boolean;
  readonly noNewPrivileges: boolean;
  readonly pidsLimit: number;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly healthCheck: boolean;
  /** `hardened`, or `exempt:` and the reasons. */
  readonly status: string;
  readonly exemptions: readonly Exemption[];
}

export interface StackOutputs {
  /** The reference that is deployed, by service. */
  readonly images: Readonly<Record<string, string>>;
  /** One row a service, in the order of every table. */
  readonly restrictions: readonly RestrictionRow[];
  /** The day since which a service runs its image, by service: `2026-01-31`. */
  readonly imagesSince: Readonly<Record<string, string>>;
  /** Formats of the data on the host, by service; also of a service that is off, whose data waits. */
  readonly dataFormats: Readonly<Record<string, DataFormat>>;
}

export const stackOutputs = (model: StackModel, last: LastDeployment): StackOutputs => ({
  images: Object.fromEntries(
    model.images.map(({ service, reference }) => [service, formatReference(reference)]),
  ),
  restrictions: restrictionRows(model),
  imagesSince: Object.fromEntries(
    model.images.flatMap(({ service, since }) => (since === undefined ? [] : [[service, since]])),
  ),
  dataFormats: { ...last.dataFormats, ...model.dataFormats },
});

/** Containers of one service are one row: they run under the same controls, for the same reasons. */
export const restrictionRows = ({ images, containers }: StackModel): RestrictionRow[] =>
  images.flatMap(({ service }) => {
    const mine = containers.filter((container) => container.service === service);
    const [first] = mine;
    if (first === undefined) return [];
    const { controls, exemptions } = first;
    return {
      service,
      containers: mine.map(({ name }) => name),
      user: controls.user,
      capDrop: ["ALL"],
      capAdd: controls.capabilities,
      readOnlyRootfs: controls.readOnlyRootfs,
      noNewPrivileges: controls.noNewPrivileges,
      pidsLimit: controls.pidsLimit,
      memoryMiB: controls.memoryMiB,
      cpus: controls.cpus,
      healthCheck: controls.healthCheck,
      status:
        exemptions.length === 0
          ? "hardened"
          : `exempt: ${exemptions.map(({ control, reason }) => `${control}: ${reason}`).join("; ")}`,
      exemptions,
    };
  });

/** What the stack said of itself in its last deployment; nothing before the first one. */
export type LastDeployment = Pick<StackOutputs, "images" | "imagesSince" | "dataFormats">;

/** The day since which each image runs: an image that was there before keeps its day, or stays unknown. */
export const imagesSince = (
  images: Readonly<Record<string, ImageReference>>,
  last: LastDeployment,
  today: string,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(images).flatMap(([service, image]) => {
      const same = last.images[service] === formatReference(image);
      const since = same ? last.imagesSince[service] : today;
      return since === undefined ? [] : [[service, since]];
    }),
  );
