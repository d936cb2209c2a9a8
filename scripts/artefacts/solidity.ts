import { readFileSync } from "node:fs";
import path from "node:path";
import untypedSolc from "solc";

/** The package's own types say `any`. */
const solc = untypedSolc as {
  readonly version: () => string;
  readonly compile: (standardJson: string) => string;
};

/** Contracts that are compiled together: `<name>.sol` makes `<name>.json` in the same folder. */
export interface SolidityUnit {
  readonly name: string;
  readonly folder: string;
  readonly contracts: readonly string[];
}

export const SOLIDITY_UNITS: readonly SolidityUnit[] = [
  {
    name: "evm-contracts",
    folder: "contracts/evm",
    contracts: ["DepositFactory", "DepositForwarder"],
  },
  {
    name: "evm-devnet",
    folder: "devnet/evm/contracts",
    contracts: ["MockUsdc", "MockUsdt", "StandInExactPermit2Proxy"],
  },
];

/** Paris is the oldest rule set in use: the code runs on every chain, with or without PUSH0. */
export const SETTINGS = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: "paris",
} as const;

/** `0.8.37+commit....` */
export function compilerVersion(): string {
  return solc.version().replace(/\.Emscripten.*$/, "");
}

interface Compiled {
  readonly abi: readonly unknown[];
  readonly evm: {
    readonly bytecode: { readonly object: string };
    readonly deployedBytecode: {
      readonly object: string;
      readonly immutableReferences?: Readonly<Record<string, readonly Place[]>>;
    };
  };
  readonly storageLayout: { readonly storage: readonly { label: string; slot: string }[] };
}

interface Place {
  readonly start: number;
  readonly length: number;
}

interface Answer {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, Compiled>>>>;
}

/** The text of every artefact by its file name. Throws what the compiler complains about, warnings too. */
export function compileUnit(root: string, unit: SolidityUnit): Readonly<Record<string, string>> {
  const files = unit.contracts.map((contract) => `${unit.folder}/${contract}.sol`);
  const sources = files.map((file) => [file, { content: readSource(root, file) }]);
  const wanted = ["abi", "evm.bytecode.object", "evm.deployedBytecode", "storageLayout"];
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(sources) as unknown,
    settings: { ...SETTINGS, outputSelection: { "*": { "*": wanted } } },
  };
  const answer = JSON.parse(solc.compile(JSON.stringify(input))) as Answer;
  const complaints = (answer.errors ?? []).map(({ formattedMessage }) => formattedMessage);
  if (complaints.length > 0) throw new Error(complaints.join("\n"));
  const artefacts = unit.contracts.map((contract, i) => {
    const compiled = answer.contracts?.[files[i] ?? ""]?.[contract];
    if (compiled === undefined) throw new Error(`${files[i]} holds no contract ${contract}`);
    return [`${contract}.json`, artefactText(contract, compiled)];
  });
  return Object.fromEntries(artefacts) as Record<string, string>;
}

/** Line ends are made equal: a checkout may have turned them, and the compiler puts a hash of the source in. */
export function readSource(root: string, file: string): string {
  return readFileSync(path.join(root, file), "utf8").replaceAll("\r\n", "\n");
}

/** `immutables` are the places in `deployedBytecode` that the constructor fills; `slots` is the storage. */
function artefactText(contractName: string, { abi, evm, storageLayout }: Compiled): string {
  const slots = storageLayout.storage.map(({ label, slot }) => [label, Number(slot)]);
  const artefact = {
    contractName,
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
    immutables: Object.values(evm.deployedBytecode.immutableReferences ?? {}),
    slots: Object.fromEntries(slots) as unknown,
  };
  return `${JSON.stringify(artefact, null, 2)}\n`;
}
