/** From a Compose file to entries of the stack: every service, its secrets and its data. Pure but for the files beside it. */
import { isReserved, OWN_NAME } from "../../components/services/own/schema";
import { isMap } from "../../text/messages";
import { type ImageDefaults } from "../../images/inspect/facts";
import { parseReference, ReferenceError, type ImageReference } from "../../images/reference";
import { type ComposeFile, type Raw } from "./compose/document";
import { listOf, namesOf, scalar, textsOf } from "./compose/syntax";
import { type Variables } from "./compose/variables";
import { keyOf, textKey, type Context, type Source } from "./context";
import { Draft } from "./draft";
import { type Entry, type Finding } from "./entry";
import { convertEnvironment, taintSecrets } from "./environment";
import { type ProjectFolder } from "./folder";
import { hostFinder } from "./hosts";
import { knownImage } from "./known";
import { convertPage, labelsOf } from "./ports";
import { convertProcess, refusals } from "./process";
import { type ImportedSecret, Secrets } from "./secrets";
import { DataVolumes, type MovedData } from "./data-volumes";
import { convertFiles } from "./files";
import { convertMounts } from "./mounts";
import { middlewaresOf } from "./traefik";
import { convertWords } from "./words";

/** What the stack has already. */
export interface Target {
  /** Services of the program, enabled ones only. */
  readonly enabled: readonly string[];
  /** All names that a new entry must not take: of the program's services, enabled or not. */
  readonly builtIn: readonly string[];
  /** Services of one's own that are in the stack file. */
  readonly own: readonly string[];
  /** Names of the program's own secrets. */
  readonly secrets: readonly string[];
}

export interface ImportInput {
  readonly file: ComposeFile;
  readonly project: string;
  readonly variables: Variables;
  readonly folder: ProjectFolder;
  readonly target: Target;
}

export interface ImportedService {
  /** In the Compose file. */
  readonly compose: string;
  /** In the stack. */
  readonly name: string;
  readonly image?: ImageReference;
  /** Absent if the service is refused or the stack does its work already. */
  readonly entry?: Entry;
  readonly findings: readonly Finding[];
}

export interface Imported {
  readonly services: readonly ImportedService[];
  readonly secrets: readonly ImportedSecret[];
  readonly data: readonly MovedData[];
  /** Questions about the file as a whole. */
  readonly findings: readonly Finding[];
}

/** A service before its image's configuration is read. */
interface Candidate extends Pick<Source, "name" | "as" | "service"> {
  readonly image?: ImageReference;
  /** Whether the stack does its work already. */
  readonly isReplaced: boolean;
  readonly findings: readonly Finding[];
}

/** The first half: which services become entries. `images` are to be read before {@link finish}. */
export class Import {
  readonly #input: ImportInput;
  readonly #candidates: readonly Candidate[];
  readonly #context: Context;

  constructor(input: ImportInput) {
    this.#input = input;
    const { file, project, variables, folder, target } = input;
    const bare: Context = {
      ...{ file, project, variables, folder },
      secrets: new Secrets(variables, [...target.secrets, ...RESERVED_SECRETS], project),
      names: new Map(),
      mentions: hostFinder(new Map()),
      middlewares: middlewaresOf([]),
    };
    this.#candidates = candidates(input, bare);
    const sources = Object.entries(file.services).map(([name, service]) => ({ name, service }));
    this.#context = {
      ...bare,
      names: new Map(this.#candidates.map(({ name, as }) => [name, as])),
      mentions: hostFinder(hostsOf(this.#candidates, bare)),
      middlewares: middlewaresOf(sources.flatMap((source) => [...labelsOf(source, bare)])),
    };
    for (const source of sources) taintSecrets(source, this.#context);
  }

  /** Images of the services that become entries, by name in the stack. */
  get images(): Readonly<Record<string, ImageReference>> {
    return Object.fromEntries(
      this.#candidates.flatMap((candidate) =>
        candidate.image !== undefined && becomesEntry(candidate)
          ? [[candidate.as, candidate.image]]
          : [],
      ),
    );
  }

  /** @param defaults what the images' configurations say, by service; without those that could not be read */
  finish(defaults: ReadonlyMap<string, ImageDefaults>): Imported {
    const volumes = new DataVolumes();
    const drafts = new Map<string, Draft>();
    for (const candidate of owningFirst(this.#candidates)) {
      const { name, as, service, image } = candidate;
      if (image === undefined || !becomesEntry(candidate)) continue;
      const own = defaults.get(as);
      const source: Source = {
        ...{ name, as, service, image },
        known: knownImage(image),
        ...(own !== undefined && { defaults: own }),
      };
      drafts.set(as, convert(source, this.#context, volumes));
    }
    for (const { name, as, service } of this.#candidates) {
      const draft = drafts.get(as);
      if (draft !== undefined) this.#connect(draft, { name, service }, drafts);
    }
    if (this.#candidates.length > 1) tellOfReach([...drafts.values()]);
    const services = this.#candidates.map(({ name, as, image, findings }): ImportedService => {
      const draft = drafts.get(as);
      return {
        compose: name,
        name: as,
        ...(image !== undefined && { image }),
        ...(draft !== undefined && !draft.isRefused && { entry: draft.ordered }),
        findings: [...findings, ...(draft?.findings ?? [])],
      };
    });
    const entries = new Set(
      services.flatMap(({ name, entry }) => (entry === undefined ? [] : [name])),
    );
    return {
      services,
      secrets: this.#context.secrets.all.filter(({ readers }) =>
        [...readers].some((reader) => entries.has(reader)),
      ),
      data: volumes.all.filter(({ service }) => entries.has(service)),
      findings: [...this.#variableFindings(), ...this.#secretFindings()],
    };
  }

  /** Secrets that the stack refuses, or that everybody guesses. */
  #secretFindings(): Finding[] {
    return this.#context.secrets.all.flatMap(({ name, value }): Finding[] => {
      if (value === undefined) return [];
      const what =
        value.length < 6
          ? "has fewer than 6 characters"
          : value.trim() !== value || value.includes("\0")
            ? "begins or ends with white space"
            : PLACEHOLDER.test(value)
              ? "is a placeholder that everybody knows"
              : undefined;
      return what === undefined
        ? []
        : [
            {
              kind: "question",
              what: `the secret ${name} ${what}`,
              instead: "choose another one where it is used, then set it with the command below",
            },
          ];
    });
  }

  /** Variables without a value. Those of secrets are set by the commands for them. */
  #variableFindings(): Finding[] {
    const { variables, secrets } = this.#context;
    return [
      ...[...variables.missing].flatMap(([name, places]): Finding[] => {
        const [first = "", ...more] = [...places];
        const where = more.length === 0 ? first : `${first} and ${more.length} more`;
        return secrets.isSecret(name)
          ? []
          : [
              {
                kind: "question",
                what: `variable ${name} has no value, in ${where}`,
                instead: "give it with --env-file; it is empty now",
              },
            ];
      }),
      ...[...variables.invalid].map((at): Finding => ({
        kind: "question",
        what: `${at} has a malformed variable`,
        instead: "expected ${NAME}, or $$ for a dollar sign",
      })),
    ];
  }

  /** Adds who may talk to whom: in the stack nobody else can. */
  #connect(
    draft: Draft,
    source: Pick<Source, "name" | "service">,
    drafts: ReadonlyMap<string, Draft>,
  ): void {
    const { names } = this.#context;
    const { enabled } = this.#input.target;
    const reachable = (service: string): boolean =>
      drafts.get(service)?.isRefused === false || enabled.includes(service);
    const own = (service: string): string => names.get(service) ?? service;
    const dependencies = namesOf(source.service.depends_on).map(own);
    const linked = textsOf(source.service.links).map((link) => own(link.split(":")[0] ?? ""));
    const wanted = [...new Set([...dependencies, ...linked, ...draft.mentioned])].filter(
      (service) => service !== draft.name,
    );
    for (const service of wanted.filter((one) => !reachable(one)))
      draft.say(
        "question",
        `it connects to ${service}, which has no entry`,
        "say where that is now, or leave it out",
      );
    const depends_on = [...new Set(dependencies)].filter(
      (service) => wanted.includes(service) && drafts.get(service)?.isRefused === false,
    );
    const links = wanted.filter((service) => reachable(service) && !depends_on.includes(service));
    if (depends_on.length > 0) draft.entry.depends_on = depends_on;
    if (links.length > 0) draft.entry.links = links;
  }
}

const REACHES = "it reaches every service of its networks";

/** Whom a service reaches, as a finding. */
export const reach = ({ depends_on = [], links = [] }: Entry): Finding => ({
  kind: "tightened",
  what: REACHES,
  instead: `it reaches ${[...depends_on, ...links].join(", ") || "no other service"}`,
});

/** The findings of a service whose connections have changed. */
export const withReach = (findings: readonly Finding[], entry: Entry): readonly Finding[] =>
  findings.map((one) => (one.what === REACHES ? reach(entry) : one));

/** Says of each service whom it reaches, and of each without pages whether another one reaches it. */
function tellOfReach(drafts: readonly Draft[]): void {
  const reached = new Set(
    drafts.flatMap(({ entry }) => [...(entry.depends_on ?? []), ...(entry.links ?? [])]),
  );
  for (const draft of drafts) {
    const { what, instead } = reach(draft.entry);
    draft.say("tightened", what, instead);
    const { port, ports = [] } = draft.entry;
    if (port === undefined && ports.length === 0 && !reached.has(draft.name))
      draft.say(
        "tightened",
        "every service of its networks reaches it",
        "none does; one that connects to it needs it in its links",
      );
  }
}

/** Values in the examples of programs. */
const PLACEHOLDER =
  /^(?:change|replace|your|insert|example|dummy|default|password|passw0rd|secret|admin|root|test|123456)[\w !.-]*$/i;

/** Names in `${…}` of the environment that mean something else, and files that the program makes itself. */
const RESERVED_SECRETS = ["url", "host", "database"];

const becomesEntry = ({ findings, isReplaced }: Candidate): boolean =>
  !isReplaced && !findings.some(({ kind }) => kind === "refused");

function candidates({ file, project, target }: ImportInput, context: Context): Candidate[] {
  const taken = new Set([...target.builtIn, ...target.own]);
  const jobs = new Set(
    Object.values(file.services).flatMap(({ depends_on }) =>
      isMap(depends_on)
        ? Object.entries(depends_on).flatMap(([name, how]) =>
            isMap(how) && how.condition === "service_completed_successfully" ? [name] : [],
          )
        : [],
    ),
  );
  return Object.entries(file.services).map(([name, service]): Candidate => {
    const source = { name, service };
    const findings: Finding[] = [];
    const say = (kind: Finding["kind"], what: string, instead: string): void =>
      void findings.push({ kind, what, instead });
    for (const [what, instead] of refusals(source, context)) say("refused", what, instead);
    if (jobs.has(name))
      say(
        "refused",
        "it runs once and ends",
        "a container here keeps running; run it by hand, or in the entry point of the service that waits for it",
      );
    const image = imageOf(source, context, say);
    const known = image === undefined ? {} : knownImage(image);
    if (known.instead !== undefined)
      say(
        known.replaced === true ? "changed" : "refused",
        `image ${image?.name ?? ""}`,
        known.instead,
      );
    const isThere = target.own.includes(plainName(name));
    const as = isThere ? plainName(name) : freeName(name, project, taken);
    if (isThere)
      say(
        "refused",
        `services.${plainName(name)} is in the stack file already`,
        "remove it there to import it again",
      );
    taken.add(as);
    return {
      ...{ name, as, service, findings },
      ...(image !== undefined && { image }),
      isReplaced: known.replaced === true,
    };
  });
}

function imageOf(
  source: Pick<Source, "name" | "service">,
  context: Context,
  say: (kind: Finding["kind"], what: string, instead: string) => void,
): ImageReference | undefined {
  // A variable without a value is asked for already.
  const text = (textKey(source, "image", context)?.trim() ?? "").replace(/[:@]$/, "");
  if (text === "") {
    const what =
      source.service.image !== undefined
        ? "no image: its variable has no value"
        : source.service.build !== undefined
          ? "build without image"
          : "no image";
    say(
      "refused",
      what,
      "name one that a registry has, private ones work: image: registry/name:tag",
    );
    return undefined;
  }
  const isTagged = text.includes("@") || /:[^/]*$/.test(text);
  try {
    const image = parseReference(isTagged ? text : `${text}:latest`);
    if (image.tag === "latest" && image.digest === undefined)
      say("question", `image ${image.name} has ${isTagged ? "the tag latest" : "no tag"}`, LATEST);
    return image;
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    say("refused", error.message, "name one that a registry has: image: registry/name:tag");
    return undefined;
  }
}

const LATEST = "a version; latest may be another program with every update";

/** A name with the characters that a service of the stack may have. */
const plainName = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 40)
    .replace(/-+$/, "");

function freeName(name: string, project: string, taken: ReadonlySet<string>): string {
  const plain = plainName(name) || "service";
  const prefix = plainName(project) || "app";
  const isFree = (candidate: string): boolean =>
    OWN_NAME.test(candidate) && !isReserved(candidate) && !taken.has(candidate);
  const wanted = [plain, `${prefix}-${plain}`.slice(0, 40), `own-${plain}`.slice(0, 40)].find(
    isFree,
  );
  if (wanted !== undefined) return wanted;
  for (let number = 2; ; number++) {
    const candidate = `${plain.slice(0, 34)}-${number}`;
    if (isFree(candidate)) return candidate;
  }
}

/** Names that services have as hosts in the Compose file, to their names in the stack. */
function hostsOf(all: readonly Candidate[], context: Context): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  const add = (name: string | undefined, as: string): void => {
    if (name !== undefined && /^[\w.-]{1,100}$/.test(name) && !hosts.has(name)) hosts.set(name, as);
  };
  for (const { name, as, image, isReplaced } of all)
    add(name, (isReplaced && image !== undefined && builtInOf(image)) || as);
  for (const candidate of all) {
    const as = hosts.get(candidate.name) ?? candidate.as;
    add(textKey(candidate, "container_name", context), as);
    add(textKey(candidate, "hostname", context), as);
    const networks = keyOf(candidate, "networks", context);
    if (isMap(networks))
      for (const network of Object.values(networks))
        if (isMap(network)) for (const alias of textsOf(network.aliases)) add(alias, as);
    for (const link of textsOf(keyOf(candidate, "links", context))) {
      const [service = "", alias] = link.split(":");
      add(alias, hosts.get(service) ?? service);
    }
  }
  return hosts;
}

/** The service of this program that replaces an image. */
const builtInOf = ({ repository }: ImageReference): string | undefined =>
  ["cadvisor", "traefik", "portainer", "n8n"].find((name) => repository.includes(name));

/** Services that write to a volume before those that only read it, so that it belongs to a writer. */
const owningFirst = (all: readonly Candidate[]): readonly Candidate[] =>
  [...all].sort((a, b) => Number(onlyReads(a.service)) - Number(onlyReads(b.service)));

const onlyReads = ({ volumes }: Raw): boolean => {
  const all = listOf(volumes);
  return (
    all.length > 0 &&
    all.every((item) =>
      isMap(item) ? item.read_only === true : /:[^:]*\bro\b[^:]*$/.test(scalar(item) ?? ""),
    )
  );
};

function convert(source: Source, context: Context, volumes: DataVolumes): Draft {
  const draft = new Draft(source.as);
  if (source.as !== source.name)
    draft.say("changed", `its name ${source.name}`, `${source.as}, which others call it by now`);
  convertProcess(draft, source, context);
  const moved = convertEnvironment(draft, source, context);
  convertWords(draft, source, context, moved);
  convertFiles(draft, source, context, convertMounts(draft, source, context, volumes));
  convertPage(draft, source, context);
  addReads(draft, source);
  askForEgress(draft, source, context);
  return draft;
}

function addReads(draft: Draft, { known }: Source): void {
  if (!draft.readsDocker) return;
  if (known.reads === undefined) {
    draft.say(
      "question",
      "it uses Docker's socket, which is root on the host",
      "reads: what it reads of Docker, such as [containers, container]; without it there is none",
    );
    return;
  }
  draft.entry.reads = known.reads;
  draft.say(
    "tightened",
    "Docker's socket, which is root on the host",
    `reads: ${known.reads.join(", ")}, through a socket proxy of its own`,
  );
}

/** With Compose everything reaches the internet. Whether a program needs that is in no file. */
function askForEgress(draft: Draft, source: Source, context: Context): void {
  const networks = namesOf(source.service.networks);
  const isInternal = (name: string): boolean => {
    const network = context.file.networks[name];
    return isMap(network) && (network.internal === true || network.internal === "true");
  };
  const closed =
    textKey(source, "network_mode", context) === "none" ||
    (networks.length === 0 ? isInternal("default") : networks.every(isInternal));
  if (closed) return;
  if (source.known.egress === false)
    draft.say("tightened", "it reaches the internet", "it does not; this image serves others");
  else
    draft.say(
      "question",
      "does it need the internet?",
      "it has no internet access; if it needs it: an exemption outsideNetworks: [egress]",
    );
}
