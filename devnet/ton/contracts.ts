import { existsSync, readFileSync } from "node:fs";
import { Cell } from "@ton/core";

interface Artefact {
  /** Bag of cells, base64. */
  readonly code: string;
}

/** The code of a contract of the local chain: a copy of what `contracts/ton` compiles. */
export function readCode(name: "JettonMinter" | "JettonWallet"): Cell {
  return Cell.fromBase64((readJson(`${name}.json`) as Artefact).code);
}

/** Artefacts stay among the sources; compiled JavaScript lies in dist. */
function readJson(file: string): unknown {
  const places = [`./contracts/${file}`, `../../ton/contracts/${file}`];
  const urls = places.map((place) => new URL(place, import.meta.url));
  const found = urls.find((url) => existsSync(url));
  if (!found) throw new Error(`${file} is not among the contracts of this package`);
  return JSON.parse(readFileSync(found, "utf8"));
}
