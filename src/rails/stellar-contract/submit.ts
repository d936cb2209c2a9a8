import { xdr } from "@stellar/stellar-sdk/base";
import { done, failed, unknown, type Failed, type Outcome } from "../../outcome.ts";
import { textIn } from "./answer.ts";
import type { Answer, Rpc } from "./rpc.ts";

/** A signed envelope and its hash. */
export interface Envelope {
  readonly txId: string;
  /** TransactionEnvelope, base64 XDR. */
  readonly body: string;
}

/**
 * Gives the bytes to the network. Safe to repeat at any time: the network knows them by their hash. `done`:
 * accepted or already there; `failed`: refused, and if `retryable` the same bytes may be taken later.
 */
export async function submitEnvelope(rpc: Rpc, envelope: Envelope): Promise<Outcome<null>> {
  const refusals: Exclude<Outcome<null>, { kind: "done" }>[] = [];
  // One server's refusal may be its own trouble (it lags, its queue is full), so the others are asked too.
  for (const endpoint of rpc.endpoints()) {
    const answer = await endpoint.call("sendTransaction", { transaction: envelope.body });
    const outcome = await interpret(rpc, envelope, answer);
    if (outcome.kind === "done") return outcome;
    refusals.push(outcome);
  }
  const reason = refusals.map(({ reason: one }) => one).join("; ");
  if (refusals.some(({ kind }) => kind === "unknown")) return unknown(reason);
  const isFinal = refusals.some((one) => one.kind === "failed" && !one.retryable);
  return failed(reason, isFinal ? "final" : "retry");
}

const INVALID_PARAMS = -32602;

async function interpret(rpc: Rpc, envelope: Envelope, answer: Answer): Promise<Outcome<null>> {
  if (answer.kind === "silent") {
    return answer.mayHaveArrived ? unknown(answer.reason) : failed(answer.reason, "retry");
  }
  if (answer.kind === "error") {
    // Other errors ("could not submit transaction to stellar-core") come after the server tried.
    return answer.code === INVALID_PARAMS ? failed(answer.reason, "final") : unknown(answer.reason);
  }
  switch (answer.result["status"]) {
    case "PENDING":
    case "DUPLICATE":
      return done(null);
    // What has been applied already is also refused in these two ways: it is there all the same.
    case "TRY_AGAIN_LATER":
      return (await isOnChain(rpc, envelope.txId))
        ? done(null)
        : failed("the network asks to try again later", "retry");
    case "ERROR":
      return (await isOnChain(rpc, envelope.txId))
        ? done(null)
        : refusal(answer.result["errorResultXdr"]);
    default:
      return unknown("sendTransaction answers with an unknown status");
  }
}

async function isOnChain(rpc: Rpc, txId: string): Promise<boolean> {
  const status = await rpc.read("getTransaction", { hash: txId }, (result) =>
    textIn(result, "status"),
  );
  return status.kind === "done" && status.value !== "NOT_FOUND";
}

/** Refusals that the same bytes may outlive. */
const PASSING = new Set(["txInsufficientFee", "txInternalError", "txTooEarly", "txNoAccount"]);

function refusal(errorResultXdr: unknown): Failed {
  const code = resultCode(errorResultXdr);
  return failed(
    `the network refuses the transaction: ${code}`,
    PASSING.has(code) ? "retry" : "final",
  );
}

/** "txBadSeq", "txTooLate", … or "unreadable". */
export function resultCode(resultXdr: unknown): string {
  if (typeof resultXdr !== "string") return "unreadable";
  try {
    return xdr.TransactionResult.fromXdr(resultXdr, "base64").result.type;
  } catch {
    // The code is only told to people; the refusal stands without it.
    return "unreadable";
  }
}
