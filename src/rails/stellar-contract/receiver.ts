import { Address } from "@stellar/stellar-sdk/base";
import type { Entry } from "./entries.ts";
import type { RailAssets } from "./network.ts";

/** A receiver contract as its instance entry describes it. */
export interface ReceiverState {
  /** SHA-256 of its code, hex; null when it is no wasm contract. */
  readonly wasmSha256: string | null;
  /** What its constructor was given, by the name of the storage key. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** Null when the entry is missing or no contract instance. */
export function receiverOf(entry: Entry | null): ReceiverState | null {
  const value = entry?.data.type === "contractData" ? entry.data.value.val : null;
  if (value?.type !== "scvContractInstance") return null;
  const { executable, storage } = value.instance;
  const addresses: Record<string, string> = {};
  for (const { key, val } of storage ?? []) {
    if (key.type === "scvSymbol" && val.type === "scvAddress") {
      addresses[key.sym.toString()] = Address.fromScVal(val).toString();
    }
  }
  const isWasm = executable.type === "contractExecutableWasm";
  return {
    wasmSha256: isWasm ? Buffer.from(executable.value.toBytes()).toString("hex") : null,
    addresses,
  };
}

/** What the constructor must have been given: treasury and the two asset contracts. */
export function expectedAddresses(
  treasury: string,
  assets: RailAssets,
): Readonly<Record<"treasury" | "usdc" | "xlm", string>> {
  return { treasury, usdc: assets.usdc.contractId, xlm: assets.xlm.contractId };
}

/** Sentences about every way in which a receiver is not the one that was meant; empty when it is. */
export function differences(
  receiver: ReceiverState,
  wasmSha256: string,
  expected: Readonly<Record<string, string>>,
): readonly string[] {
  const found: string[] = [];
  if (receiver.wasmSha256 !== wasmSha256) {
    found.push(`its code has the hash ${receiver.wasmSha256 ?? "of no wasm"}, not ${wasmSha256}`);
  }
  for (const [name, address] of Object.entries(expected)) {
    const actual = receiver.addresses[name];
    if (actual !== address) found.push(`its ${name} is ${actual ?? "missing"}, not ${address}`);
  }
  return found;
}
