/** Generates the shell script that makes a self-signed certificate on the host. Pure. */
import { quote } from "./shell-quote";

/** Longest validity that all browsers accept, including Safari. */
const DAYS = 825;
/** A certificate is renewed at the first deployment of every second calendar year, so it cannot expire before. */
const YEARS = 2;

/**
 * A POSIX shell script that prints a new private key and its certificate as PEM. The key is in no file and no
 * argument.
 */
export function selfSignedScript(hosts: readonly string[]): string {
  const names = hosts.map((host) => `DNS:${host}`).join(",");
  return `if ! command -v openssl >/dev/null; then
  printf '%s\\n' 'tls.mode: selfSigned needs openssl on the host, which makes the certificate; install it there, or use another mode' >&2
  exit 1
fi
key=$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 2>/dev/null)
certificate=$(printf '%s\\n' "$key" | openssl req -x509 -new -key /dev/stdin -sha256 -days ${DAYS} -subj /CN=pinned-stack -addext ${quote(`subjectAltName=${names}`)} -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth)
printf '%s\\n' "$key" "$certificate"
`;
}

/** Values that change when a new certificate is due: the host names, and the period of two years. */
export const selfSignedTriggers = (hosts: readonly string[], today: Date): string[] => [
  ...hosts,
  String(Math.floor(today.getUTCFullYear() / YEARS)),
];
