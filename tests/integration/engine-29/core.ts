/** The tests that run on Engine 29 too, with each of its image stores; docs/testing.md lists them. */
import { overSsh } from "../../support/deployment";
import { engine29, type ImageStore } from "../../support/engine";
import { IMAGES } from "../../support/requirements";
import { succeeded } from "../../support/run";
import { useWorld } from "../../support/world";
import { findings, nothingFound } from "../deploy/findings";
import { outcomes, rollback } from "../deploy/outcomes";
import { useDeployStack } from "../deploy-stack";
import { movedTag } from "../pins/moved-tag";
import { newSmall, type Small } from "../pins/small";
import { newImages } from "../stack/changes";
import { deployedWhole } from "../stack/deployed";
import { metrics } from "../stack/metrics";
import { restrictions } from "../stack/restrictions";

export function core(store: ImageStore): void {
  const engine = engine29(store);
  const images = [IMAGES.traefik, IMAGES.homepage];

  describe(`the whole stack on Engine 29 with the ${store} image store`, function () {
    this.timeout(20_000);
    const whole = deployedWhole(`stack-29-${store}`, { engine });
    restrictions(whole);
    describe("and its metrics", () => {
      metrics(whole);
    });
    newImages(whole);
  });

  describe(`npm run deploy and drift on Engine 29 with the ${store} image store`, function () {
    this.timeout(300_000);
    const world = useWorld({ images, pulumi: true, engine });
    const deployed = useDeployStack(world);
    // The classic store is the one of Engine 20.10, on which the others run.
    outcomes(deployed, store === "containerd" ? ["exits"] : []);
    if (store === "containerd") rollback(deployed);
    nothingFound(deployed);
    if (store === "containerd") findings(deployed);
  });

  describe(`a moved tag on Engine 29 with the ${store} image store`, function () {
    this.timeout(90_000);
    const world = useWorld({ images, pulumi: true, engine });
    let remote: Small;
    before(async () => {
      remote = await newSmall(world(), "remote", overSsh(world()));
      succeeded("up", await remote.up());
    });
    movedTag(world, () => remote);
  });
}
