/** A WebAssembly file that is committed because most machines cannot build it. Paths start at the repository. */
export interface Artefact {
  readonly name: string;
  readonly file: string;
  /** The folder of Cargo.toml and Cargo.lock. */
  readonly crateRoot: string;
  /** Files and folders under `crateRoot` that decide what the artefact is. */
  readonly sources: readonly string[];
  readonly package: string;
  readonly target: "wasm32-unknown-unknown" | "wasm32v1-none";
  /** The parts of Rust's standard library that are built along. */
  readonly buildStd: string;
  readonly rustflags: readonly string[];
  /** Crates whose exact versions make the artefact what it is. */
  readonly crates: readonly string[];
  /** The module must ask for nothing from outside. */
  readonly isFreeOfImports: boolean;
}

function contract(name: string): Artefact {
  return {
    name,
    file: `contracts/stellar/${name}.wasm`,
    crateRoot: "contracts/stellar",
    sources: ["Cargo.toml", "Cargo.lock", `${name}/Cargo.toml`, `${name}/src`],
    package: name,
    target: "wasm32v1-none",
    buildStd: "core,alloc",
    rustflags: [],
    crates: ["soroban-sdk"],
    isFreeOfImports: false,
  };
}

/** The quick ones first: time may run out. */
export const ARTEFACTS: readonly Artefact[] = [
  contract("receiver"),
  contract("oracle"),
  {
    name: "soroban-host",
    file: "devnet/stellar/host/soroban-host.wasm",
    crateRoot: "devnet/stellar/host",
    sources: ["Cargo.toml", "Cargo.lock", "src", "getrandom-stub"],
    package: "soroban-host",
    target: "wasm32-unknown-unknown",
    buildStd: "std,panic_abort",
    // Contracts call contracts: the host recurses deeper than the usual 1 MiB carries.
    rustflags: ["-Clink-arg=-zstack-size=8388608"],
    crates: ["soroban-env-host", "soroban-simulation"],
    isFreeOfImports: true,
  },
];

/** Arguments of cargo. */
export function buildArguments(artefact: Artefact): string[] {
  return [
    "build",
    "--locked",
    "--release",
    `--package=${artefact.package}`,
    `--target=${artefact.target}`,
    `-Zbuild-std=${artefact.buildStd}`,
  ];
}

/** The build in one line, as manifests carry it. Paths of the machine are mapped away on top of it. */
export function buildLine(artefact: Artefact): string {
  const flags = artefact.rustflags.length > 0 ? `RUSTFLAGS='${artefact.rustflags.join(" ")}' ` : "";
  return `RUSTC_BOOTSTRAP=1 ${flags}cargo ${buildArguments(artefact).join(" ")}`;
}
