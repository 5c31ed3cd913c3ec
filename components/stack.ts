/** The Pulumi resources of a stack, made from its model. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { DockerHost } from "../host/docker-host";
import { formatReference } from "../images/reference";
import { Binding, HardenedContainer } from "./hardened/container";
import { detached } from "./hardened/start";
import { DataVolume } from "./hardened/data-volume";
import { FileVolume, NamedSecret } from "./hardened/file-volume";
import { Networks } from "./hardened/networks";
import { DataMount, FilesMount, fillText, Mount, secretsIn } from "./hardened/model";
import { StackContainer, StackModel } from "./model";
import { startHooks, triedContainers } from "./upgrade/hooks";
import { cleanupScript } from "./upgrade/return";
import { TrialArgs, trialName, trialScript } from "./upgrade/trial";

export interface StackArgs {
  readonly model: StackModel;
  readonly host: DockerHost;
  /** A secret of the configuration, as an Output that is marked as secret. */
  readonly secret: (name: string) => pulumi.Output<string>;
  /** Logged as Pulumi warnings; with `service`, on the resource of its image. */
  readonly warnings?: readonly { readonly service?: string; readonly message: string }[];
  /** How new containers are tried on copies of the data. */
  readonly trial: Omit<TrialArgs, "stack" | "containers">;
  /** The range that the networks are from: `10.201.0.0/16`. */
  readonly networkPool: string;
  /** Docker's ids by name of networks to import into Pulumi's state. Default: none. */
  readonly networks?: Readonly<Record<string, string>>;
  /** Services that the last deployment had. Default: none, as before the first deployment. */
  readonly deployed?: readonly string[];
  /** By container: another text than last time starts it again where it has stopped. */
  readonly restarted?: Readonly<Record<string, string>>;
}

/** Creates the Pulumi resources of a stack from its model. */
export class Stack extends pulumi.ComponentResource {
  readonly #args: StackArgs;
  readonly #images: ReadonlyMap<string, docker.RemoteImage>;
  readonly #networks: Networks;
  readonly #data = new Map<string, DataVolume>();

  constructor(name: string, args: StackArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("pinned-stack:index:Stack", name, {}, { ...opts, providers: [args.host.provider] });
    this.#args = args;
    const { model, host, warnings = [], trial: trialSettings, restarted = {} } = args;
    const preflight = host.preflight(
      { platform: model.platform, needs: model.images.map(({ needs }) => needs) },
      { parent: this },
    );
    // Every container depends on all images, so a failed pull stops the deployment before any container is touched.
    this.#images = new Map(
      model.images.map(({ service, reference }) => [
        service,
        new docker.RemoteImage(
          `${name}-${service}`,
          {
            name: formatReference(reference),
            platform: model.platform,
            // Keeps the old image, so that a rollback needs no registry.
            keepLocally: true,
          },
          { parent: this, dependsOn: preflight },
        ),
      ]),
    );
    for (const { service, message } of warnings)
      void pulumi.log.warn(message, service === undefined ? undefined : this.#images.get(service));
    this.#networks = new Networks(
      name,
      {
        labels: this.#labels(),
        subnets: host.subnets(
          args.networkPool,
          model.networks.map((network) => `${name}-${network.name}`),
          { parent: this },
        ),
        ...(args.networks && { existing: args.networks }),
      },
      { parent: this },
    );

    // The trial needs every container, and no container starts before it: so it is handed to them when all are there.
    let tried: (before: pulumi.Resource[]) => void = () => undefined;
    const trial = new Promise<pulumi.Resource[]>((resolve) => {
      tried = resolve;
    });
    const made = new Map<string, HardenedContainer>();
    for (const container of byDependency(model.containers)) {
      const others = container.dependsOn.flatMap((other) => made.get(other)?.started ?? []);
      const startAfter = trial.then((before) => [...before, ...others]);
      const filesAfter = trial.then((before) => [
        ...before,
        ...this.#newBehind(container).flatMap((other) => made.get(other)?.started ?? []),
      ]);
      made.set(container.name, this.#run(name, container, startAfter, filesAfter));
    }
    const replaced = triedContainers(model.containers);
    const ids = Object.fromEntries(
      replaced.flatMap((container, index) => {
        const id = made.get(container.name)?.container.id;
        return id === undefined ? [] : [[`id_${index}`, id]];
      }),
    );
    const exported = pulumi.all(ids).apply((known) =>
      Object.entries(known)
        .map(([variable, id]) => `export ${variable}=${id}\n`)
        .join(""),
    );
    // A container that has to start again is tried again.
    const triggers = [...Object.values(ids), ...Object.values(restarted)];
    // One that cannot be created fails the deployment before any is tried or started.
    const created = [...made.values()].map(({ container }) => container);
    tried(
      replaced.length === 0
        ? created
        : [
            host.command(
              trialName(name),
              {
                script: pulumi.interpolate`${exported}${detached(
                  trialScript({
                    stack: model.stack,
                    containers: model.containers,
                    ...trialSettings,
                  }),
                )}`,
                triggers,
              },
              { parent: this, dependsOn: created },
            ),
          ],
    );
    if (replaced.length > 0)
      host.command(
        `${name}-cleanup`,
        { script: detached(cleanupScript(model.stack, model.containers, true)), triggers },
        { parent: this, dependsOn: [...made.values()].map(({ started }) => started) },
      );
    this.registerOutputs({ model: withoutContainers(model) });
  }

  /**
   * Names of the containers that the routes of this one lead to for the first time: they work before it knows the routes. All
   * other changes of its files, such as a stricter list of addresses, take effect before any container is replaced.
   */
  #newBehind({ name, ports }: StackContainer): string[] {
    const { model, deployed = [] } = this.#args;
    if (ports.length === 0 || deployed.length === 0) return [];
    const waits = (other: string): boolean =>
      other === name ||
      (model.containers.find((one) => one.name === other)?.dependsOn ?? []).some(waits);
    // A route to a server elsewhere has no container.
    return model.ingress.routes.flatMap(({ service, container }) =>
      container === undefined || deployed.includes(service) || waits(container) ? [] : [container],
    );
  }

  #run(
    name: string,
    container: StackContainer,
    startAfter: Promise<pulumi.Resource[]>,
    filesAfter: Promise<pulumi.Resource[]>,
  ): HardenedContainer {
    const { secret, host, model, restarted = {} } = this.#args;
    const { image, controls, service, toolImage, ...spec } = container;
    const { user, memoryMiB, cpus, pidsLimit, openFiles } = controls;
    const exempt = new Set(container.exemptions.map(({ control }) => control));
    const named = (secretName: string): NamedSecret => ({
      secret: secretName,
      value: secret(secretName),
    });
    return new HardenedContainer(
      `${name}-${container.name}`,
      {
        ...spec,
        alias: container.name,
        service,
        image,
        ...(!exempt.has("user") && { user }),
        memoryMiB,
        cpus,
        pidsLimit,
        openFiles,
        mounts: container.mounts.map((mount) =>
          this.#mount(name, container, mount, named, filesAfter),
        ),
        networks: container.networks.map((network) => this.#networks.get(network)),
        secretEnvironment: Object.fromEntries(
          Object.entries(container.secretEnvironment).map(([variable, secretName]) => [
            variable,
            secretText(secretName, named),
          ]),
        ),
        labels: this.#labels(container),
        host,
        hooks: startHooks(model.stack, container, model.containers),
        toolImage,
        startAfter,
        restarted: restarted[container.name] ?? "",
      },
      { parent: this, dependsOn: [...this.#images.values()] },
    );
  }

  #mount(
    name: string,
    container: StackContainer,
    mount: Mount,
    named: (secret: string) => NamedSecret,
    filesAfter: Promise<pulumi.Resource[]>,
  ): Binding {
    const options = { parent: this, dependsOn: [...this.#images.values()] };
    const labels = this.#labels(container);
    const { user } = container.controls;
    switch (mount.kind) {
      case "files":
      case "secrets":
        return new FileVolume(
          `${name}-${mount.volume}`,
          {
            volume: mount.volume,
            path: mount.path,
            files: fileArgs(mount, named),
            ...(mount.kind === "secrets" && { owner: user }),
            host: this.#args.host,
            ...(mount.live === true && {
              live: {
                image: container.toolImage,
                after: filesAfter,
                belongsTo: otherFiles(container),
              },
            }),
            image: container.image,
            labels,
          },
          options,
        );
      case "data": {
        const owner = this.#ownerOf(container, mount);
        const volume =
          this.#data.get(mount.volume) ??
          new DataVolume(
            `${name}-${mount.volume}`,
            {
              volume: mount.volume,
              path: owner.mount.path,
              ...(owner.mount.chown && {
                chown: {
                  user: owner.container.controls.user,
                  image: owner.container.toolImage,
                  host: this.#args.host,
                },
              }),
              ...(owner.mount.copy !== undefined && { copy: owner.mount.copy }),
              // A server's data moves to another volume with its next major version, and the old one stays on the host.
              protect: owner.container.upgrade?.serves === undefined,
              labels: this.#labels(owner.container),
            },
            options,
          );
        this.#data.set(mount.volume, volume);
        return owner.container === container && mount.readOnly !== true
          ? volume
          : volume.sharedAs(mount);
      }
      case "socket":
        return { ...mount, group: this.#args.host.socket().group };
      default:
        return mount;
    }
  }

  /** Of several containers with the same volume, the one that owns it. */
  #ownerOf(
    container: StackContainer,
    mount: DataMount,
  ): { readonly container: StackContainer; readonly mount: DataMount } {
    const all = this.#args.model.containers.flatMap((one) =>
      one.mounts.flatMap((other) =>
        other.kind === "data" && other.volume === mount.volume
          ? [{ container: one, mount: other }]
          : [],
      ),
    );
    return (
      all.find((one) => one.mount.chown) ??
      // A reader may be made before the one whose volume it is, and has it elsewhere.
      all.find((one) => one.mount.readOnly !== true) ?? { container, mount }
    );
  }

  #labels(container?: StackContainer): Record<string, string> {
    return {
      "pinned-stack.stack": this.#args.model.stack,
      ...(container && {
        "pinned-stack.service": container.service,
        "pinned-stack.container": container.name,
      }),
    };
  }
}

/** The model for Pulumi's state. Containers are left out: each registers its own model. */
const withoutContainers = ({ images, containers, ...rest }: StackModel): object => ({
  ...rest,
  images: images.map(({ service, reference, bareTag }) => ({
    ...{ service, reference },
    ...(bareTag === true && { bareTag }),
  })),
  dockerReads: Object.fromEntries(
    containers.flatMap(({ name, dockerReads }) => (dockerReads ? [[name, dockerReads]] : [])),
  ),
});

/** The files that a container reads only when it starts. */
const otherFiles = ({ mounts }: StackContainer): string =>
  JSON.stringify(
    mounts.flatMap((mount) => (mount.kind === "files" && mount.live !== true ? [mount.files] : [])),
  );

/** The value of a variable: a secret, or a text with secrets in it. */
function secretText(text: string, named: (secret: string) => NamedSecret): NamedSecret {
  const names = secretsIn(text);
  if (names.length === 1 && names[0] === text) return named(text);
  const values = pulumi.all(
    Object.fromEntries(names.map((name) => [name, pulumi.output(named(name).value)])),
  );
  return {
    secret: text,
    value: values.apply((known) => fillText(text, (name) => known[name])),
  };
}

const fileArgs = (
  { files }: FilesMount,
  named: (secret: string) => NamedSecret,
): ConstructorParameters<typeof FileVolume>[1]["files"] =>
  Object.fromEntries(
    Object.entries(files).map(([file, content]) => [
      file,
      typeof content === "object" && "secret" in content ? named(content.secret) : content,
    ]),
  );

/** Sorts the containers so that each comes after its dependencies. */
function byDependency(containers: readonly StackContainer[]): StackContainer[] {
  const done: StackContainer[] = [];
  const visit = (container: StackContainer, path: readonly string[]): void => {
    if (done.includes(container)) return;
    if (path.includes(container.name))
      throw new Error(`dependency cycle of containers: ${[...path, container.name].join(" → ")}`);
    for (const other of containers)
      if (container.dependsOn.includes(other.name)) visit(other, [...path, container.name]);
    done.push(container);
  };
  for (const container of containers) visit(container, []);
  return done;
}
