/** A tar archive with one file of root's and no dates. Format: POSIX ustar, IEEE Std 1003.1, pax. */
export function tarFile(name: string, mode: number, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, length: number): string =>
    `${value.toString(8).padStart(length - 1, "0")}\0`;
  header.write(name, 0, 100);
  header.write(octal(mode, 8), 100);
  header.write(octal(0, 8), 108); // uid
  header.write(octal(0, 8), 116); // gid
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136); // time
  header.write(" ".repeat(8), 148); // the checksum counts its own field as spaces
  header.write("0", 156); // a regular file
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 7)} `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}
