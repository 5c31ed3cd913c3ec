/** Reads and writes images of the tests' registry over its API, without a Docker daemon. */
import { createHash } from "node:crypto";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

export const sha256 = (bytes: Buffer): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** One repository of the registry at `url`, `http://127.0.0.1:<port>`. Every failure is an error with the answer. */
export class Repository {
  readonly #base: string;

  constructor(url: string, repository: string) {
    this.#base = `${url}/v2/${repository}`;
  }

  /** The digest of a tag, by HEAD. */
  async digest(tag: string): Promise<string> {
    const { headers } = await this.#send("HEAD", `/manifests/${tag}`);
    return headers.get("docker-content-digest") ?? "";
  }

  async manifest(reference: string): Promise<StoredManifest> {
    const response = await this.#send("GET", `/manifests/${reference}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    return { digest: sha256(bytes), mediaType: response.headers.get("content-type") ?? "", bytes };
  }

  async blob(digest: string): Promise<Buffer> {
    return Buffer.from(await (await this.#send("GET", `/blobs/${digest}`)).arrayBuffer());
  }

  /** Stores a blob and describes it. */
  async putBlob(mediaType: string, bytes: Buffer): Promise<Descriptor> {
    const digest = sha256(bytes);
    const { headers } = await this.#send("POST", "/blobs/uploads/");
    const target = new URL(headers.get("location") ?? "", this.#base);
    target.searchParams.set("digest", digest);
    await this.#send("PUT", target, { "content-type": "application/octet-stream" }, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /** Takes a blob over from another repository of the same registry. */
  async mountBlob(digest: string, from: string): Promise<void> {
    await this.#send("POST", `/blobs/uploads/?mount=${digest}&from=${from}`);
  }

  /** Stores a manifest and lets `tag` point to it. */
  async putManifest(tag: string, mediaType: string, bytes: Buffer): Promise<string> {
    await this.#send("PUT", `/manifests/${tag}`, { "content-type": mediaType }, bytes);
    return sha256(bytes);
  }

  async #send(
    method: string,
    path: string | URL,
    headers: Readonly<Record<string, string>> = {},
    body?: Buffer,
  ): Promise<Response> {
    const url = path instanceof URL ? path : `${this.#base}${path}`;
    const response = await fetch(url, {
      method,
      headers: { accept: MANIFESTS.join(", "), "user-agent": "pinned-stack-tests", ...headers },
      ...(body !== undefined && { body: new Uint8Array(body) }),
    });
    if (response.ok) return response;
    throw new Error(`${method} ${url.toString()}: ${response.status} ${await response.text()}`);
  }
}

/** Splits `library/nginx:1.27-alpine`. */
export function splitImage(image: string): { readonly repository: string; readonly tag: string } {
  const [repository = "", tag = "latest"] = image.split(":");
  return { repository, tag };
}
