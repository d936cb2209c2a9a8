/** Orders and deposits as the benchmarks store them. */
import type { Order } from "../src/orders/order.ts";
import type { Deposit, DepositPage } from "../src/rails/rail.ts";
import type { ApiKeyRow } from "../src/store/rows.ts";

export const RAIL = "stellar:local/contract";
export const USDC = { id: "stellar:local/asset:USDC-G", symbol: "USDC", decimals: 7 };
const KEY_ID = "key_bench";
const PRICE_USD_MICRO = 10_000_000n;
const PRICE_ATOMIC = 100_000_000n;
const WINDOW_MS = 7_200_000;

export function apiKeyRow(hash: string): ApiKeyRow {
  return {
    id: KEY_ID,
    hash,
    label: "bench",
    limitUsdMicro: null,
    spentUsdMicro: 0n,
    inFlightUsdMicro: 0n,
    ordersPerHour: null,
    isSuspended: false,
    expiresAtMs: null,
    createdAtMs: Date.now(),
  };
}

/** An order of 10 USD that waits for 10 USDC; `asset` as the rail of the benchmark names it. */
export function openOrder(id: string, asset: typeof USDC = USDC): Order {
  const nowMs = Date.now();
  const { id: assetId, symbol, decimals } = asset;
  const expiresAtMs = nowMs + WINDOW_MS;
  const leg = { assetId, symbol, decimals, atomic: PRICE_ATOMIC.toString(), expiresAtMs };
  return {
    id,
    keyId: KEY_ID,
    product: "prepaid-card",
    request: { faceUsdMicro: PRICE_USD_MICRO.toString() },
    state: "awaiting_payment",
    seq: 1,
    priceUsdMicro: PRICE_USD_MICRO,
    quote: { legs: [{ ...leg, rateUsdMicro: null }], missing: [] },
    instructions: [{ type: "soroban_contract" }],
    windowClosesAtMs: expiresAtMs,
    fulfilWithinMs: 90_000,
    deadlineAtMs: null,
    payment: null,
    stage: null,
    error: null,
    metadata: null,
    webhookUrl: null,
    refundTo: null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

/** A page with one exact, final payment per order. */
export function paymentPage(orderIds: readonly string[], cursor: string): DepositPage {
  const chainTimeMs = Date.now();
  const deposits = orderIds.map((orderRef): Deposit => ({
    txId: `tx_${orderRef}`,
    index: 0,
    orderRef,
    from: "GPAYER",
    amount: { asset: USDC, atomic: PRICE_ATOMIC },
    height: 1,
    chainTimeMs,
    isFinal: true,
  }));
  return { deposits, unreadable: [], cursor, height: 1, chainTimeMs, isCaughtUp: true };
}
