/** Names of services in texts: who connects to whom, and what a renamed service is called now. Pure. */

/** Variables and options whose whole value is a host: `DB_HOST`, `PAPERLESS_DBHOST`, `--redis-server`. */
const HOST_KEY =
  /(?:host(?:name)?|server|addr(?:ess)?|url|uri|endpoint|upstream|broker|node|dsn|connect|target)s?(?:_?\d+)?$/i;

export const isHostKey = (key: string): boolean => HOST_KEY.test(key);

export interface Mentions {
  readonly text: string;
  /** Services of the stack that the text names as hosts. */
  readonly services: ReadonlySet<string>;
}

export type HostFinder = (text: string, isHost?: boolean) => Mentions;

/** @param hosts names that a service has in the Compose file, to its name in the stack */
export function hostFinder(hosts: ReadonlyMap<string, string>): HostFinder {
  const names = [...hosts.keys()]
    .sort((a, b) => b.length - a.length)
    .map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  if (names.length === 0) return (text) => ({ text, services: new Set() });
  const name = `(?:${names.join("|")})`;
  const inText = new RegExp(
    [
      // https://name/…, scheme://user:password@name:1234
      `(?<=://(?:[^\\s/@]*@)?)${name}(?=$|[:/?#,;\\s"'\`)}\\]])`,
      // name:1234
      `(?<=^|[\\s,;=@"'\`([])${name}(?=:\\d{1,5}(?:$|[^\\w.-]))`,
      // ADO and libpq: Host=name;
      `(?<=(?:^|[\\s;,])(?:host|server|data source|addr)=(?:tcp:)?)${name}(?=$|[;,\\s"'])`,
    ].join("|"),
    "gi",
  );
  const asHost = new RegExp(`(?<=^|,\\s*)${name}(?=$|,)`, "g");
  return (text, isHost = false) => {
    const services = new Set<string>();
    const replace = (found: string): string => {
      const service = hosts.get(found);
      if (service === undefined) return found;
      services.add(service);
      return service;
    };
    const replaced = text.replace(inText, replace);
    return { text: isHost ? replaced.replace(asHost, replace) : replaced, services };
  };
}
