import type { X402OrderView, X402RefundView } from "#wire/x402";
import { assert } from "../../errors.ts";
import { formatDecimal, type Asset } from "../../money.ts";
import type { Order } from "../../orders/order.ts";
import {
  confirmationsAt,
  NO_PAYMENT,
  viewX402Order,
  type PaymentFacts,
  type X402Extras,
} from "../../orders/view-x402.ts";
import type { AuthorizationRow, DepositRow, PayoutRow, PayoutState } from "../../store/rows.ts";
import type { HttpDeps } from "../deps.ts";
import { readGoods } from "./goods.ts";

type SnapshotDeps = Pick<HttpDeps, "headHeight" | "openGoods" | "products" | "rails" | "store">;

/** Where a payment's block is, so that its confirmations can be counted again without the database. */
export interface PaymentBlock {
  readonly railId: string;
  readonly height: number;
}

/** An order with what belongs to its x402 view but the goods. */
export interface Snapshot {
  readonly order: Order;
  readonly payment: PaymentFacts;
  /** Null: none, or final already. */
  readonly block: PaymentBlock | null;
  readonly refunds: readonly X402RefundView[];
}

export async function readSnapshot(deps: SnapshotDeps, order: Order): Promise<Snapshot> {
  const deposits = await deps.store.read.deposits.ofOrder(order.id);
  const refunds = await readRefunds(deps, order, deposits);
  if (order.payment === null) {
    const payment = order.state === "confirming" ? await readPromise(deps, order) : NO_PAYMENT;
    return { order, payment, block: null, refunds };
  }
  const deposit = await depositOf(deps, order.payment.depositId, deposits);
  const { railId } = order.payment;
  const isFinal = deposit.state === "final" || deposit.state === "lost";
  const block = isFinal ? null : { railId, height: deposit.height };
  const counted = block === null ? finalCount(deps, railId) : countAt(deps, block);
  const { symbol, txId } = deposit;
  return { order, payment: { railId, symbol, txId, isFinal, ...counted }, block, refunds };
}

/** The view of an order; `isOwn`: with the goods, and what the client attached to it. */
export async function viewOfSnapshot(
  deps: SnapshotDeps,
  { order, payment, refunds }: Snapshot,
  isOwn: boolean,
): Promise<X402OrderView> {
  const goods: X402Extras["goods"] =
    isOwn && order.state === "delivered" ? await readGoods(deps, order) : null;
  return viewX402Order(order, { payment, refunds, isOwn, goods });
}

/** Confirmations as the newest block that the rail's watcher knows makes them. */
export function countAt(
  { headHeight, rails }: Pick<HttpDeps, "headHeight" | "rails">,
  { railId, height }: PaymentBlock,
): Pick<PaymentFacts, "confirmations" | "required"> {
  const required = rails.find(({ id }) => id === railId)?.confirmations ?? null;
  return { confirmations: confirmationsAt(height, headHeight(railId), required), required };
}

function finalCount(
  { rails }: Pick<HttpDeps, "rails">,
  railId: string,
): Pick<PaymentFacts, "confirmations" | "required"> {
  const required = rails.find(({ id }) => id === railId)?.confirmations ?? null;
  return { confirmations: required, required };
}

async function depositOf(
  { store }: Pick<SnapshotDeps, "store">,
  depositId: string,
  known: readonly DepositRow[],
): Promise<DepositRow> {
  const found = known.find(({ id }) => id === depositId);
  const deposit = found ?? (await store.read.deposits.byId(depositId));
  assert(deposit !== null, "an order's deposit is gone");
  return deposit;
}

/** The promise that is being carried out, or was last; null when there is none. */
export async function livePromise(
  { store }: Pick<SnapshotDeps, "store">,
  orderId: string,
): Promise<AuthorizationRow | null> {
  const promises = await store.read.authorizations.ofOrder(orderId);
  return promises.findLast(({ state }) => state !== "failed") ?? null;
}

async function readPromise(deps: SnapshotDeps, { id }: Order): Promise<PaymentFacts> {
  const promise = await livePromise(deps, id);
  if (promise === null) return NO_PAYMENT;
  const { railId, symbol, txId } = promise;
  return { ...NO_PAYMENT, railId, symbol, txId };
}

/** "blocked" waits for an operator; the money is not lost. */
const REFUND_STATE: Readonly<Record<PayoutState, X402RefundView["state"]>> = {
  due: "due",
  signed: "sent",
  final: "final",
  blocked: "held",
};

const REFUND_REASON = {
  order_failed: "fulfilment_failed",
  excess: "excess",
  unmatched: "late",
} as const satisfies Record<PayoutRow["cause"], X402RefundView["reason"]>;

/** Of the payment, and of everything else that was sent for the order. */
async function readRefunds(
  deps: SnapshotDeps,
  order: Order,
  deposits: readonly DepositRow[],
): Promise<readonly X402RefundView[]> {
  const { payouts } = deps.store.read;
  const strays = deposits.filter(({ orderId, state }) => orderId === null && state !== "seen");
  const own = order.payment === null ? [] : await payouts.ofOrder(order.id);
  const others = await Promise.all(strays.map(({ id }) => payouts.ofDeposit(id)));
  return [...own, ...others.flat()].map((payout) => viewRefund(deps, payout));
}

function viewRefund({ rails }: Pick<HttpDeps, "rails">, payout: PayoutRow): X402RefundView {
  const asset = assetOf(rails, payout.assetId);
  return {
    reason: REFUND_REASON[payout.cause],
    state: REFUND_STATE[payout.state],
    amount: formatDecimal(payout.atomic, asset.decimals, 2),
    asset: asset.symbol,
    rail: payout.railId,
    tx_id: payout.txId,
  };
}

function assetOf(rails: HttpDeps["rails"], assetId: string): Asset {
  const asset = rails.flatMap(({ assets }) => assets).find(({ id }) => id === assetId);
  assert(asset !== undefined, "a refund is in an asset that no rail knows");
  return asset;
}
