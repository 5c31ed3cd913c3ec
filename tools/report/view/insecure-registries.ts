import { StackConfig } from "../../../config/config";

/** Hosts of the registries that are asked over plain http. Pure. */
export const insecureRegistries = ({ registries }: Pick<StackConfig, "registries">): string[] =>
  Object.entries(registries)
    .filter(([, { insecure }]) => insecure === true)
    .map(([host]) => host);
