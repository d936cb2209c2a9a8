import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { type Artefact, buildArguments } from "./artefacts.ts";
import { CARGO, type Missing, RUSTC, type Toolchain } from "./toolchain.ts";

const FETCH_TIMEOUT_MS = 300_000;
/** coreutils' timeout ends with this code when it had to stop the command. */
const TIMED_OUT = 124;

export interface BuildPlace {
  readonly root: string;
  /** Cargo's target folder; best kept outside of the repository. */
  readonly targetFolder: string;
  /** What `performance.now()` may become before a build is stopped. */
  readonly deadlineMs: number;
}

/** Brings the crates the artefact is made of. Null when they are all there. */
export function fetchCrates(artefact: Artefact, place: BuildPlace): Missing | null {
  const cwd = path.join(place.root, artefact.crateRoot);
  const stdio = ["ignore" as const, "ignore" as const, "pipe" as const];
  const options = { cwd, env: environment(), timeout: FETCH_TIMEOUT_MS, stdio };
  const library = path.join(sysrootLibrary(), "Cargo.toml");
  const standard = ["--manifest-path", library, "--target", artefact.target];
  for (const project of [[], standard]) {
    const done = spawnSync(CARGO, ["fetch", "--locked", ...project], options);
    if (done.status === 0) continue;
    const said = done.error?.message ?? String(done.stderr).trim().split("\n").at(-1);
    return { why: `the Rust crates could not be fetched: ${said}` };
  }
  return null;
}

/**
 * Builds the artefact; throws when the build fails. No path of this machine gets into it: the same
 * sources, compiler and linker make the same bytes in any folder.
 */
export function buildArtefact(
  artefact: Artefact,
  tools: Toolchain,
  place: BuildPlace,
): Uint8Array | Missing {
  const cwd = path.join(place.root, artefact.crateRoot);
  const triple = artefact.target.toUpperCase().replaceAll("-", "_");
  const env = {
    ...environment(),
    CARGO_TARGET_DIR: place.targetFolder,
    [`CARGO_TARGET_${triple}_LINKER`]: tools.linkerPath,
    CARGO_ENCODED_RUSTFLAGS: [...artefact.rustflags, ...remappings(cwd, place)].join("\u001F"),
  };
  const secondsLeft = Math.floor((place.deadlineMs - performance.now()) / 1000);
  const timedOut = { why: "the time was over before it was built" };
  if (secondsLeft < 1) return timedOut;
  // It stops cargo together with the compilers that cargo started.
  const command = ["--kill-after=10", String(secondsLeft), CARGO, ...buildArguments(artefact)];
  const stdio = ["ignore" as const, "inherit" as const, "inherit" as const];
  const done = spawnSync("/usr/bin/timeout", command, { cwd, env, stdio });
  if (done.status === TIMED_OUT) return timedOut;
  if (done.status !== 0) {
    const how = done.signal === null ? `exit code ${done.status}` : `ended by ${done.signal}`;
    throw new Error(`cargo failed: ${done.error?.message ?? how}`);
  }
  const file = `${artefact.package.replaceAll("-", "_")}.wasm`;
  return readFileSync(path.join(place.targetFolder, artefact.target, "release", file));
}

/** Where crates come from, and how to get there. */
const NETWORK_VARIABLE =
  /^((https?|no|all)_proxy|ssl_cert_(file|dir)|cargo_(http|net|source|registr(y|ies))_.+)$/i;

/** Only what cargo needs: other variables of the caller could change what is built. */
function environment(): Record<string, string | undefined> {
  const network = Object.entries(process.env).filter(([name]) => NETWORK_VARIABLE.test(name));
  return {
    ...Object.fromEntries(network),
    CARGO_HOME: cargoFolder(),
    HOME: homedir(),
    PATH: "/usr/bin:/bin",
    RUSTC,
    RUSTC_BOOTSTRAP: "1",
    CARGO_INCREMENTAL: "0",
    CARGO_TERM_COLOR: "never",
  };
}

function cargoFolder(): string {
  return process.env["CARGO_HOME"] ?? path.join(homedir(), ".cargo");
}

function sysrootLibrary(): string {
  const done = spawnSync(RUSTC, ["--print", "sysroot"], { encoding: "utf8" });
  return path.join(done.stdout.trim(), "lib/rustlib/src/rust/library");
}

/** Panic messages name source files. Every folder that is this machine's own gets a neutral name. */
function remappings(crateFolder: string, place: BuildPlace): string[] {
  const registry = path.join(cargoFolder(), "registry/src");
  const mirrors = existsSync(registry) ? readdirSync(registry) : [];
  const renamed = [
    ...mirrors.map((mirror) => [path.join(registry, mirror), "/crates"]),
    [place.targetFolder, "/target"],
    [crateFolder, "/source"],
  ];
  return renamed.map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
}
