import type { Fault } from "../faults.ts";
import { transactionResult } from "../transactions/results.ts";
import { isObject, type RpcCall, RpcError } from "./json-rpc.ts";
import { historyRange, type RpcContext } from "./method.ts";
import { rpcMethod } from "./methods.ts";

/** Carries out calls, with the faults that stay within JSON-RPC. */
export interface RpcAnswerer {
  /** @throws RpcError */
  answer(context: RpcContext, call: RpcCall, fault: Fault | null): unknown;
}

export function createAnswerer(): RpcAnswerer {
  let lastPage: unknown = null;
  return {
    answer(context, call, fault) {
      const instead = fault && answerInstead(context, call, fault);
      if (instead) return instead;
      if (fault?.kind === "repeat_page" && lastPage) return lastPage;
      const result = rpcMethod(call.method)(context, call.params);
      if (call.method === "getEvents") lastPage = result;
      if (fault?.kind === "lose_transaction" && isObject(result)) {
        context.chain.lose(String(result["hash"]));
      }
      return result;
    },
  };
}

/** An answer without doing anything, or null. */
function answerInstead({ chain }: RpcContext, call: RpcCall, fault: Fault): unknown {
  const range = historyRange(chain.history);
  const { latestLedger, latestLedgerCloseTime } = range;
  switch (fault.kind) {
    case "rpc_error":
      throw new RpcError(fault.code, fault.message);
    case "not_found":
      return { status: "NOT_FOUND", txHash: call.params["hash"], ...range };
    case "try_again_later":
    case "reject_transaction": {
      const hash = chain.hashOf(String(call.params["transaction"]));
      if (fault.kind === "try_again_later") {
        return { status: "TRY_AGAIN_LATER", hash, latestLedger, latestLedgerCloseTime };
      }
      const end = { code: fault.code };
      const result = transactionResult({ feeChargedStroops: 100n, end, innerHash: null });
      const errorResultXdr = result.toXdr("base64");
      return { status: "ERROR", hash, latestLedger, latestLedgerCloseTime, errorResultXdr };
    }
    default:
      return null;
  }
}
