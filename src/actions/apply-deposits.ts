import { matchDeposit, type Match } from "../orders/match.ts";
import type { Order } from "../orders/order.ts";
import type { Deposit, DepositPage } from "../rails/rail.ts";
import type { DepositRow, Tx, UnmatchedReason } from "../store/tx.ts";
import { depositEntry } from "../treasury/ledger.ts";
import { advanceOrder } from "./advance-order.ts";
import { owePayout } from "./owe-refund.ts";
import { postEntry } from "./post-entry.ts";

export interface ApplyDepositsInput {
  readonly railId: string;
  /** The cursor that the page was read from. */
  readonly before: string | null;
  readonly page: DepositPage;
  readonly terms: DepositTerms;
  readonly nowMs: number;
}

export interface DepositTerms {
  /** How long an unmatched payment rests before it is sent back. */
  readonly holdMs: number;
  /** Excess below this many base units is kept, by asset id: sending it back would cost more. */
  readonly dustAtomic: Readonly<Record<string, bigint>>;
}

export interface ApplyDepositsResult {
  /** False: another watcher moved the cursor first, nothing was written. */
  readonly isApplied: boolean;
  readonly matched: number;
  readonly unmatched: readonly { readonly depositId: string; readonly reason: UnmatchedReason }[];
  readonly unreadable: number;
}

/**
 * Books one page of a rail's deposits and moves the rail's cursor, in one transaction. A page that is seen
 * again, whole or in part, changes nothing.
 */
export async function applyDeposits(
  tx: Tx,
  input: ApplyDepositsInput,
): Promise<ApplyDepositsResult> {
  const { railId, page, nowMs } = input;
  const { cursor, height, chainTimeMs } = page;
  const saved = await tx.cursors.save(
    { railId, cursor, height, chainTimeMs, savedAtMs: nowMs },
    input.before,
  );
  if (!saved) return { isApplied: false, matched: 0, unmatched: [], unreadable: 0 };
  let matched = 0;
  const unmatched: { depositId: string; reason: UnmatchedReason }[] = [];
  for (const deposit of page.deposits) {
    const booked = await applyDeposit(tx, deposit, input);
    if (booked === null) continue;
    if (booked.reason === null) matched++;
    else unmatched.push({ depositId: booked.id, reason: booked.reason });
  }
  let unreadable = 0;
  for (const { txId, index, ...rest } of page.unreadable) {
    const row = { id: `${railId}|${txId}|${index}`, railId, ...rest, seenAtMs: nowMs };
    if (await tx.deposits.insertDeadLetter(row)) unreadable++;
  }
  return { isApplied: true, matched, unmatched, unreadable };
}

/** Null when the deposit has been seen before. */
async function applyDeposit(
  tx: Tx,
  deposit: Deposit,
  input: ApplyDepositsInput,
): Promise<DepositRow | null> {
  const { railId, nowMs } = input;
  const order = await tx.orders.byId(deposit.orderRef);
  const match = matchDeposit(order, {
    assetId: deposit.amount.asset.id,
    atomic: deposit.amount.atomic,
    chainTimeMs: deposit.chainTimeMs,
  });
  const row = rowOf(deposit, { railId, match, nowMs });
  if (!(await tx.deposits.insert(row))) return null;
  const keptAtomic = keptExcess(match, row.assetId, input.terms);
  const paid = match.kind === "accepted" ? { ...match, keptAtomic } : null;
  await postEntry(tx, depositEntry({ ...row, match: paid }), nowMs);
  if (match.kind === "unmatched") await holdUnmatched(tx, row, input);
  else if (order !== null) await acceptPayment(tx, { deposit, row, order, match }, input);
  return row;
}

function rowOf(
  deposit: Deposit,
  at: { readonly railId: string; readonly match: Match; readonly nowMs: number },
): DepositRow {
  const isAccepted = at.match.kind === "accepted";
  return {
    id: `${at.railId}|${deposit.txId}|${deposit.index}`,
    railId: at.railId,
    txId: deposit.txId,
    index: deposit.index,
    orderRef: deposit.orderRef,
    orderId: isAccepted ? deposit.orderRef : null,
    reason: at.match.kind === "unmatched" ? at.match.reason : null,
    assetId: deposit.amount.asset.id,
    symbol: deposit.amount.asset.symbol,
    atomic: deposit.amount.atomic,
    from: deposit.from,
    height: deposit.height,
    chainTimeMs: deposit.chainTimeMs,
    seenAtMs: at.nowMs,
  };
}

/** The payer is proven, so the money goes back by itself; an unknown order is left to the operator. */
async function holdUnmatched(tx: Tx, row: DepositRow, input: ApplyDepositsInput): Promise<void> {
  if (row.reason === "order_unknown" || row.atomic <= 0n) return;
  const { nowMs } = input;
  await owePayout(tx, {
    deposit: row,
    cause: "unmatched",
    atomic: row.atomic,
    dueAtMs: nowMs + input.terms.holdMs,
    nowMs,
  });
}

/** Excess that is not worth sending back; 0n when it is sent back, or there is none. */
function keptExcess(match: Match, assetId: string, { dustAtomic }: DepositTerms): bigint {
  if (match.kind !== "accepted") return 0n;
  return match.excessAtomic > (dustAtomic[assetId] ?? 0n) ? 0n : match.excessAtomic;
}

async function acceptPayment(
  tx: Tx,
  paid: {
    readonly deposit: Deposit;
    readonly row: DepositRow;
    readonly order: Order;
    readonly match: Extract<Match, { kind: "accepted" }>;
  },
  input: ApplyDepositsInput,
): Promise<void> {
  const { deposit, row, order, match } = paid;
  const { nowMs } = input;
  const { id: depositId, railId, assetId, symbol, atomic, from } = row;
  const payment = {
    depositId,
    railId,
    assetId,
    symbol,
    atomic,
    priceAtomic: match.priceAtomic,
    from,
  };
  const facts = {
    rail: railId,
    tx_id: row.txId,
    height: row.height,
    chain_time: new Date(row.chainTimeMs).toISOString(),
  };
  await advanceOrder(
    tx,
    order.id,
    deposit.isFinal
      ? {
          event: "payment_confirmed",
          facts,
          changes: { payment, deadlineAtMs: nowMs + order.fulfilWithinMs },
          nowMs,
        }
      : { event: "deposit_matched", facts, changes: { payment }, nowMs },
  );
  if (match.excessAtomic > 0n && keptExcess(match, assetId, input.terms) === 0n)
    await owePayout(tx, {
      deposit: row,
      cause: "excess",
      atomic: match.excessAtomic,
      dueAtMs: nowMs,
      nowMs,
    });
}
