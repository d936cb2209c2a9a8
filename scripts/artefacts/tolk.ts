import { readFileSync } from "node:fs";
import path from "node:path";
import { getTolkCompilerVersion, runTolkCompiler } from "@ton/tolk-js";

/** Contracts that are compiled together: `<name>.tolk` makes `<name>.json` in the same folder. */
export interface TolkUnit {
  readonly name: string;
  readonly folder: string;
  readonly contracts: readonly string[];
  /** Committed artefacts whose source is another project's: described by the manifest, never compiled. */
  readonly foreign: readonly string[];
  /** Folders that hold copies, because what is published from there cannot reach outside. */
  readonly copies: Readonly<Record<string, readonly string[]>>;
}

export const TOLK_UNITS: readonly TolkUnit[] = [
  {
    name: "ton-contracts",
    folder: "contracts/ton",
    contracts: ["DepositForwarder", "JettonMinter", "JettonWallet"],
    foreign: ["HighloadWalletV3"],
    copies: { "devnet/ton/contracts": ["JettonMinter", "JettonWallet"] },
  },
];

export const OPTIMIZATION_LEVEL = 2;

/** `tolk 1.3.0` */
export async function tolkVersion(): Promise<string> {
  return `tolk ${await getTolkCompilerVersion()}`;
}

/** The text of every artefact by its file name. Throws what the compiler complains about, warnings too. */
export async function compileTolk(
  root: string,
  unit: TolkUnit,
): Promise<Readonly<Record<string, string>>> {
  const artefacts: [string, string][] = [];
  for (const contractName of unit.contracts) {
    const result = await runTolkCompiler({
      entrypointFileName: `${contractName}.tolk`,
      fsReadCallback: (file) => readText(root, `${unit.folder}/${file}`),
      optimizationLevel: OPTIMIZATION_LEVEL,
    });
    if (result.status === "error") throw new Error(result.message);
    if (result.stderr !== "") throw new Error(result.stderr);
    const artefact = {
      contractName,
      code: result.codeBoc64,
      codeHash: result.codeHashHex.toLowerCase(),
    };
    artefacts.push([`${contractName}.json`, `${JSON.stringify(artefact, null, 2)}\n`]);
  }
  return Object.fromEntries(artefacts);
}

/** Line ends are made equal: a checkout may have turned them. */
export function readText(root: string, file: string): string {
  return readFileSync(path.join(root, file), "utf8").replaceAll("\r\n", "\n");
}
