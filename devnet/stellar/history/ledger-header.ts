import { createHash } from "node:crypto";
import { xdr } from "@stellar/stellar-sdk";
import type { NetworkSettings } from "../settings.ts";
import type { LedgerRecord } from "./records.ts";

/** All the XLM there is, in stroops. */
export const TOTAL_COINS = 1_000_000_000_000_000_000n;

const NO_HASH = new Uint8Array(32);
const GENESIS_HASH = "0".repeat(64);

export type UnsealedLedger = Omit<LedgerRecord, "hash" | "previousHash">;

/** Gives a ledger its place in the chain of hashes; `previous` is null for the first one. */
export function sealLedger(
  ledger: UnsealedLedger,
  previous: LedgerRecord | null,
  settings: HeaderSettings,
): LedgerRecord {
  const open = { ...ledger, hash: "", previousHash: previous?.hash ?? GENESIS_HASH };
  const digest = createHash("sha256").update(ledgerHeader(open, settings).toXdr()).digest("hex");
  return { ...open, hash: digest };
}

export type HeaderSettings = Pick<
  NetworkSettings,
  "baseFeeStroops" | "baseReserveStroops" | "ledgerMaxTransactions"
> & { readonly protocolVersion: number };

/** There is no bucket list here: its hash is zero. */
export function ledgerHeader(ledger: LedgerRecord, settings: HeaderSettings): xdr.LedgerHeader {
  const { transactions } = ledger;
  return new xdr.LedgerHeader({
    ledgerVersion: settings.protocolVersion,
    previousLedgerHash: Buffer.from(ledger.previousHash, "hex"),
    scpValue: new xdr.StellarValue({
      txSetHash: digestOf(transactions.map(({ hash }) => hash)),
      closeTime: BigInt(ledger.closeTimeS),
      upgrades: [],
      ext: xdr.StellarValueExt.stellarValueBasic(),
    }),
    txSetResultHash: digestOf(transactions.map(({ result }) => result)),
    bucketListHash: NO_HASH,
    ledgerSeq: ledger.sequence,
    totalCoins: TOTAL_COINS,
    feePool: ledger.feePoolStroops,
    inflationSeq: 0,
    idPool: 0n,
    baseFee: settings.baseFeeStroops,
    baseReserve: settings.baseReserveStroops,
    maxTxSetSize: settings.ledgerMaxTransactions,
    skipList: [NO_HASH, NO_HASH, NO_HASH, NO_HASH],
    ext: xdr.LedgerHeaderExt.v0(),
  });
}

function digestOf(texts: readonly string[]): Uint8Array {
  return texts.length === 0 ? NO_HASH : createHash("sha256").update(texts.join()).digest();
}
