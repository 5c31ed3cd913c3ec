/** The files beside a Compose file. Only those below its folder are read, whatever it names. */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, relative, resolve } from "node:path";

/** A file's text, or why there is none, to follow the file's name. */
export type FileText = { readonly text: string } | { readonly problem: string };

export interface ProjectFolder {
  /** `undefined`: there is nothing, or it is outside the folder. */
  kind(path: string): "file" | "folder" | "other" | undefined;
  /** At most `maxKib` KiB of UTF-8 text. */
  text(path: string, maxKib: number): FileText;
  /** Names in a folder, sorted. Empty if it cannot be read. */
  names(path: string): readonly string[];
  /** The absolute path that a relative one means on this machine. */
  absolute(path: string): string;
  /** Whether an absolute path is below the folder, there or not. */
  contains(path: string): boolean;
}

export function projectFolder(folder: string): ProjectFolder {
  const root = realpathSync(folder);
  /** The path without symbolic links, if it is below the folder. */
  const inside = (path: string): string | undefined => {
    try {
      const real = realpathSync(resolve(root, path));
      const way = relative(root, real);
      return way.startsWith("..") || isAbsolute(way) ? undefined : real;
    } catch {
      return undefined;
    }
  };
  return {
    kind(path) {
      const real = inside(path);
      if (real === undefined) return undefined;
      const stats = statSync(real);
      return stats.isFile() ? "file" : stats.isDirectory() ? "folder" : "other";
    },
    text(path, maxKib) {
      const real = inside(path);
      if (real === undefined)
        return { problem: "is not here, or outside the folder of the Compose file" };
      try {
        const stats = statSync(real);
        if (!stats.isFile()) return { problem: "is not a file" };
        if (stats.size > maxKib * 1024) return { problem: `is larger than ${maxKib} KiB` };
        const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(real));
        return text.includes("\0") ? { problem: "is not a text" } : { text };
      } catch (error) {
        return error instanceof TypeError
          ? { problem: "is not UTF-8 text" }
          : { problem: "cannot be read" };
      }
    },
    names(path) {
      const real = inside(path);
      try {
        return real === undefined ? [] : readdirSync(real).sort();
      } catch {
        return [];
      }
    },
    absolute: (path) => (path.startsWith("~") ? path : resolve(folder, path)),
    contains: (path) => path.startsWith(`${resolve(folder)}/`),
  };
}
