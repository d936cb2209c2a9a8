/** The world around a test's shop: chain, supplier and time, reported as the workers would report them. */
import type { ShopActions } from "../actions/index.ts";
import { newId, systemRandom } from "../ids.ts";
import type { DepositPage } from "../rails/rail.ts";
import type { Store } from "../store/tx.ts";
import { PAYER, RAIL_ID, USDC } from "../../tests/fixtures/shop-store.ts";

export const SUPPLIER_ID = "sim";

/** Facts about one order; each resolves when it is stored. */
export interface Outside {
  pay(orderId: string): Promise<void>;
  startAttempt(orderId: string): Promise<string>;
  rejectAttempt(attemptId: string): Promise<void>;
  stage(attemptId: string, stage: "issue" | "activate"): Promise<void>;
  /** From paid to delivered. */
  deliver(orderId: string): Promise<void>;
  /** From paid to refund_due. */
  giveUp(orderId: string): Promise<void>;
  signRefund(orderId: string): Promise<void>;
  confirmRefund(orderId: string): Promise<void>;
  expire(orderId: string): Promise<void>;
}

export function playOutside(
  store: Store<ShopActions>,
  seal: (attemptId: string) => string,
): Outside {
  return { ...playChain(store), ...playSupplier(store, seal) };
}

const now = (): number => Date.now();

function pageOf(ledger: number, orderRefs: readonly string[], chainTimeMs: number): DepositPage {
  return {
    deposits: orderRefs.map((orderRef, index) => ({
      txId: `tx_${ledger}`,
      index,
      orderRef,
      from: PAYER,
      amount: { asset: USDC, atomic: 100_000_000n },
      height: ledger,
      chainTimeMs,
      isFinal: true,
    })),
    unreadable: [],
    cursor: `cursor_${ledger}`,
    height: ledger,
    chainTimeMs,
    isCaughtUp: true,
  };
}

type ChainFacts = Pick<Outside, "confirmRefund" | "expire" | "pay" | "signRefund">;

function playChain(store: Store<ShopActions>): ChainFacts {
  let ledger = 100;
  const close = async (orderRefs: readonly string[], chainTimeMs: number): Promise<void> => {
    ledger += 1;
    await store.transact("applyDeposits", {
      railId: RAIL_ID,
      before: (await store.read.cursors.byRail(RAIL_ID))?.cursor ?? null,
      terms: { holdMs: 60_000, dustAtomic: {}, toleranceUsdMicro: 0n },
      nowMs: now(),
      page: pageOf(ledger, orderRefs, chainTimeMs),
    });
  };
  const refundOf = async (orderId: string): Promise<string> => {
    const [payout] = await store.read.payouts.ofOrder(orderId);
    if (payout === undefined) throw new Error("no refund is owed");
    return payout.id;
  };
  return {
    pay: (orderId) => close([orderId], now()),
    signRefund: async (orderId) => {
      const payoutId = await refundOf(orderId);
      const signed = {
        txId: `refund_of_${orderId}`,
        body: "AAAA",
        lane: "lane_1",
        validUntilMs: now() + 60_000,
        signedAtHeight: ledger,
      };
      await store.transact("storeSignedPayout", { payoutId, signed, nowMs: now() });
    },
    confirmRefund: async (orderId) => {
      const payoutId = await refundOf(orderId);
      const { txId } = (await store.read.payouts.byId(payoutId)) ?? {};
      const confirmed = { payoutId, txId: txId ?? "", height: ledger, nowMs: now() };
      await store.transact("confirmPayout", confirmed);
    },
    expire: async (orderId) => {
      const order = await store.read.orders.byId(orderId);
      await close([], (order?.windowClosesAtMs ?? 0) + 1);
      await store.transact("closeWindow", { orderId, railIds: [RAIL_ID], nowMs: now() });
    },
  };
}

type SupplierFacts = Omit<Outside, keyof ChainFacts>;

function playSupplier(
  store: Store<ShopActions>,
  seal: (attemptId: string) => string,
): SupplierFacts {
  const startAttempt = async (orderId: string): Promise<string> => {
    const attemptId = newId("att", now(), systemRandom);
    const attempt = { attemptId, supplierId: SUPPLIER_ID, choice: null };
    await store.transact("startAttempt", { orderId, ...attempt, nowMs: now() });
    return attemptId;
  };
  const stage: Outside["stage"] = async (attemptId, name) => {
    await store.transact("recordStage", {
      attemptId,
      stage: name,
      state: {},
      sealed: name === "issue" ? seal(attemptId) : null,
      costUsdMicro: null,
      isLast: name === "activate",
      nowMs: now(),
    });
  };
  return {
    startAttempt,
    stage,
    rejectAttempt: async (attemptId) => {
      await store.transact("rejectAttempt", { attemptId, reason: "out of stock", nowMs: now() });
    },
    deliver: async (orderId) => {
      const attemptId = await startAttempt(orderId);
      await stage(attemptId, "issue");
      await stage(attemptId, "activate");
    },
    giveUp: async (orderId) => {
      const error = "No supplier could deliver.";
      const event = "suppliers_exhausted";
      await store.transact("giveUp", { orderId, event, error, nowMs: now() });
      await store.transact("oweRefund", { orderId, nowMs: now() });
    },
  };
}
