import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Cell } from "@ton/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TOLK_UNITS } from "./tolk.ts";
import { checkTolk, staleTolk } from "./tolk-manifest.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

let copy: string;
beforeEach(() => {
  copy = mkdtempSync(path.join(tmpdir(), "tolk-"));
  for (const { folder, copies } of TOLK_UNITS) {
    for (const part of [folder, ...Object.keys(copies)]) {
      cpSync(path.join(ROOT, part), path.join(copy, part), { recursive: true });
    }
  }
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

function change(file: string, edit: (text: string) => string): void {
  const full = path.join(copy, file);
  writeFileSync(full, edit(readFileSync(full, "utf8")));
}

test("every committed contract is what its manifest says, made from the sources beside it", async () => {
  expect(await checkTolk(ROOT)).toEqual([]);
});

test.each(TOLK_UNITS)("compiling $name again makes the same files", async (unit) => {
  expect(await staleTolk(ROOT, unit)).toEqual([]);
});

test("the hash that an artefact names is that of its code", () => {
  const names = TOLK_UNITS.flatMap(({ folder, contracts, foreign }) =>
    [...contracts, ...foreign].map((contract) => `${folder}/${contract}.json`),
  );
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) {
    const text = readFileSync(path.join(ROOT, name), "utf8");
    const { code, codeHash } = JSON.parse(text) as { code: string; codeHash: string };
    expect(Cell.fromBase64(code).hash().toString("hex"), name).toBe(codeHash);
  }
});

test("the highload wallet is the one that explorers know", () => {
  const text = readFileSync(path.join(ROOT, "contracts/ton/HighloadWalletV3.json"), "utf8");
  const { codeHash } = JSON.parse(text) as { codeHash: string };
  expect(codeHash).toBe("11acad7955844090f283bf238bc1449871f783e7cc0979408d3f4859483e8525");
});

test("a changed source is named, and changes what is compiled", async () => {
  change("contracts/ton/JettonMessages.tolk", (text) => text.replace("= 74", "= 75"));
  expect(await checkTolk(copy)).toEqual([
    "ton-contracts: JettonMessages.tolk changed since it was compiled",
  ]);
  const [unit] = TOLK_UNITS;
  expect(unit && (await staleTolk(copy, unit))).toEqual(["JettonMinter.json", "JettonWallet.json"]);
});

test("turned line ends are no change", async () => {
  for (const file of ["JettonWallet.tolk", "JettonWallet.json"]) {
    change(`contracts/ton/${file}`, (text) => text.replaceAll("\n", "\r\n"));
  }
  expect(await checkTolk(copy)).toEqual([]);
});

test("a source that does not compile is an error with the compiler's words", async () => {
  change("contracts/ton/JettonWallet.tolk", (text) => text.replace("state.balance", "state.purse"));
  const [unit] = TOLK_UNITS;
  await expect(unit && staleTolk(copy, unit)).rejects.toThrow("purse");
});

test("another artefact than the manifest's, and another copy, are found", async () => {
  change("devnet/ton/contracts/JettonMinter.json", (text) => text.replace("Minter", "Printer"));
  change("contracts/ton/HighloadWalletV3.json", (text) => text.replace("11acad", "22acad"));
  expect(await checkTolk(copy)).toEqual([
    "ton-contracts: HighloadWalletV3.json is not the file the manifest describes",
    "ton-contracts: devnet/ton/contracts/JettonMinter.json is not a copy of the artefact",
  ]);
});
