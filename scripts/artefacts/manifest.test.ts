import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ARTEFACTS } from "./artefacts.ts";
import { checkManifests, commitArtefact, readManifest } from "./manifest.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** (module (import "env" "f" (func))) */
const IMPORTING = Buffer.from(
  "0061736d01000000010401600000020901 03656e7601660000".replaceAll(" ", ""),
  "hex",
);

let copy: string;
beforeEach(() => {
  copy = mkdtempSync(path.join(tmpdir(), "artefacts-"));
  for (const { crateRoot } of ARTEFACTS) {
    const target = path.join(ROOT, crateRoot, "target");
    const options = { recursive: true, filter: (from: string) => from !== target };
    cpSync(path.join(ROOT, crateRoot), path.join(copy, crateRoot), options);
  }
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

function change(file: string, edit: (text: string) => string): void {
  const full = path.join(copy, file);
  writeFileSync(full, edit(readFileSync(full, "utf8")));
}

test("every committed artefact is what its manifest says, made from the sources beside it", () => {
  expect(checkManifests(ROOT)).toEqual([]);
});

test("a changed source is named", () => {
  change("contracts/stellar/receiver/src/lib.rs", (text) => `${text}\n`);
  expect(checkManifests(copy)).toEqual([
    "receiver: receiver/src/lib.rs changed since it was built",
  ]);
});

test("an added and a missing source are named", () => {
  writeFileSync(path.join(copy, "contracts/stellar/oracle/src/extra.rs"), "");
  rmSync(path.join(copy, "devnet/stellar/host/src/fees.rs"));
  expect(checkManifests(copy)).toEqual([
    "oracle: oracle/src/extra.rs changed since it was built",
    "soroban-host: src/fees.rs changed since it was built",
  ]);
});

test("unit tests are no part of an artefact, and turned line ends are no change", () => {
  change("contracts/stellar/receiver/src/test.rs", () => "");
  change("contracts/stellar/receiver/src/lib.rs", (text) => text.replaceAll("\n", "\r\n"));
  expect(checkManifests(copy)).toEqual([]);
});

test("another artefact than the manifest's is found", () => {
  const file = path.join(copy, "contracts/stellar/receiver.wasm");
  const wasm = readFileSync(file);
  wasm[wasm.length - 1] = (wasm.at(-1) ?? 0) ^ 1;
  writeFileSync(file, wasm);
  const wanted = "receiver: contracts/stellar/receiver.wasm is not the file its manifest describes";
  expect(checkManifests(copy)).toEqual([wanted]);
});

test("another version of the SDK in the lock file is found", () => {
  const bump = (text: string) =>
    text.replace(/(name = "soroban-sdk"\nversion = )".+"/, '$1"27.9.9"');
  change("contracts/stellar/Cargo.lock", bump);
  const problems = checkManifests(copy);
  expect(problems).toContain(
    "receiver: it was made with another soroban-sdk than the 27.9.9 of Cargo.lock",
  );
  expect(problems).toContain("receiver: Cargo.lock changed since it was built");
});

test("a host module that asks for something from outside is found, however well described", () => {
  const host = ARTEFACTS.find(({ name }) => name === "soroban-host");
  if (host === undefined) throw new Error("no such artefact");
  commitArtefact(copy, host, IMPORTING, readManifest(copy, host));
  expect(checkManifests(copy)).toEqual(["soroban-host: it imports env.f"]);
});
