import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkEvm } from "./rebuild-evm.ts";
import { SOLIDITY_UNITS } from "./solidity.ts";
import { staleArtefacts } from "./solidity-manifest.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

let copy: string;
beforeEach(() => {
  copy = mkdtempSync(path.join(tmpdir(), "solidity-"));
  for (const { folder } of SOLIDITY_UNITS) {
    cpSync(path.join(ROOT, folder), path.join(copy, folder), { recursive: true });
  }
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

function change(file: string, edit: (text: string) => string): void {
  const full = path.join(copy, file);
  writeFileSync(full, edit(readFileSync(full, "utf8")));
}

test("every committed contract is what its manifest says, made from the sources beside it", () => {
  expect(checkEvm(ROOT)).toEqual([]);
});

test.each(SOLIDITY_UNITS)("compiling $name again makes the same files", (unit) => {
  expect(staleArtefacts(ROOT, unit)).toEqual([]);
});

test("a changed source is named, and changes what is compiled", () => {
  change("contracts/evm/DepositForwarder.sol", (text) => text.replace("Transfer", "Sending"));
  expect(checkEvm(copy)).toEqual([
    "evm-contracts: DepositForwarder.sol changed since it was compiled",
  ]);
});

test("turned line ends are no change", () => {
  const turn = (text: string) => text.replaceAll("\n", "\r\n");
  for (const file of ["DepositFactory.sol", "DepositFactory.json"]) {
    change(`contracts/evm/${file}`, turn);
  }
  expect(checkEvm(copy)).toEqual([]);
  expect(SOLIDITY_UNITS.slice(0, 1).flatMap((unit) => staleArtefacts(copy, unit))).toEqual([]);
});

test("another artefact than the manifest's, and than the compiler's, is found", () => {
  change("contracts/evm/DepositFactory.json", (text) => text.replace("addressOf", "addressOff"));
  expect(checkEvm(copy)).toEqual([
    "evm-contracts: DepositFactory.json is not the file the manifest describes",
  ]);
  expect(SOLIDITY_UNITS.slice(0, 1).flatMap((unit) => staleArtefacts(copy, unit))).toEqual([
    "DepositFactory.json",
  ]);
});

test("an added source is found", () => {
  writeFileSync(path.join(copy, "devnet/evm/contracts/Extra.sol"), "");
  expect(checkEvm(copy)).toEqual(["evm-devnet: Extra.sol changed since it was compiled"]);
});

test("another Permit2 is found", () => {
  change("devnet/evm/contracts/predeployed.json", (text) => text.replace("6080", "6081"));
  expect(checkEvm(copy)).toHaveLength(1);
});
