import { existsSync, readFileSync } from "node:fs";
import type { Address, Hex } from "./hex.ts";

interface Artefact {
  readonly deployedBytecode: Hex;
  /** Storage slots by the name of the variable. */
  readonly slots: Readonly<Record<string, number>>;
}

/** A contract of the local chain that is compiled from `contracts/`. */
export function readArtefact(name: "MockUsdc" | "MockUsdt" | "StandInExactPermit2Proxy"): Artefact {
  return readJson(`${name}.json`) as Artefact;
}

/** A contract as it lies on every chain, at the address it has there. */
export interface Predeployed {
  readonly address: Address;
  readonly code: Hex;
}

export function readPredeployed(): Readonly<Record<"Permit2" | "Multicall3", Predeployed>> {
  return readJson("predeployed.json") as Readonly<Record<"Permit2" | "Multicall3", Predeployed>>;
}

/** Artefacts stay among the sources; compiled JavaScript lies in dist. */
function readJson(file: string): unknown {
  const places = [`./contracts/${file}`, `../../evm/contracts/${file}`];
  const urls = places.map((place) => new URL(place, import.meta.url));
  const found = urls.find((url) => existsSync(url));
  if (!found) throw new Error(`${file} is not among the contracts of this package`);
  return JSON.parse(readFileSync(found, "utf8"));
}
