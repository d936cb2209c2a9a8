/** Checks of the code itself: they fail like any other test. */
import path from "node:path";
import { expect, test } from "vitest";
import { codeOf, isTestFile, repositoryFiles, textOf } from "./tree.ts";

const files = repositoryFiles();
const code = files.filter((file) => /\.(?:ts|mts|mjs|rs)$/.test(file));
const server = code.filter((file) => /^src\/.*\.ts$/.test(file) && !isTestFile(file));

/** Lines "file:line" of a file's code that match. */
function hits(file: string, pattern: RegExp): string[] {
  return codeOf(file)
    .split("\n")
    .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1} ${line.trim()}`] : []));
}

test("there is something to check", () => {
  expect(server.length).toBeGreaterThan(60);
  expect(code.length).toBeGreaterThan(150);
  expect(hits("src/clock.ts", /Date\.now\(\)/)).toHaveLength(1);
});

/** Each thing of the outside world is touched in one file, and given to the others as an argument. */
const ONE_DOOR: readonly {
  readonly what: string;
  readonly pattern: RegExp;
  readonly doors: readonly string[];
}[] = [
  {
    what: "reads the environment",
    pattern: /\bprocess\.env\b|\benv\b.*from "node:process"/,
    doors: ["src/config.ts"],
  },
  {
    what: "reads the time of day",
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bhrtime\b/,
    doors: ["src/clock.ts"],
  },
  {
    what: "writes to standard output or error",
    pattern: /\bprocess\.std(?:out|err)\b|\bconsole\.|\bstd(?:out|err)\b.*from "node:process"/,
    doors: ["src/log.ts", "src/cli/output.ts"],
  },
  { what: "draws from Math.random", pattern: /\bMath\.random\b/, doors: [] },
];

test.each(ONE_DOOR)("nothing but its own file $what", ({ pattern, doors }) => {
  const rest = server.filter((file) => !doors.includes(file));
  expect(rest.flatMap((file) => hits(file, pattern))).toEqual([]);
});

const pure = server.filter(
  (file) =>
    /^src\/(?:orders|treasury)\//.test(file) ||
    ["src/suppliers/choose.ts", "src/suppliers/breaker.ts"].includes(file),
);

test("the domain is pure: nothing to wait for, no clock, no chance, no system", () => {
  expect(pure.length).toBeGreaterThan(6);
  const impure =
    /\bawait\b|\basync\b|\bPromise\b|\bset(?:Timeout|Interval)\b|\bfetch\(|"node:|\brandom|\bClock\b/i;
  expect(pure.flatMap((file) => hits(file, impure))).toEqual([]);
});

const MAX_LINES = 400;

test("no file is longer than 400 lines of code", () => {
  const long = code
    .map((file) => ({
      file,
      lines: codeOf(file)
        .split("\n")
        .filter((line) => line.trim() !== "").length,
    }))
    .filter(({ lines }) => lines > MAX_LINES);
  expect(long).toEqual([]);
});

/** Names that say nothing in particular; `lib.rs` is the one that Rust itself demands. */
const EMPTY_NAME =
  /^(?:utils?|helpers?|manager|common|shared|lib|libs|misc|stuff|service|handler)$/;

test("no file or folder is named after nothing in particular", () => {
  const vague = files.filter((file) =>
    file
      .split("/")
      .some(
        (part) => part !== "lib.rs" && part.split(/[-._]/).some((word) => EMPTY_NAME.test(word)),
      ),
  );
  expect(vague).toEqual([]);
});

test("a source file is named in lower case with dashes", () => {
  const odd = code.filter((file) => !/^[a-z0-9-]+(?:\.[a-z]+)*$/.test(path.basename(file)));
  expect(odd.filter((file) => !file.endsWith(".rs"))).toEqual([]);
});

/** Synonyms that the glossary bans, in what others can import. */
const BANNED =
  /upstream|vendor|provider|prewarm|parked|manager|service|util|helper|^(?:handle|process)[A-Z]/i;
const EXPORTED =
  /^export (?:declare )?(?:async )?(?:function|const|let|class|interface|type) (\w+)/gm;
const exported = [...server, ...code.filter((file) => file.startsWith("sdk/src/"))];

test("no exported name uses a word that the glossary bans", () => {
  const found = exported.flatMap((file) =>
    [...codeOf(file).matchAll(EXPORTED)]
      .map(([, name = ""]) => `${file} ${name}`)
      .filter((line) => BANNED.test(line.split(" ")[1] ?? "")),
  );
  expect(found).toEqual([]);
});

test("only a tool's own configuration has a default export", () => {
  const defaults = code.filter((file) => hits(file, /^export default\b/).length > 0);
  expect(defaults).toEqual(["vitest.config.ts"]);
});

test("no file holds a note to do something later, or a test that runs alone", () => {
  const notes = code.flatMap((file) => [
    ...hits(file, /\b(?:test|describe|it)\.only\(/),
    ...textOf(file)
      .split("\n")
      .filter((line) => /(?:\/\/|\*).*\b(?:TO[D]O|FIX[M]E|X[X]X)\b/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  ]);
  expect(notes).toEqual([]);
});
