/** Who may import whom. Arrows only go down; adapters see root files and their own port. */
import { expect, test } from "vitest";
import { importsOf, isTestFile, repositoryFiles } from "./tree.ts";

/** Everything that actions rest on: ports and pure folders, store, vault and feed. */
const BELOW_ACTIONS = [
  ".",
  "#wire",
  "orders",
  "treasury",
  "products",
  "rails",
  "suppliers",
  "oracle",
  "store",
  "vault",
  "feed",
] as const;

/**
 * By folder of src/: "." is src/ itself, "rails/*" is any one rail's own folder, "#wire" the shapes that
 * cross the wire. What a folder imports from itself is always allowed.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  ".": ["#wire"],

  products: [".", "products/*"],
  chains: [".", "rails"],
  rails: [".", "rails/*"],
  suppliers: [".", "products", "suppliers/*"],
  "products/*": [".", "products"],
  "rails/*": [".", "chains", "rails"],
  "suppliers/*": [".", "products", "suppliers"],
  oracle: ["."],

  orders: [".", "#wire", "products"],
  treasury: ["."],

  facilitator: [".", "#wire", "rails"],
  store: [".", "orders", "treasury"],
  vault: [".", "products"],
  feed: ["."],

  actions: [...BELOW_ACTIONS],
  workers: [...BELOW_ACTIONS, "actions"],
  http: [...BELOW_ACTIONS, "actions"],
};

/** They know everything, and no other file knows them. */
const isComposition = (file: string): boolean => /^src\/(?:main|parts)\.ts$|^src\/cli\//.test(file);

/** Folders that hold one folder per adapter beside a port and a registry. */
const PORTS = ["products", "rails", "suppliers"];
const isRegistry = (file: string): boolean => PORTS.some((port) => file === `src/${port}/index.ts`);
const isAdapter = (file: string): boolean =>
  PORTS.some((port) => file.startsWith(`src/${port}/`) && file.split("/").length > 3);

/** The key of the table that a file of src/ falls under; "" for anything outside src/. */
function folderOf(file: string): string {
  if (file.startsWith("#wire")) return "#wire";
  const [top, folder = "", ...rest] = file.split("/");
  if (top !== "src") return "";
  if (rest.length === 0) return ".";
  return PORTS.includes(folder) && rest.length > 1 ? `${folder}/*` : folder;
}

/** The adapter's own folder: "src/rails/stellar-contract". */
const adapterOf = (file: string): string => file.split("/").slice(0, 3).join("/");

const isSource = (file: string): boolean => file.endsWith(".ts") && !isTestFile(file);
const sources = repositoryFiles("src").filter(isSource);
const bound = sources.filter((file) => !isComposition(file));

test("there is something to check", () => {
  expect(bound.length).toBeGreaterThan(60);
  expect(bound.flatMap(importsOf).length).toBeGreaterThan(200);
  expect(bound.filter(isAdapter).length).toBeGreaterThan(2);
});

test("every folder of src/ has its row in the table", () => {
  const folders = new Set(bound.map(folderOf));
  expect([...folders].filter((folder) => !(folder in MAY_IMPORT))).toEqual([]);
});

/** Imports "file → target" of those files that a rule forbids. */
function forbidden(
  among: readonly string[],
  isForbidden: (to: string, file: string) => boolean,
): readonly string[] {
  return among.flatMap((file) =>
    importsOf(file)
      .filter((to) => isForbidden(to, file))
      .map((to) => `${file} → ${to}`),
  );
}

test("a file imports only what its folder may", () => {
  const strangers = forbidden(bound, (to, file) => {
    const own = folderOf(file);
    return folderOf(to) !== own && !(MAY_IMPORT[own] ?? []).includes(folderOf(to));
  });
  expect(strangers).toEqual([]);
});

test("nothing reaches for the composition root", () => {
  expect(forbidden(bound, isComposition)).toEqual([]);
});

test("registries are known to the composition root alone", () => {
  expect(forbidden(bound, isRegistry)).toEqual([]);
});

test("an adapter is known to its registry alone, and to no other adapter", () => {
  const strangers = forbidden(bound, (to, file) => {
    if (!isAdapter(to)) return false;
    return isAdapter(file) ? adapterOf(to) !== adapterOf(file) : !isRegistry(file);
  });
  expect(strangers).toEqual([]);
});

test("nothing that runs in production imports what tests use", () => {
  const all = [...sources, ...repositoryFiles("sdk/src"), ...repositoryFiles("devnet")];
  expect(forbidden(all.filter(isSource), isTestFile)).toEqual([]);
});

test("what is published imports nothing from outside its package", () => {
  const published = ["sdk/src", "devnet"].flatMap((folder) =>
    repositoryFiles(folder).filter(isSource),
  );
  expect(published.length).toBeGreaterThan(40);
  const packageOf = (file: string): string => file.slice(0, file.indexOf("/") + 1);
  expect(forbidden(published, (to, file) => packageOf(to) !== packageOf(file))).toEqual([]);
});

test("the shapes that cross the wire depend on nothing", () => {
  expect(importsOf("sdk/src/wire.ts")).toEqual([]);
  expect(importsOf("sdk/src/x402/wire.ts")).toEqual(["sdk/src/wire.ts"]);
});
