/** The documents say what is there, and nothing of the machine that they were written on. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { generatePages } from "../../scripts/pages.ts";
import { EVM_SETTINGS } from "../../src/chains/evm/settings.ts";
import { TON_SETTINGS } from "../../src/chains/ton/settings.ts";
import { supplierModules } from "../../src/suppliers/index.ts";
import { repositoryFiles, root, textOf } from "./tree.ts";

const files = repositoryFiles();
const documents = files.filter((file) => file.endsWith(".md"));

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(textOf("package.json")) as Manifest;

test("there is something to check", () => {
  expect(documents).toContain("README.md");
  expect(documents.length).toBeGreaterThan(10);
  expect(documents.flatMap(linksOf).length).toBeGreaterThan(20);
});

test.each([...generatePages()])("%s is fresh (npm run docs)", (page, text) => {
  expect(textOf(page)).toBe(text);
});

test("every folder of src/ has its sentence in ARCHITECTURE.md", () => {
  const folders = new Set(files.flatMap((file) => /^src\/([^/]+)\/[^]*$/.exec(file)?.[1] ?? []));
  expect(folders.size).toBeGreaterThan(8);
  const architecture = textOf("ARCHITECTURE.md");
  const silent = [...folders].filter(
    (folder) => !new RegExp(`^\\W*\`${folder}/\`.*\\w{3}`, "m").test(architecture),
  );
  expect(silent).toEqual([]);
});

/** Targets of links and images, code blocks left out. */
function linksOf(document: string): string[] {
  const prose = textOf(document).replace(/^```[^]*?^```/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = ""]) => to);
}

/** The anchors of a page, as code hosts make them from headings, and those set by hand. */
function anchorsOf(document: string): Set<string> {
  const text = textOf(document).replace(/^```[^]*?^```/gm, "");
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
  return new Set([
    ...headings,
    ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id),
  ]);
}

function leadsSomewhere(document: string, to: string): boolean {
  if (/^[a-z]+:/i.test(to)) return true;
  const [file = "", anchor] = to.split("#");
  const target = file === "" ? document : path.posix.join(path.posix.dirname(document), file);
  if (!existsSync(path.join(root, target))) return false;
  return anchor === undefined || !target.endsWith(".md") || anchorsOf(target).has(anchor);
}

test("every link inside the repository leads somewhere", () => {
  const broken = documents.flatMap((document) =>
    linksOf(document)
      .filter((to) => !leadsSomewhere(document, to))
      .map((to) => `${document} → ${to}`),
  );
  expect(broken).toEqual([]);
});

/** The npm scripts that a document may name: the root's, and in a package also its own. */
function scriptsFor(document: string): Readonly<Record<string, string>> {
  const folder = /^(?:sdk|devnet)\//.exec(document)?.[0];
  return folder === undefined
    ? manifest.scripts
    : { ...manifest.scripts, ...(JSON.parse(textOf(`${folder}package.json`)) as Manifest).scripts };
}

test("documents name only commands that exist", () => {
  const unknown = documents.flatMap((document) =>
    [...textOf(document).matchAll(/\bnpm run ([a-z0-9:-]+)/g)]
      .map(([, name = ""]) => name)
      .filter((name) => !(name in scriptsFor(document)))
      .map((name) => `${document}: npm run ${name}`),
  );
  expect(unknown).toEqual([]);
});

/** Variables that config.ts names, and those that the registered suppliers declare. */
function knownVariables(): readonly string[] {
  const named = textOf("src/config.ts").match(/"VEND402_[A-Z0-9_]*[A-Z0-9]"/g) ?? [];
  const ofSuppliers = supplierModules.flatMap(({ id, settings }) =>
    settings.map(({ name }) => `"VEND402_SUPPLIER_${id}_${name}"`.toUpperCase().replace(/-/g, "_")),
  );
  // A chain's settings carry its id; they are explained for one.
  const ofChains = [
    ...EVM_SETTINGS.map((name) => `"VEND402_EVM_137_${name}"`),
    ...TON_SETTINGS.map((name) => `"VEND402_TON_${name}"`),
  ];
  return [...new Set([...named, ...ofSuppliers, ...ofChains])]
    .map((text) => text.slice(1, -1))
    .toSorted();
}

test("every variable that the server reads is explained in .env.example, and no other", () => {
  const explained = [...textOf(".env.example").matchAll(/^(?:# )?(VEND402_[A-Z0-9_]+)=/gm)].map(
    ([, name = ""]) => name,
  );
  expect(explained.length).toBeGreaterThan(30);
  expect(explained.toSorted()).toEqual(knownVariables());
});

/** Each pattern is written so that it does not match itself. */
const LEAKS = [
  /(?<![\w.~-])\/(?:work|root|home|Users)\/[\w.-]/,
  /[A-Z]:\\(?:Users|work)\\|\.cargo\/|\.rustup\//,
  /registry\.(?:npmjs|yarnpkg)|npmmirror\.|(?:static|index)\.crates\.io|[a-z]+\.debian\.org/,
];
/** Cargo writes the name of its index into its lock files and gives no way around it. */
const MAY_NAME_THE_INDEX = /(?:^|\/)Cargo\.lock$/;

test("no file, compiled ones included, holds a path of some machine or the host of a registry", () => {
  const leaks = files.flatMap((file) => {
    if (MAY_NAME_THE_INDEX.test(file)) return [];
    const bytes = readFileSync(path.join(root, file), "latin1");
    return LEAKS.flatMap((leak) => {
      const match = leak.exec(bytes);
      return match === null ? [] : [`${file}: ${bytes.slice(match.index, match.index + 60)}`];
    });
  });
  expect(leaks).toEqual([]);
});

const { packages } = JSON.parse(textOf("package-lock.json")) as {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly resolved?: string;
        readonly link?: boolean;
        readonly optionalDependencies?: Readonly<Record<string, string>>;
      }
    >
  >;
};

test("the lock file names no place that packages were fetched from", () => {
  const placed = Object.entries(packages)
    .filter(([, { resolved, link }]) => resolved !== undefined && link !== true)
    .map(([name]) => name);
  expect(Object.keys(packages).length).toBeGreaterThan(50);
  expect(placed).toEqual([]);
});

test("the lock file names the optional packages of every system, else npm ci refuses it", () => {
  const optional = Object.values(packages).flatMap((one) =>
    Object.keys(one.optionalDependencies ?? {}),
  );
  expect(optional.length).toBeGreaterThan(50);
  const places = Object.keys(packages);
  expect(
    optional.filter((name) => !places.some((place) => place.endsWith(`node_modules/${name}`))),
  ).toEqual([]);
});
