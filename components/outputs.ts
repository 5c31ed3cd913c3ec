/** The outputs of the Pulumi stack, and the part of them that the next run reads. */
import { formatReference, ImageReference } from "../images/reference";
import { Exemption } from "./hardened/policy";
import { StackModel } from "./model";

/** The effective restrictions of a service, and its exemptions. */
export interface RestrictionRow {
  readonly service: string;
  readonly containers: readonly string[];
  readonly user: string;
  readonly capDrop: readonly string[];
  readonly capAdd: readonly string[];
  readonly readOnlyRootfs: boolean;
  readonly noNewPrivileges: boolean;
  readonly pidsLimit: number;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly healthCheck: boolean;
  /** `hardened`, or `exempt: <control>: <reason>; …`. */
  readonly status: string;
  readonly exemptions: readonly Exemption[];
}

export interface StackOutputs {
  /** The deployed image reference, by service. */
  readonly images: Readonly<Record<string, string>>;
  /** One row per service, in display order. */
  readonly restrictions: readonly RestrictionRow[];
  /** The day on which the current image was first deployed, by service: `2026-01-31`. */
  readonly imagesSince: Readonly<Record<string, string>>;
  /** When a container that had stopped was last started again by a deployment, by its name. */
  readonly restarted: Readonly<Record<string, string>>;
}

export const stackOutputs = (
  model: StackModel,
  restarted: Readonly<Record<string, string>>,
): StackOutputs => ({
  images: Object.fromEntries(
    model.images.map(({ service, reference }) => [service, formatReference(reference)]),
  ),
  restrictions: restrictionRows(model),
  imagesSince: Object.fromEntries(
    model.images.flatMap(({ service, since }) => (since === undefined ? [] : [[service, since]])),
  ),
  restarted,
});

/** One row per service: all its containers have the same controls and exemptions. */
export const restrictionRows = ({ images, containers }: StackModel): RestrictionRow[] =>
  images.flatMap(({ service }) => {
    const own = containers.filter((container) => container.service === service);
    const [first] = own;
    if (first === undefined) return [];
    const { controls, capDrop, exemptions } = first;
    return {
      service,
      containers: own.map(({ name }) => name),
      user: controls.user,
      capDrop,
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
export type LastDeployment = Pick<StackOutputs, "images" | "imagesSince" | "restarted">;

/** The day on which each image was first deployed. An unchanged image keeps its day, which may be unknown. */
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
