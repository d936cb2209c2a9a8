import { assert } from "../errors.ts";
import { matchDeposit, type Match } from "../orders/match.ts";
import type { Order } from "../orders/order.ts";
import type { Deposit, DepositPage } from "../rails/rail.ts";
import type {
  AuthorizationRow,
  DepositChanges,
  DepositRow,
  UnmatchedReason,
} from "../store/rows.ts";
import type { Tx } from "../store/tx.ts";
import { depositEntry } from "../treasury/ledger.ts";
import { advanceOrder } from "./advance-order.ts";
import { dropDeposit, recoverDeposit, type DropAnswer } from "./drop-deposit.ts";
import { owePayout, releasePayouts } from "./owe-refund.ts";
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
  /** How far below the price a payment may be; USD with 6 decimals, 0n where amounts are exact. */
  readonly toleranceUsdMicro: bigint;
}

export interface ApplyDepositsResult {
  /** False: another watcher moved the cursor first, nothing was written. */
  readonly isApplied: boolean;
  /** Deposits that became an order's payment. */
  readonly matched: number;
  /** Those that are final and nobody's payment. */
  readonly unmatched: readonly { readonly depositId: string; readonly reason: UnmatchedReason }[];
  /** Those that the chain took back. */
  readonly dropped: readonly { readonly depositId: string; readonly answer: DropAnswer }[];
  readonly unreadable: number;
}

const NOTHING = { matched: 0, unmatched: [], dropped: [], unreadable: 0 };

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
  if (!saved) return { isApplied: false, ...NOTHING };
  const dropped = await dropMissing(tx, input);
  let matched = 0;
  const unmatched: { depositId: string; reason: UnmatchedReason }[] = [];
  for (const deposit of page.deposits) {
    const booked = await applyDeposit(tx, deposit, input);
    if (booked === null) continue;
    if (booked.reason === null) matched++;
    else if (booked.state === "final")
      unmatched.push({ depositId: booked.id, reason: booked.reason });
  }
  let unreadable = 0;
  for (const { txId, index, ...rest } of page.unreadable) {
    const row = { id: `${railId}|${txId}|${index}`, railId, ...rest, seenAtMs: nowMs };
    if (await tx.deposits.insertDeadLetter(row)) unreadable++;
  }
  return { isApplied: true, matched, unmatched, dropped, unreadable };
}

/** Takes back what was reported above the page's lower end and is not in the page, or not as it was. */
async function dropMissing(
  tx: Tx,
  input: ApplyDepositsInput,
): Promise<ApplyDepositsResult["dropped"]> {
  const { railId, page, terms, nowMs } = input;
  if (page.wholeAboveHeight === undefined) return [];
  const present = new Map(page.deposits.map((one) => [depositId(railId, one), one]));
  const dropped: { depositId: string; answer: DropAnswer }[] = [];
  for (const row of await tx.deposits.above(railId, page.wholeAboveHeight)) {
    if (row.state === "dropped" || row.state === "lost") continue;
    const found = present.get(row.id);
    if (found !== undefined && isSame(row, found)) continue;
    const keptAtomic = await keptOf(tx, row, terms);
    dropped.push({ depositId: row.id, answer: await dropDeposit(tx, { row, keptAtomic, nowMs }) });
  }
  return dropped;
}

/**
 * A transaction may do something else when it is carried out in another block; and what had counted as final
 * has to become final anew there.
 */
function isSame(row: DepositRow, found: Deposit): boolean {
  const { amount, from, authorizationRef = null, orderRef } = found;
  if (row.atomic !== amount.atomic || row.assetId !== amount.asset.id || row.from !== from)
    return false;
  if (row.authorizationRef !== authorizationRef) return false;
  if (authorizationRef === null && row.orderRef !== orderRef) return false;
  return row.state === "seen" || found.isFinal || found.blockHash === row.blockHash;
}

async function keptOf(tx: Tx, row: DepositRow, terms: DepositTerms): Promise<bigint> {
  const payment = row.orderId === null ? null : (await tx.orders.byId(row.orderId))?.payment;
  if (payment?.depositId !== row.id) return 0n;
  return keptExcess(row.atomic - payment.priceAtomic, row.assetId, terms);
}

function depositId(railId: string, { txId, index }: Deposit): string {
  return `${railId}|${txId}|${index}`;
}

/** A deposit as it is stored, with what it means for an order. */
interface Booked {
  readonly row: DepositRow;
  readonly order: Order | null;
  readonly match: Match;
}

/** Null when there is nothing new about the deposit. */
async function applyDeposit(
  tx: Tx,
  deposit: Deposit,
  input: ApplyDepositsInput,
): Promise<DepositRow | null> {
  const known = await tx.deposits.byId(depositId(input.railId, deposit));
  if (known === null || known.state === "dropped")
    return bookDeposit(tx, { deposit, known }, input);
  if (known.state === "lost") return recoverKnown(tx, { lost: known, deposit }, input);
  const isMoved = known.blockHash !== (deposit.blockHash ?? null);
  if (known.state === "seen")
    return isMoved || deposit.isFinal ? bookDeposit(tx, { deposit, known }, input) : null;
  if (isMoved) await tx.deposits.update(known.id, placeOf(deposit));
  return null;
}

/** @param found `known`: what is stored of it, not final; null when it was never seen. */
async function bookDeposit(
  tx: Tx,
  found: { readonly deposit: Deposit; readonly known: DepositRow | null },
  input: ApplyDepositsInput,
): Promise<DepositRow | null> {
  const { deposit, known } = found;
  const { nowMs } = input;
  const promise = await promiseOf(tx, deposit);
  const order = await tx.orders.byId(promise?.orderId ?? deposit.orderRef);
  const lost = await lostTwin(tx, order, deposit);
  if (lost !== null) return recoverElsewhere(tx, { lost, deposit, known, promise }, input);
  const match = matchAgain(known, order, { deposit, promise, terms: input.terms });
  const row = rowOf(deposit, { railId: input.railId, order, match, nowMs });
  await store(tx, known, row);
  if (promise !== null) await noteSettled(tx, promise, row, nowMs);
  if (row.state === "final") await bookFinal(tx, { row, order, match }, input);
  else await bookSeen(tx, { row, order, match }, nowMs);
  return row;
}

/** A payment that may still be taken back only marks its order, once. */
async function bookSeen(tx: Tx, { row, order, match }: Booked, nowMs: number): Promise<void> {
  if (order === null || match.kind !== "accepted" || order.payment?.depositId === row.id) return;
  await stepPayment(tx, { row, order, match, event: "deposit_matched" }, nowMs);
}

function placeOf(deposit: Deposit): DepositChanges {
  const { height, chainTimeMs, blockHash = null } = deposit;
  return { height, chainTimeMs, blockHash };
}

/** The stored promise that the deposit carried out; null for plain transfers and promises to nobody. */
async function promiseOf(tx: Tx, deposit: Deposit): Promise<AuthorizationRow | null> {
  const ref = deposit.authorizationRef;
  return ref === undefined ? null : tx.authorizations.byRef(ref);
}

/** The order's payment, if it was lost and this deposit carried out the same promise anew. */
async function lostTwin(tx: Tx, order: Order | null, deposit: Deposit): Promise<DepositRow | null> {
  if (order === null || order.payment === null || deposit.authorizationRef === undefined)
    return null;
  const paid = await tx.deposits.byId(order.payment.depositId);
  const isTwin = paid?.state === "lost" && paid.authorizationRef === deposit.authorizationRef;
  return isTwin ? paid : null;
}

/** What is the order's payment already stays so; anything else is matched anew, since the order may have changed. */
function matchAgain(
  known: DepositRow | null,
  order: Order | null,
  found: {
    readonly deposit: Deposit;
    readonly promise: AuthorizationRow | null;
    readonly terms: DepositTerms;
  },
): Match {
  const { amount, chainTimeMs } = found.deposit;
  if (known !== null && order?.payment?.depositId === known.id) {
    const { priceAtomic } = order.payment;
    return { kind: "accepted", priceAtomic, excessAtomic: amount.atomic - priceAtomic };
  }
  return matchDeposit(order, {
    assetId: amount.asset.id,
    atomic: amount.atomic,
    paidAtMs: Math.min(chainTimeMs, found.promise?.claimedAtMs ?? Infinity),
    toleranceUsdMicro: found.terms.toleranceUsdMicro,
  });
}

async function store(tx: Tx, known: DepositRow | null, row: DepositRow): Promise<void> {
  if (known === null) {
    assert(await tx.deposits.insert(row), "a deposit that was not there is there");
    return;
  }
  const { id, railId: _rail, txId: _tx, index: _index, seenAtMs: _seen, ...changes } = row;
  await tx.deposits.update(id, changes);
}

async function noteSettled(
  tx: Tx,
  promise: AuthorizationRow,
  row: DepositRow,
  nowMs: number,
): Promise<void> {
  const changes = { state: "settled", txId: row.txId, reason: null } as const;
  await tx.authorizations.update(promise.ref, ["settling", "failed"], changes, nowMs);
  // Its job has nothing left to wait for.
  await tx.jobs.hasten("settle", promise.ref, nowMs);
}

/** Only a final deposit counts again; with what it is now, which in another block may be another amount. */
async function recoverKnown(
  tx: Tx,
  { lost, deposit }: { readonly lost: DepositRow; readonly deposit: Deposit },
  { terms, nowMs }: ApplyDepositsInput,
): Promise<null> {
  if (!deposit.isFinal) return null;
  const { atomic } = deposit.amount;
  const found: DepositRow = { ...lost, ...placeOf(deposit), atomic, state: "final" };
  await tx.deposits.update(lost.id, { ...placeOf(deposit), atomic, state: "final" });
  const promise = await promiseOf(tx, deposit);
  if (promise !== null) await noteSettled(tx, promise, lost, nowMs);
  await recoverDeposit(tx, { lost, found, nowMs });
  const payment = lost.orderId === null ? null : (await tx.orders.byId(lost.orderId))?.payment;
  if (payment?.depositId !== lost.id) return null;
  await oweExcess(tx, { row: found, excessAtomic: atomic - payment.priceAtomic }, { terms, nowMs });
  return null;
}

async function recoverElsewhere(
  tx: Tx,
  found: {
    readonly lost: DepositRow;
    readonly deposit: Deposit;
    readonly known: DepositRow | null;
    readonly promise: AuthorizationRow | null;
  },
  { railId, nowMs }: ApplyDepositsInput,
): Promise<null> {
  const { lost, deposit, known, promise } = found;
  const match = { kind: "accepted", priceAtomic: 0n, excessAtomic: 0n } as const;
  const order = { id: lost.orderRef };
  const row = rowOf(deposit, { railId, order, match, nowMs });
  await store(tx, known, row);
  if (promise !== null) await noteSettled(tx, promise, row, nowMs);
  if (row.state === "final") await recoverDeposit(tx, { lost, found: row, nowMs });
  return null;
}

function rowOf(
  deposit: Deposit,
  at: {
    readonly railId: string;
    readonly order: Pick<Order, "id"> | null;
    readonly match: Match;
    readonly nowMs: number;
  },
): DepositRow {
  const { order, match } = at;
  return {
    id: depositId(at.railId, deposit),
    railId: at.railId,
    txId: deposit.txId,
    index: deposit.index,
    orderRef: order?.id ?? deposit.orderRef,
    orderId: match.kind === "accepted" ? (order?.id ?? null) : null,
    reason: match.kind === "unmatched" ? match.reason : null,
    assetId: deposit.amount.asset.id,
    symbol: deposit.amount.asset.symbol,
    atomic: deposit.amount.atomic,
    from: deposit.from,
    height: deposit.height,
    blockHash: deposit.blockHash ?? null,
    chainTimeMs: deposit.chainTimeMs,
    seenAtMs: at.nowMs,
    state: deposit.isFinal ? "final" : "seen",
    authorizationRef: deposit.authorizationRef ?? null,
    isPayerSafe: deposit.isPayerSafe ?? true,
  };
}

/** What only a final deposit does: it counts in the ledger, pays its order, or goes back. */
async function bookFinal(
  tx: Tx,
  { row, order, match }: Booked,
  { terms, nowMs }: ApplyDepositsInput,
): Promise<void> {
  const paid =
    match.kind === "accepted"
      ? { ...match, keptAtomic: keptExcess(match.excessAtomic, row.assetId, terms) }
      : null;
  await postEntry(tx, depositEntry({ ...row, match: paid, bookedAtMs: nowMs }), nowMs);
  if (paid === null || order === null) return holdUnmatched(tx, row, { terms, nowMs });
  await stepPayment(tx, { row, order, match: paid, event: "payment_confirmed" }, nowMs);
  await releasePayouts(tx, { depositId: row.id, nowMs });
  await oweExcess(tx, { row, excessAtomic: paid.excessAtomic }, { terms, nowMs });
}

/** What was paid over the price goes back, unless it is not worth sending. */
async function oweExcess(
  tx: Tx,
  { row, excessAtomic: atomic }: { readonly row: DepositRow; readonly excessAtomic: bigint },
  { terms, nowMs }: Pick<ApplyDepositsInput, "terms" | "nowMs">,
): Promise<void> {
  if (atomic <= 0n || keptExcess(atomic, row.assetId, terms) > 0n) return;
  await owePayout(tx, { deposit: row, cause: "excess", atomic, dueAtMs: nowMs, nowMs });
}

/** The money goes back by itself, except that of an unknown order, which is left to the operator. */
async function holdUnmatched(
  tx: Tx,
  row: DepositRow,
  { terms, nowMs }: Pick<ApplyDepositsInput, "terms" | "nowMs">,
): Promise<void> {
  await releasePayouts(tx, { depositId: row.id, nowMs });
  if (row.reason === "order_unknown" || row.atomic <= 0n) return;
  await owePayout(tx, {
    deposit: row,
    cause: "unmatched",
    atomic: row.atomic,
    dueAtMs: nowMs + terms.holdMs,
    nowMs,
  });
}

/** Excess that is not worth sending back; 0n when it is sent back, or there is none. */
function keptExcess(excessAtomic: bigint, assetId: string, { dustAtomic }: DepositTerms): bigint {
  return excessAtomic > (dustAtomic[assetId] ?? 0n) ? 0n : excessAtomic;
}

async function stepPayment(
  tx: Tx,
  paid: {
    readonly row: DepositRow;
    readonly order: Order;
    readonly match: Extract<Match, { kind: "accepted" }>;
    readonly event: "deposit_matched" | "payment_confirmed";
  },
  nowMs: number,
): Promise<void> {
  const { row, order, match, event } = paid;
  const { id: paidBy, railId, assetId, symbol, atomic, from } = row;
  const { priceAtomic } = match;
  const payment = { depositId: paidBy, railId, assetId, symbol, atomic, priceAtomic, from };
  const deadlineAtMs = event === "payment_confirmed" ? nowMs + order.fulfilWithinMs : null;
  await advanceOrder(tx, order.id, {
    event,
    facts: {
      rail: railId,
      tx_id: row.txId,
      height: row.height,
      chain_time: new Date(row.chainTimeMs).toISOString(),
    },
    changes: { payment, deadlineAtMs },
    nowMs,
  });
}
