import type { Runtime } from "../runtime.ts";
import { chainFailure, contractErrorIn, resultName } from "./chain-error.ts";
import { PaymentUnknownError, RpcError, type PaymentFailedError } from "./errors.ts";
import type { PaymentRecord } from "./record.ts";
import type { StellarRpc, TransactionSeen } from "./rpc.ts";

/** How a signed payment ended, as proven by the chain. */
export type Settled =
  | { readonly kind: "applied"; readonly ledger: number }
  /** In a ledger, without effect: sequence number and fee are spent. */
  | { readonly kind: "failed"; readonly error: PaymentFailedError }
  /** It is in no ledger and can be in none any more. */
  | { readonly kind: "dead" }
  /** The network will not take it now; the bytes stay valid until their time bound. */
  | { readonly kind: "rejected"; readonly error: PaymentFailedError };

export interface SettleDeps {
  readonly rpc: StellarRpc;
  readonly runtime: Runtime;
  /** Ends the search; the reason is thrown. */
  readonly signal: AbortSignal;
  /** The network has taken the bytes (possibly not for the first time). */
  readonly onSent: () => void;
}

const FIRST_LOOK_MS = 300;
const MAX_LOOK_MS = 2_000;
/** A transaction that waited two ledgers may have been dropped from a queue: offer it again. */
const SEND_AGAIN_MS = 10_000;
const BUSY_MS = 1_500;

/** Result codes that the same bytes may outlive: offer them again. */
const PASSING_REJECTIONS = new Set(["txINSUFFICIENT_FEE", "txINTERNAL_ERROR", "txTOO_EARLY"]);
/** Result codes that only the chain's history can explain. */
const SPENT_REJECTIONS = new Set(["txBAD_SEQ", "txTOO_LATE"]);

/**
 * Sends the record's bytes and looks until the chain itself says how they ended. Servers that fail or lag are waited for.
 *
 * @param isNew Never sent before: send first, then look. Otherwise look first.
 * @throws PaymentUnknownError when the server's history no longer reaches back to the signing
 */
export async function settle(
  record: PaymentRecord,
  isNew: boolean,
  deps: SettleDeps,
): Promise<Settled> {
  const { rpc, runtime, signal } = deps;
  let sendAtMs: number | null = isNew ? runtime.nowMs() : null;
  let rejection: string | null = null;
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(lookMs * 1.15, MAX_LOOK_MS)) {
    if (sendAtMs !== null && runtime.nowMs() >= sendAtMs) {
      const offered = await offer(record, deps);
      rejection = offered.rejection;
      sendAtMs = runtime.nowMs() + offered.againMs;
    }
    const seen = await reachable(() => rpc.transaction(record.hash, signal), signal);
    const settled = seen === null ? null : await judge(record, { seen, rejection }, deps);
    if (settled !== null) return settled;
    if (seen !== null && sendAtMs === null) sendAtMs = runtime.nowMs();
    else await runtime.sleep(lookMs * (0.8 + runtime.random() * 0.4), signal);
  }
}

/** Null when the server could not be asked. */
async function reachable<Value>(
  ask: () => Promise<Value>,
  signal: AbortSignal,
): Promise<Value | null> {
  try {
    return await ask();
  } catch (error) {
    if (signal.aborted || !(error instanceof RpcError)) throw error;
    // It will be asked again; the deadline is the caller's.
    return null;
  }
}

interface Offered {
  /** Name of the result with which the network refused; null when it did not. */
  readonly rejection: string | null;
  readonly againMs: number;
}

async function offer(record: PaymentRecord, { rpc, signal, onSent }: SettleDeps): Promise<Offered> {
  const answer = await reachable(() => rpc.send(record.envelope, signal), signal);
  if (answer === null || answer.status === "TRY_AGAIN_LATER")
    return { rejection: null, againMs: BUSY_MS };
  if (answer.status === "ERROR") {
    const rejection = resultName(answer.errorResultXdr);
    return { rejection, againMs: PASSING_REJECTIONS.has(rejection) ? BUSY_MS : SEND_AGAIN_MS };
  }
  onSent();
  return { rejection: null, againMs: SEND_AGAIN_MS };
}

interface Evidence {
  readonly seen: TransactionSeen;
  readonly rejection: string | null;
}

async function judge(
  record: PaymentRecord,
  { seen, rejection }: Evidence,
  deps: SettleDeps,
): Promise<Settled | null> {
  if (seen.status === "SUCCESS") return { kind: "applied", ledger: seen.ledger ?? 0 };
  if (seen.status === "FAILED")
    return {
      kind: "failed",
      error: chainFailure("failed", {
        contractError: contractErrorIn(seen.diagnosticEventsXdr),
        resultName: resultName(seen.resultXdr),
        hash: record.hash,
      }),
    };
  const isOver = seen.latestCloseTimeS > record.maxTimeS;
  if (isOver || rejection === "txBAD_SEQ") return proveDead(record, { seen, isOver }, deps);
  if (rejection === null || PASSING_REJECTIONS.has(rejection) || SPENT_REJECTIONS.has(rejection))
    return null;
  const error = chainFailure("rejected", {
    contractError: null,
    resultName: rejection,
    hash: record.hash,
  });
  return { kind: "rejected", error };
}

/**
 * Whether bytes that are not found can never be applied:
 *
 * | chain time past the bound | the account's sequence number | history since the signing | answer  |
 * |---------------------------|-------------------------------|---------------------------|---------|
 * | yes                       | not yet the record's          | not needed                | dead    |
 * | any                       | used up                       | whole, still not found    | dead    |
 * | any                       | used up                       | cut                       | unknown |
 * | no                        | not yet the record's          |                           | alive   |
 *
 * The account is read after the first look and the transaction looked up again after the account, on a server that has seen
 * at least as much: one lagging answer proves nothing.
 */
async function proveDead(
  record: PaymentRecord,
  { seen, isOver }: { readonly seen: TransactionSeen; readonly isOver: boolean },
  { rpc, signal }: SettleDeps,
): Promise<Settled | null> {
  const holder = await reachable(() => rpc.account(record.payer, null, signal), signal);
  if (holder === null || holder.latestLedger < seen.latestLedger) return null;
  // A merged account used its number for good; it says no more than a used number.
  const isUsedUp = holder.account === null || holder.account.sequence >= BigInt(record.sequence);
  if (!isUsedUp) return isOver ? { kind: "dead" } : null;
  const again = await reachable(() => rpc.transaction(record.hash, signal), signal);
  if (again === null || again.latestLedger < holder.latestLedger || again.status !== "NOT_FOUND")
    return null;
  if (again.oldestLedger <= record.signedAtLedger) return { kind: "dead" };
  throw new PaymentUnknownError(
    { ...record, validUntil: new Date(record.maxTimeS * 1000).toISOString() },
    "the RPC server's history begins after the payment was signed, so it cannot tell",
  );
}
