import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Folders that no commit holds. */
const FOREIGN = new Set([".git", ".node24", "node_modules", "dist", "target", "coverage", "data"]);

/** Every file of the repository as a path from its root with "/" between the parts, sorted. */
export function repositoryFiles(folder = ""): readonly string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return FOREIGN.has(entry.name) ? [] : repositoryFiles(file);
      const isKept = entry.isFile() && entry.name !== ".env" && !entry.name.endsWith(".log");
      return isKept ? [file] : [];
    })
    .toSorted();
}

/** Tests, and what only they use: `x.test.ts`, `test-x.ts`, `testing/x.ts`, all of `tests/`. */
export function isTestFile(file: string): boolean {
  return /\.test\.ts$|(?:^|\/)test-[^/]*\.ts$|\/testing\/|^tests\//.test(file);
}

export function textOf(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

/** The file's TypeScript without its comments; strings stay. Line numbers are kept. */
export function codeOf(file: string): string {
  return textOf(file).replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[^])*`)|\/\/[^\n]*|\/\*[^]*?\*\//g,
    (match: string, string: string | undefined) => string ?? match.replace(/[^\n]/g, ""),
  );
}

/** What a file imports from this repository: paths from the root, and names like "#wire". */
export function importsOf(file: string): readonly string[] {
  return [...codeOf(file).matchAll(/(?:from|import\(|import)\s*"([.#][^"]+)"/g)].map(
    ([, to = ""]) => (to.startsWith("#") ? to : path.posix.join(path.posix.dirname(file), to)),
  );
}
