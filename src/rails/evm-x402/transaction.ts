import type { RpcLog } from "viem";
import type { ServerClient } from "../../chains/evm/client.ts";
import { MalformedAnswer } from "../../chains/evm/finality.ts";
import type { Hex } from "./promise.ts";

/** What a transaction says beside its transfers. */
export interface TransactionFacts {
  /** Null: it created a contract. */
  readonly to: Hex | null;
  readonly input: Hex;
  readonly logs: readonly RpcLog[];
}

/** @throws MalformedAnswer when the server does not have what it just told of: it is asked again later */
export async function readTransaction(server: ServerClient, txId: Hex): Promise<TransactionFacts> {
  const [receipt, transaction] = await Promise.all([
    server.request({ method: "eth_getTransactionReceipt", params: [txId] }),
    server.request({ method: "eth_getTransactionByHash", params: [txId] }),
  ]);
  if (receipt === null || transaction === null)
    throw new MalformedAnswer(`the server does not have transaction ${txId} yet`);
  const { to, input } = transaction;
  return { to, input, logs: receipt.logs };
}
