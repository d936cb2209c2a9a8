/** Rows for the store's contract suite: complete, plain, and each member can be changed. */
import type { Order, OrderEventRow } from "../../../src/orders/order.ts";
import type {
  ApiKeyRow,
  AttemptRow,
  DepositRow,
  IdempotencyRow,
  PayoutRow,
  PostingRow,
} from "../../../src/store/rows.ts";

export const NOW_MS = 1_800_000_000_000;
/** More than any integer of SQLite, Postgres or a double holds: 18-decimal tokens get there. */
export const HUGE = 170_141_183_460_469_231_731_687_303_715_884_105_727n;
export const UNICODE = "Zürich \u0000 \u2028 “quoted” ' \\ 卡 🛒 \ud83d\ude00";
export const RAIL_ID = "stellar:local/contract";
export const USDC_ID = "stellar:local/asset:USDC-GISSUER";

export function newKey(changes: Partial<ApiKeyRow> = {}): ApiKeyRow {
  const id = changes.id ?? "key_1";
  return {
    id,
    hash: `hash of ${id}`,
    label: null,
    limitUsdMicro: null,
    spentUsdMicro: 0n,
    inFlightUsdMicro: 0n,
    ordersPerHour: null,
    isSuspended: false,
    expiresAtMs: null,
    createdAtMs: NOW_MS,
    ...changes,
  };
}

export function newOrder(changes: Partial<Order> = {}): Order {
  const createdAtMs = changes.createdAtMs ?? NOW_MS;
  return {
    id: "ord_1",
    keyId: "key_1",
    product: "prepaid-card",
    request: { faceUsdMicro: "10000000" },
    state: "awaiting_payment",
    seq: 1,
    priceUsdMicro: 10_000_000n,
    quote: { legs: [], missing: [] },
    instructions: [{ type: "soroban_contract" }],
    windowClosesAtMs: createdAtMs + 7_200_000,
    fulfilWithinMs: 90_000,
    deadlineAtMs: null,
    payment: null,
    stage: null,
    error: null,
    metadata: null,
    webhookUrl: null,
    refundTo: null,
    createdAtMs,
    updatedAtMs: createdAtMs,
    ...changes,
  };
}

export function newEvent(changes: Partial<OrderEventRow> = {}): OrderEventRow {
  return {
    orderId: "ord_1",
    seq: 1,
    event: "created",
    state: "awaiting_payment",
    facts: {},
    atMs: NOW_MS,
    ...changes,
  };
}

export function newDeposit(changes: Partial<DepositRow> = {}): DepositRow {
  return {
    id: `${RAIL_ID}|tx_1|0`,
    railId: RAIL_ID,
    txId: "tx_1",
    index: 0,
    orderRef: "ord_1",
    orderId: null,
    reason: null,
    assetId: USDC_ID,
    symbol: "USDC",
    atomic: 100_000_000n,
    from: "GPAYER",
    height: 100,
    blockHash: null,
    chainTimeMs: NOW_MS,
    seenAtMs: NOW_MS,
    state: "final",
    authorizationRef: null,
    isPayerSafe: true,
    ...changes,
  };
}

export function newAttempt(changes: Partial<AttemptRow> = {}): AttemptRow {
  return {
    id: "att_1",
    orderId: "ord_1",
    supplierId: "simulated",
    state: "submitting",
    stage: null,
    stageState: {},
    choice: null,
    costUsdMicro: null,
    reason: null,
    createdAtMs: NOW_MS,
    updatedAtMs: NOW_MS,
    ...changes,
  };
}

export function newPayout(changes: Partial<PayoutRow> = {}): PayoutRow {
  return {
    id: "pay_1",
    depositId: `${RAIL_ID}|tx_1|0`,
    cause: "order_failed",
    orderId: null,
    railId: RAIL_ID,
    assetId: USDC_ID,
    atomic: 100_000_000n,
    to: "GPAYER",
    state: "due",
    txId: null,
    lane: null,
    body: null,
    validUntilMs: null,
    signedAtHeight: null,
    deadTxIds: [],
    reason: null,
    createdAtMs: NOW_MS,
    updatedAtMs: NOW_MS,
    ...changes,
  };
}

export function newPosting(changes: Partial<PostingRow> = {}): PostingRow {
  return {
    entryId: "deposit:1",
    account: "held:stellar",
    assetId: USDC_ID,
    atomic: 1n,
    atMs: NOW_MS,
    ...changes,
  };
}

export function newAnswer(changes: Partial<IdempotencyRow> = {}): IdempotencyRow {
  return {
    keyId: "key_1",
    key: "first",
    fingerprint: "f".repeat(64),
    status: 201,
    body: '{"order_id":"ord_1"}',
    createdAtMs: NOW_MS,
    ...changes,
  };
}
