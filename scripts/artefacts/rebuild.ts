/**
 * `node scripts/artefacts/rebuild.ts [name...]`: builds the committed WebAssembly files and the EVM
 * and TON contracts again and compares. Exit code 1 when one differs; where it cannot compare, it says why and goes on.
 * `--write` replaces the committed files and their manifests instead of comparing.
 * `--install` brings Debian's Rust if it is missing, which CI=true implies.
 * `--limit=<seconds>` stops building after that time; what is left then is not compared. Under CI=true
 * it is 570, otherwise an hour.
 * `--root=<folder>` takes the sources of another clone, `--target=<folder>` keeps cargo's target folder.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { type Artefact, ARTEFACTS } from "./artefacts.ts";
import { buildArtefact, type BuildPlace, fetchCrates } from "./build.ts";
import { checkManifests, commitArtefact, readManifest, sha256 } from "./manifest.ts";
import { checkEvm, EVM_NAMES, rebuildEvm } from "./rebuild-evm.ts";
import { rebuildTon, TON_NAMES } from "./rebuild-ton.ts";
import { checkTolk } from "./tolk-manifest.ts";
import { findToolchain, installToolchain, type Missing, type Toolchain } from "./toolchain.ts";

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: "boolean", default: false },
    install: { type: "boolean", default: process.env["CI"] === "true" },
    limit: { type: "string", default: process.env["CI"] === "true" ? "570" : "3600" },
    root: { type: "string", default: path.resolve(import.meta.dirname, "../..") },
    target: { type: "string" },
  },
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The toolchain the artefact was made with, or the nearest there is. */
function toolchainFor(wantedLinker: string | undefined): Toolchain | Missing {
  const found = findToolchain(wantedLinker);
  if (!("why" in found) || !options.install) return found;
  say(`Debian's Rust is missing (${found.why}); installing it.`);
  const llvm = /LLD (\d+)/.exec(wantedLinker ?? "")?.[1] ?? "19";
  return installToolchain(llvm) ?? findToolchain(wantedLinker);
}

function compare(artefact: Artefact, place: BuildPlace): "same" | "different" | Missing {
  const manifest = readManifest(place.root, artefact);
  const tools = toolchainFor(manifest.linker);
  if ("why" in tools) return tools;
  for (const tool of ["rustc", "linker"] as const) {
    if (tools[tool] === manifest[tool]) continue;
    return { why: `it was made with "${manifest[tool]}", and here is "${tools[tool]}"` };
  }
  const unfetched = fetchCrates(artefact, place);
  if (unfetched !== null) return unfetched;
  const wasm = buildArtefact(artefact, tools, place);
  if ("why" in wasm) return wasm;
  const built = sha256(wasm);
  if (built === manifest.sha256) return "same";
  say(`${artefact.name}: committed ${manifest.sha256}, built ${built}`);
  return "different";
}

function replace(artefact: Artefact, place: BuildPlace): void {
  const tools = toolchainFor(undefined);
  if ("why" in tools) throw new Error(`cannot build: ${tools.why}`);
  const unfetched = fetchCrates(artefact, place);
  if (unfetched !== null) throw new Error(`cannot build: ${unfetched.why}`);
  const wasm = buildArtefact(artefact, tools, place);
  if ("why" in wasm) throw new Error(`cannot build: ${wasm.why}`);
  commitArtefact(place.root, artefact, wasm, tools);
  say(`${artefact.name}: written, ${wasm.length} bytes, sha256 ${sha256(wasm)}`);
}

/** True when nothing speaks against the committed artefact. */
function rebuild(artefact: Artefact, place: BuildPlace): boolean {
  if (options.write) {
    replace(artefact, place);
    return true;
  }
  const verdict = compare(artefact, place);
  if (verdict === "same") say(`${artefact.name}: the same bytes as committed`);
  else if (verdict === "different") say(`${artefact.name}: DIFFERENT from what is committed`);
  else say(`${artefact.name}: NOT COMPARED, because ${verdict.why}`);
  return verdict !== "different";
}

async function problemsOf(root: string): Promise<string[]> {
  return [...checkManifests(root), ...checkEvm(root), ...(await checkTolk(root))];
}

async function main(): Promise<boolean> {
  const known = [...ARTEFACTS.map(({ name }) => name), ...EVM_NAMES, ...TON_NAMES];
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`unknown: ${unknown.join(", ")}; there are ${known.join(", ")}`);
  }
  const chosen = new Set(names.length === 0 ? known : names);
  const root = path.resolve(options.root);
  const problems = options.write ? [] : await problemsOf(root);
  for (const problem of problems) say(problem);
  if (problems.length > 0) return false;

  const evm = EVM_NAMES.filter((name) => chosen.has(name));
  const isEvmGood = await rebuildEvm({ root, names: evm, isWriting: options.write, say });
  const ton = TON_NAMES.filter((name) => chosen.has(name));
  const isTonGood = await rebuildTon({ root, names: ton, isWriting: options.write, say });
  const temporary = options.target ?? mkdtempSync(path.join(tmpdir(), "artefacts-"));
  const place = {
    root,
    targetFolder: path.resolve(temporary),
    deadlineMs: Number(options.limit) * 1000,
  };
  try {
    const wasm = ARTEFACTS.filter(({ name }) => chosen.has(name));
    return (
      wasm.map((artefact) => rebuild(artefact, place)).every(Boolean) && isEvmGood && isTonGood
    );
  } finally {
    if (options.target === undefined) rmSync(temporary, { recursive: true, force: true });
  }
}

process.exitCode = (await main()) ? 0 : 1;
