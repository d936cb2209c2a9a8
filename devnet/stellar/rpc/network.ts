import type { TransactionRecord } from "../history/records.ts";
import type { RpcMethod } from "./method.ts";

/** Ledgers that fee statistics look back on, as stellar-rpc does for each kind. */
const CLASSIC_WINDOW = 10;
const SOROBAN_WINDOW = 50;
const PERCENTILES = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99];

export const getHealth: RpcMethod = ({ chain, retentionLedgers }) => ({
  status: "healthy",
  latestLedger: chain.history.latest.sequence,
  oldestLedger: chain.history.oldest.sequence,
  ledgerRetentionWindow: retentionLedgers,
});

export const getNetwork: RpcMethod = ({ chain, friendbotUrl }) => ({
  ...(friendbotUrl && { friendbotUrl }),
  passphrase: chain.passphrase,
  protocolVersion: chain.headerSettings.protocolVersion,
});

export const getVersionInfo: RpcMethod = ({ chain }) => {
  const { protocolVersion } = chain.headerSettings;
  const version = "vend402-devnet";
  return {
    version,
    commitHash: "",
    buildTimestamp: "",
    captiveCoreVersion: `${version} on soroban-env-host, protocol ${protocolVersion}`,
    protocolVersion,
  };
};

export const getFeeStats: RpcMethod = ({ chain }) => {
  const { latest } = chain.history;
  const recent = (ledgers: number, soroban: boolean) => {
    const transactions: TransactionRecord[] = [];
    for (let back = 0; back < ledgers; back += 1) {
      const ledger = chain.history.ledger(latest.sequence - back);
      transactions.push(...(ledger?.transactions ?? []).filter((one) => one.soroban === soroban));
    }
    return distribution(transactions, ledgers);
  };
  return {
    sorobanInclusionFee: recent(SOROBAN_WINDOW, true),
    inclusionFee: recent(CLASSIC_WINDOW, false),
    latestLedger: latest.sequence,
  };
};

/** Stroops per operation. Without transactions everything is 0, as the network answers. */
function distribution(
  transactions: readonly TransactionRecord[],
  ledgerCount: number,
): Record<string, string | number> {
  const fees = transactions.map((one) => one.inclusionFeeStroops).toSorted((a, b) => a - b);
  const at = (percent: number) => fees[Math.ceil((percent / 100) * fees.length) - 1] ?? 0;
  return {
    max: String(fees.at(-1) ?? 0),
    min: String(fees[0] ?? 0),
    mode: String(mode(fees)),
    ...Object.fromEntries(PERCENTILES.map((percent) => [`p${percent}`, String(at(percent))])),
    transactionCount: String(fees.length),
    ledgerCount,
  };
}

function mode(fees: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const fee of fees) counts.set(fee, (counts.get(fee) ?? 0) + 1);
  const [most] = [...counts].toSorted((a, b) => b[1] - a[1]);
  return most?.[0] ?? 0;
}
