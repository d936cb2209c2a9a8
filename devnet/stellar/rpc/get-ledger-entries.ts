import { xdr } from "@stellar/stellar-sdk";
import type { StoredEntry } from "../ledger/state.ts";
import { invalidParams, listParam, refuseJsonFormat } from "./json-rpc.ts";
import type { RpcMethod } from "./method.ts";

const MAX_KEYS = 200;

/** Entries that are there; temporary ones whose time is over are not, archived ones are. */
export const getLedgerEntries: RpcMethod = ({ chain }, params) => {
  refuseJsonFormat(params);
  const keys = listParam(params, "keys");
  if (keys.length > MAX_KEYS)
    throw invalidParams(`key count (${keys.length}) exceeds maximum supported (${MAX_KEYS})`);
  const latestLedger = chain.history.latest.sequence;
  const entries = keys
    .map((key, index) => chain.state.get(canonicalKey(key, index)))
    .filter((stored) => stored !== null)
    .filter((stored) => !isGone(stored, latestLedger));
  return {
    entries: entries.map(({ key, entry, liveUntilLedger }) => ({
      key,
      xdr: entry.data.toXdr("base64"),
      lastModifiedLedgerSeq: entry.lastModifiedLedgerSeq,
      ...(liveUntilLedger !== null && { liveUntilLedgerSeq: liveUntilLedger }),
      extXdr: entry.ext.toXdr("base64"),
    })),
    latestLedger,
  };
};

function canonicalKey(text: unknown, index: number): string {
  let key: xdr.LedgerKey;
  try {
    key = xdr.LedgerKey.fromXdr(String(text), "base64");
  } catch {
    throw invalidParams(`cannot unmarshal key value ${String(text)} at index ${index}`);
  }
  if (key.type === "ttl") {
    throw invalidParams(`ledger ttl entries cannot be queried directly at index ${index}`);
  }
  return key.toXdr("base64");
}

function isGone({ entry, liveUntilLedger }: StoredEntry, latestLedger: number): boolean {
  if (liveUntilLedger === null || liveUntilLedger >= latestLedger) return false;
  const { data } = entry;
  return data.type === "contractData" && data.contractData.durability.name === "temporary";
}
