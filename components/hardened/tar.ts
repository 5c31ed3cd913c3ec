/** Tar archives in the POSIX ustar format (IEEE Std 1003.1, pax). Pure. */

export interface TarEntry {
  /** Relative path: at most 100 bytes, or up to 255 with a slash that leaves at most 155 before it and 100 after it. */
  readonly path: string;
  /** Permission bits, as in `0o444`. */
  readonly mode: number;
  /** `uid:gid`. Default: root. */
  readonly owner?: string;
  readonly content: Buffer;
}

/** An archive of regular files without dates. Throws where a path is too long for the format. */
export const tar = (entries: readonly TarEntry[]): Buffer =>
  Buffer.concat([...entries.flatMap(block), Buffer.alloc(1024)]);

function block({ path, mode, owner = "0:0", content }: TarEntry): Buffer[] {
  const [uid, gid] = owner.split(":").map(Number);
  const [prefix, name] = split(path);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write(octal(mode, 8), 100);
  header.write(octal(uid ?? 0, 8), 108);
  header.write(octal(gid ?? 0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136); // time
  header.write(" ".repeat(8), 148); // the checksum counts its own field as spaces
  header.write("0", 156); // a regular file
  header.write("ustar\u000000", 257);
  header.write(prefix, 345, 155);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 7)} `, 148);
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}

const octal = (value: number, length: number): string =>
  `${value.toString(8).padStart(length - 1, "0")}\0`;

function split(path: string): readonly [prefix: string, name: string] {
  const bytes = (text: string): number => Buffer.byteLength(text);
  if (bytes(path) <= 100) return ["", path];
  for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    if (bytes(prefix) <= 155 && bytes(name) <= 100) return [prefix, name];
  }
  throw new Error(`${path}: too long for a file in a volume; use at most 100 bytes`);
}
