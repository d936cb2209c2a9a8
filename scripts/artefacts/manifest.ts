import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Artefact, ARTEFACTS, buildLine } from "./artefacts.ts";

/** What a committed artefact is and what it was made from: `<name>.manifest.json` beside it. */
export interface Manifest {
  readonly artefact: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Over the lines of `sources`, written as `sha256sum` writes them. */
  readonly sourcesSha256: string;
  /** SHA-256 of every source by its path under the crate root. */
  readonly sources: Readonly<Record<string, string>>;
  readonly rustc: string;
  readonly linker: string;
  readonly crates: Readonly<Record<string, string>>;
  readonly build: string;
}

/** The tools a manifest names, as they introduce themselves. */
export interface ToolVersions {
  readonly rustc: string;
  readonly linker: string;
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function manifestFile(root: string, artefact: Artefact): string {
  return path.join(root, artefact.file.replace(/\.wasm$/, ".manifest.json"));
}

export function readManifest(root: string, artefact: Artefact): Manifest {
  return JSON.parse(readFileSync(manifestFile(root, artefact), "utf8")) as Manifest;
}

/** Writes the artefact and the manifest that goes with it. */
export function commitArtefact(
  root: string,
  artefact: Artefact,
  wasm: Uint8Array,
  tools: ToolVersions,
): void {
  const sources = hashSources(root, artefact);
  const manifest: Manifest = {
    artefact: path.basename(artefact.file),
    sha256: sha256(wasm),
    bytes: wasm.length,
    sourcesSha256: hashOfSources(sources),
    sources,
    rustc: tools.rustc,
    linker: tools.linker,
    crates: lockedCrates(root, artefact),
    build: buildLine(artefact),
  };
  writeFileSync(path.join(root, artefact.file), wasm);
  writeFileSync(manifestFile(root, artefact), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** What is wrong with the committed artefacts, one sentence each; nothing when all is well. */
export function checkManifests(root: string): string[] {
  return ARTEFACTS.flatMap((artefact) =>
    problemsOf(root, artefact).map((problem) => `${artefact.name}: ${problem}`),
  );
}

function problemsOf(root: string, artefact: Artefact): string[] {
  const manifest = readManifest(root, artefact);
  const wasm = readFileSync(path.join(root, artefact.file));
  const problems: string[] = [];
  if (sha256(wasm) !== manifest.sha256 || wasm.length !== manifest.bytes) {
    problems.push(`${artefact.file} is not the file its manifest describes`);
  }
  if (hashOfSources(manifest.sources) !== manifest.sourcesSha256) {
    problems.push("the manifest's own list of sources does not add up");
  }
  problems.push(...changedSources(manifest.sources, hashSources(root, artefact)));
  for (const [crate, version] of Object.entries(lockedCrates(root, artefact))) {
    if (manifest.crates[crate] === version) continue;
    problems.push(`it was made with another ${crate} than the ${version} of Cargo.lock`);
  }
  if (manifest.build !== buildLine(artefact)) problems.push("it was built in another way");
  if (artefact.isFreeOfImports && importsOf(wasm).length > 0) {
    problems.push(`it imports ${importsOf(wasm).join(", ")}`);
  }
  return problems;
}

function importsOf(wasm: Uint8Array): string[] {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(new Uint8Array(wasm)));
  return imports.map(({ module, name }) => `${module}.${name}`);
}

type SourceHashes = Readonly<Record<string, string>>;

function changedSources(before: SourceHashes, now: SourceHashes): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  const changed = [...names].filter((name) => before[name] !== now[name]);
  return changed.toSorted().map((name) => `${name} changed since it was built`);
}

/** Line ends are made equal first: a checkout may have turned them. */
function hashSources(root: string, artefact: Artefact): Record<string, string> {
  const base = path.join(root, artefact.crateRoot);
  const files = artefact.sources.flatMap((source) => filesUnder(base, source));
  const hashes = files.toSorted().map((file) => {
    const text = readFileSync(path.join(base, file), "utf8").replaceAll("\r\n", "\n");
    return [file, sha256(text)];
  });
  return Object.fromEntries(hashes) as Record<string, string>;
}

/** Paths with forward slashes. Unit tests in files of their own are no part of the artefact. */
function filesUnder(base: string, source: string): string[] {
  if (!statSync(path.join(base, source)).isDirectory()) return [source];
  const entries = readdirSync(path.join(base, source));
  const files = entries.flatMap((entry) => filesUnder(base, `${source}/${entry}`));
  return files.filter((file) => !file.endsWith("/test.rs"));
}

function hashOfSources(sources: SourceHashes): string {
  return sha256(
    Object.entries(sources)
      .map(([file, hash]) => `${hash}  ${file}\n`)
      .join(""),
  );
}

/** Versions in Cargo.lock of the crates that matter; throws when one is not there. */
function lockedCrates(root: string, artefact: Artefact): Record<string, string> {
  const lock = readFileSync(path.join(root, artefact.crateRoot, "Cargo.lock"), "utf8");
  const versions = artefact.crates.map((crate) => {
    const version = new RegExp(`^name = "${crate}"\\r?\\nversion = "(.+)"`, "m").exec(lock)?.[1];
    if (version === undefined)
      throw new Error(`${crate} is not in ${artefact.crateRoot}/Cargo.lock`);
    return [crate, version];
  });
  return Object.fromEntries(versions) as Record<string, string>;
}
