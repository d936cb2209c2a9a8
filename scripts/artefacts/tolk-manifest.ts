import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { sha256 } from "./manifest.ts";
import {
  compileTolk,
  OPTIMIZATION_LEVEL,
  readText,
  TOLK_UNITS,
  type TolkUnit,
  tolkVersion,
} from "./tolk.ts";

type Hashes = Readonly<Record<string, string>>;

/** What the compiled contracts of a folder are and what they were made from: `manifest.json` beside them. */
interface TolkManifest {
  readonly compiler: string;
  readonly settings: { readonly optimizationLevel: number };
  /** SHA-256 by file name, of sources and of what came out. */
  readonly sources: Hashes;
  readonly artefacts: Hashes;
}

const SETTINGS = { optimizationLevel: OPTIMIZATION_LEVEL };

/** Compiles the unit and replaces its committed files, copies and manifest. */
export async function commitTolk(root: string, unit: TolkUnit): Promise<void> {
  const built = await compileTolk(root, unit);
  for (const [name, text] of Object.entries(built)) {
    writeFileSync(path.join(root, unit.folder, name), text);
  }
  for (const [folder, contracts] of Object.entries(unit.copies)) {
    for (const contract of contracts) {
      const name = `${contract}.json`;
      writeFileSync(path.join(root, folder, name), readText(root, `${unit.folder}/${name}`));
    }
  }
  const manifest: TolkManifest = {
    compiler: await tolkVersion(),
    settings: SETTINGS,
    sources: sourcesOf(root, unit),
    artefacts: artefactsOf(root, unit),
  };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  writeFileSync(path.join(root, unit.folder, "manifest.json"), text);
}

/** What is wrong with the committed contracts, one sentence each, without compiling; nothing when all is well. */
export async function checkTolk(root: string): Promise<string[]> {
  const version = await tolkVersion();
  return TOLK_UNITS.flatMap((unit) =>
    problemsOf(root, unit, version).map((problem) => `${unit.name}: ${problem}`),
  );
}

function problemsOf(root: string, unit: TolkUnit, version: string): string[] {
  const manifest = JSON.parse(readText(root, `${unit.folder}/manifest.json`)) as TolkManifest;
  const sources = differing(manifest.sources, sourcesOf(root, unit));
  const artefacts = differing(manifest.artefacts, artefactsOf(root, unit));
  const problems = [
    ...sources.map((name) => `${name} changed since it was compiled`),
    ...artefacts.map((name) => `${name} is not the file the manifest describes`),
    ...strayCopies(root, unit).map((file) => `${file} is not a copy of the artefact`),
  ];
  if (JSON.stringify(manifest.settings) !== JSON.stringify(SETTINGS)) {
    problems.push("it was compiled with other settings");
  }
  if (manifest.compiler !== version) {
    problems.push(`it was compiled with another compiler than the ${version} installed`);
  }
  return problems;
}

/** Names of committed artefacts that compiling does not bring back. */
export async function staleTolk(root: string, unit: TolkUnit): Promise<string[]> {
  const built = Object.entries(await compileTolk(root, unit));
  return built.flatMap(([name, text]) =>
    readText(root, `${unit.folder}/${name}`) === text ? [] : [name],
  );
}

function strayCopies(root: string, unit: TolkUnit): string[] {
  return Object.entries(unit.copies).flatMap(([folder, contracts]) => {
    const isStray = (name: string) =>
      readText(root, `${folder}/${name}`) !== readText(root, `${unit.folder}/${name}`);
    const names = contracts.map((contract) => `${contract}.json`);
    return names.filter(isStray).map((name) => `${folder}/${name}`);
  });
}

function sourcesOf(root: string, unit: TolkUnit): Hashes {
  const names = readdirSync(path.join(root, unit.folder)).filter((name) => name.endsWith(".tolk"));
  return hashFiles(root, unit, names.toSorted());
}

function artefactsOf(root: string, unit: TolkUnit): Hashes {
  const names = [...unit.contracts, ...unit.foreign].map((contract) => `${contract}.json`);
  return hashFiles(root, unit, names.toSorted());
}

function hashFiles(root: string, unit: TolkUnit, names: readonly string[]): Hashes {
  const hashes = names.map((name) => [name, sha256(readText(root, `${unit.folder}/${name}`))]);
  return Object.fromEntries(hashes) as Hashes;
}

function differing(before: Hashes, now: Hashes): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => before[name] !== now[name]).toSorted();
}
