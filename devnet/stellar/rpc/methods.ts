import { getEvents } from "./get-events.ts";
import { getLedgerEntries } from "./get-ledger-entries.ts";
import { RPC_CODE, RpcError } from "./json-rpc.ts";
import { getLatestLedger, getLedgers } from "./ledgers.ts";
import type { RpcMethod } from "./method.ts";
import { getFeeStats, getHealth, getNetwork, getVersionInfo } from "./network.ts";
import { simulateTransaction } from "./simulate-transaction.ts";
import { getTransaction, getTransactions, sendTransaction } from "./transactions.ts";

const METHODS = new Map<string, RpcMethod>(
  Object.entries({
    getEvents,
    getFeeStats,
    getHealth,
    getLatestLedger,
    getLedgerEntries,
    getLedgers,
    getNetwork,
    getTransaction,
    getTransactions,
    getVersionInfo,
    sendTransaction,
    simulateTransaction,
  }),
);

/** @throws RpcError if there is no such method */
export function rpcMethod(name: string): RpcMethod {
  const method = METHODS.get(name);
  if (method) return method;
  throw new RpcError(RPC_CODE.methodNotFound, `method not found: ${JSON.stringify(name)}`);
}
