import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { sha256 } from "./manifest.ts";
import {
  compilerVersion,
  compileUnit,
  readSource,
  SETTINGS,
  SOLIDITY_UNITS,
  type SolidityUnit,
} from "./solidity.ts";

type Hashes = Readonly<Record<string, string>>;

/** What the compiled contracts of a folder are and what they were made from: `manifest.json` beside them. */
interface SolidityManifest {
  readonly compiler: string;
  readonly settings: unknown;
  /** SHA-256 by file name, of sources and of what came out. */
  readonly sources: Hashes;
  readonly artefacts: Hashes;
}

function manifestFile(root: string, unit: SolidityUnit): string {
  return path.join(root, unit.folder, "manifest.json");
}

function readManifest(root: string, unit: SolidityUnit): SolidityManifest {
  return JSON.parse(readFileSync(manifestFile(root, unit), "utf8")) as SolidityManifest;
}

function hashFiles(root: string, unit: SolidityUnit, names: readonly string[]): Hashes {
  const hashes = names.map((name) => [name, sha256(readSource(root, `${unit.folder}/${name}`))]);
  return Object.fromEntries(hashes) as Hashes;
}

function sourcesOf(root: string, unit: SolidityUnit): Hashes {
  const names = readdirSync(path.join(root, unit.folder)).filter((name) => name.endsWith(".sol"));
  return hashFiles(root, unit, names.toSorted());
}

/** Compiles the unit and replaces its committed files. */
export function commitUnit(root: string, unit: SolidityUnit): void {
  for (const [name, text] of Object.entries(compileUnit(root, unit))) {
    writeFileSync(path.join(root, unit.folder, name), text);
  }
  const manifest: SolidityManifest = {
    compiler: compilerVersion(),
    settings: SETTINGS,
    sources: sourcesOf(root, unit),
    artefacts: hashFiles(root, unit, artefactNames(unit)),
  };
  writeFileSync(manifestFile(root, unit), `${JSON.stringify(manifest, null, 2)}\n`);
}

function artefactNames(unit: SolidityUnit): string[] {
  return unit.contracts.map((contract) => `${contract}.json`);
}

/** What is wrong with the committed contracts, one sentence each, without compiling; nothing when all is well. */
export function checkUnits(root: string): string[] {
  return SOLIDITY_UNITS.flatMap((unit) =>
    problemsOf(root, unit).map((problem) => `${unit.name}: ${problem}`),
  );
}

function problemsOf(root: string, unit: SolidityUnit): string[] {
  const manifest = readManifest(root, unit);
  const sources = differing(manifest.sources, sourcesOf(root, unit));
  const artefacts = differing(manifest.artefacts, hashFiles(root, unit, artefactNames(unit)));
  const problems = [
    ...sources.map((name) => `${name} changed since it was compiled`),
    ...artefacts.map((name) => `${name} is not the file the manifest describes`),
  ];
  if (JSON.stringify(manifest.settings) !== JSON.stringify(SETTINGS)) {
    problems.push("it was compiled with other settings");
  }
  if (manifest.compiler !== compilerVersion()) {
    problems.push(`it was compiled with another compiler than the ${compilerVersion()} installed`);
  }
  return problems;
}

/** Names of committed artefacts that compiling does not bring back. */
export function staleArtefacts(root: string, unit: SolidityUnit): string[] {
  const built = Object.entries(compileUnit(root, unit));
  return built.flatMap(([name, text]) =>
    readSource(root, `${unit.folder}/${name}`) === text ? [] : [name],
  );
}

function differing(before: Hashes, now: Hashes): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => before[name] !== now[name]).toSorted();
}
