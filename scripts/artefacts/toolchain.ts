import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { ToolVersions } from "./manifest.ts";

/** Debian's Rust, always called by its full path: a rustup in front of PATH is another compiler. */
export const RUSTC = "/usr/bin/rustc";
export const CARGO = "/usr/bin/cargo";

export interface Toolchain extends ToolVersions {
  /** The program that links WebAssembly. */
  readonly linkerPath: string;
}

/** Something could not be done; `why` goes after "because". */
export interface Missing {
  readonly why: string;
}

const PACKAGES = ["rustc-web", "cargo-web", "rust-web-src"];
const LLVM_FOLDER = "/usr/lib/llvm-";
const UPDATE_TIMEOUT_MS = 120_000;
const INSTALL_TIMEOUT_MS = 300_000;

/** `wantedLinker` is preferred; without it, the newest linker is taken. */
export function findToolchain(wantedLinker?: string): Toolchain | Missing {
  for (const program of [RUSTC, CARGO]) {
    if (!existsSync(program)) return { why: `${program} is not there` };
  }
  const rustc = firstLine(RUSTC, ["--version"]);
  const sysroot = firstLine(RUSTC, ["--print", "sysroot"]);
  if (!existsSync(path.join(sysroot, "lib/rustlib/src/rust/library/Cargo.lock"))) {
    return { why: "the sources of Rust's standard library are not there (rust-web-src)" };
  }
  const linkers = findLinkers();
  const [newest] = linkers;
  if (newest === undefined) return { why: "no wasm-ld is there (lld-19, lld-22)" };
  const chosen = linkers.find(({ linker }) => linker === wantedLinker) ?? newest;
  return { rustc, ...chosen };
}

/** All that are installed, the newest first. */
function findLinkers(): Pick<Toolchain, "linker" | "linkerPath">[] {
  const versions = readdirSync("/usr/lib").flatMap((name) => /^llvm-(\d+)$/.exec(name)?.[1] ?? []);
  const newestFirst = versions.map(Number).toSorted((a, b) => b - a);
  const paths = newestFirst.map((version) => `${LLVM_FOLDER}${version}/bin/wasm-ld`);
  return paths
    .filter((file) => existsSync(file))
    .map((file) => {
      return { linkerPath: file, linker: firstLine(file, ["--version"]) };
    });
}

/** Installs Debian's packages. `llvm` is the major version of the linker wanted. Null when all went well. */
export function installToolchain(llvm: string): Missing | null {
  if (process.getuid?.() !== 0) return { why: "only root may install it" };
  if (!existsSync("/usr/bin/apt-get")) return { why: "there is no apt-get to install it with" };
  const update = aptGet(["update"], UPDATE_TIMEOUT_MS);
  if (update !== null) return update;
  const install = ["install", "--yes", "--no-install-recommends"];
  const failed = aptGet([...install, ...PACKAGES, `lld-${llvm}`], INSTALL_TIMEOUT_MS);
  return failed && aptGet([...install, ...PACKAGES, "lld-19"], INSTALL_TIMEOUT_MS);
}

function aptGet(args: readonly string[], timeout: number): Missing | null {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const stdio = ["ignore", "ignore", "pipe"] as const;
  const done = spawnSync("/usr/bin/apt-get", args, { env, timeout, stdio: [...stdio] });
  if (done.status === 0) return null;
  const said = done.error?.message ?? String(done.stderr).trim().split("\n").at(-1);
  return { why: `apt-get ${args[0]} failed: ${said}` };
}

function firstLine(program: string, args: readonly string[]): string {
  const done = spawnSync(program, args, { encoding: "utf8", env: { PATH: "/usr/bin:/bin" } });
  return done.stdout.split("\n")[0] ?? "";
}
