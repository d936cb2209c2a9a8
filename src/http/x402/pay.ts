import { Refusal } from "../../errors.ts";
import type { RequestName } from "../../actions/create-x402-order.ts";
import type { Order } from "../../orders/order.ts";
import { x402Urls } from "../../orders/view-x402.ts";
import type { Authorization, PaymentTerms, X402Scheme } from "../../rails/rail.ts";
import type { HttpDeps, PayableRail } from "../deps.ts";
import { refuseUntil } from "../problem.ts";
import { UNPAID } from "../read-order.ts";
import { termsFor, type SentPayment } from "./payment.ts";
import { storedTerms } from "./terms.ts";

/** What became of a payment that was presented. */
export type Presented =
  /** The order is paid, or being paid. `isPayer`: by this very request, so its sender may read the goods. */
  | { readonly kind: "taken"; readonly orderId: string; readonly isPayer: boolean }
  /** Certainly not carried out: an x402 reason. */
  | { readonly kind: "refused"; readonly reason: string; readonly payer: string | null };

/** Checks payments and has them carried out. */
export interface Till {
  /**
   * Refuses `quote_expired` and `order_closed`, and `facilitator_unavailable` when nobody could be asked; then it
   * was certainly not carried out.
   */
  present(payment: {
    readonly sent: SentPayment;
    readonly order: Order;
    /** What the request is known by, if it gave itself a name. */
    readonly name: RequestName | null;
  }): Promise<Presented>;
}

type TillDeps = Pick<HttpDeps, "clock" | "isRailOpen" | "log" | "rails" | "store">;

const RETRY_S = 2;

export function createTill(deps: TillDeps): Till {
  const { clock, store } = deps;
  // Copies of one request arrive together: the chain is asked once for all of them.
  const verifying = new Map<string, ReturnType<X402Scheme["verify"]>>();
  const verify = (scheme: X402Scheme, authorization: Authorization) => {
    const { ref } = authorization;
    const running = verifying.get(ref) ?? scheme.verify(authorization);
    verifying.set(ref, running);
    return running.finally(() => verifying.delete(ref));
  };

  return {
    present: async ({ sent, order, name }) => {
      if (isUnderWay(order)) return { kind: "taken", orderId: order.id, isPayer: false };
      requireOpen(order, clock.now());
      const read = readPromise(deps, sent, order);
      if (read.kind === "invalid") return { kind: "refused", reason: read.reason, payer: null };
      const { rail, scheme, authorization } = read;
      const { ref, from: payer } = authorization;
      const known = await store.read.authorizations.byRef(ref);
      if (known !== null && known.state !== "failed")
        return { kind: "taken", orderId: known.orderId, isPayer: false };
      if (!deps.isRailOpen(rail.id, clock.now()))
        throw refuseUnasked(deps, order, "the rail is not watched");
      const verified = await verify(scheme, authorization);
      if (verified.kind === "unknown" || (verified.kind === "failed" && verified.retryable))
        throw refuseUnasked(deps, order, verified.reason);
      if (verified.kind === "failed") return { kind: "refused", reason: verified.reason, payer };
      const nowMs = clock.now();
      const orderId =
        name === null
          ? order.id
          : await store.transact("nameX402Order", { orderId: order.id, name, nowMs });
      if (orderId !== order.id) return { kind: "taken", orderId, isPayer: false };
      return claim(deps, { order, railId: rail.id, authorization });
    },
  };
}

/** Paid, or being paid: whoever pays again pays twice. */
export function isUnderWay({ state }: Pick<Order, "state">): boolean {
  return !UNPAID.has(state);
}

/** Refuses `quote_expired` and `order_closed` when the order takes no payment. */
export function requireOpen(
  { id, state, windowClosesAtMs }: Pick<Order, "id" | "state" | "windowClosesAtMs">,
  nowMs: number,
): void {
  if (state === "expired" || (state === "awaiting_payment" && nowMs > windowClosesAtMs))
    throw new Refusal(
      "quote_expired",
      "The time to pay this order is over and nothing was charged. Make a new order.",
      { order_id: id },
    );
  if (state !== "awaiting_payment")
    throw new Refusal("order_closed", "This order takes no payment.", { order_id: id });
}

type ReadPromise =
  | {
      readonly kind: "promise";
      readonly rail: PayableRail;
      readonly scheme: X402Scheme;
      readonly authorization: Authorization;
    }
  | { readonly kind: "invalid"; readonly reason: string };

/** The promise by the first live entry that it fits. Pure: no signature is checked. */
function readPromise(
  { rails }: Pick<TillDeps, "rails">,
  sent: SentPayment,
  order: Order,
): ReadPromise {
  let reason = "no_matching_payment_requirements";
  for (const terms of termsFor(sent, storedTerms(order))) {
    const rail = railOf(rails, terms);
    if (rail?.x402 === undefined) continue;
    const { x402: scheme } = rail;
    const read = scheme.read(sent.version, sent.message, terms);
    if (read.kind === "authorization")
      return { kind: "promise", rail, scheme, authorization: read.authorization };
    reason = read.reason;
  }
  return { kind: "invalid", reason };
}

/** The rail of the network that takes promises. */
function railOf(
  rails: readonly PayableRail[],
  { network }: Pick<PaymentTerms, "network">,
): PayableRail | undefined {
  return rails.find(({ id, x402 }) => x402 !== undefined && id.startsWith(`${network}/`));
}

function refuseUnasked({ log }: Pick<TillDeps, "log">, order: Order, reason: string): Refusal {
  log.warn("a payment could not be checked", { order: order.id, reason });
  return refuseUntil(
    "facilitator_unavailable",
    "The payment could not be checked and was not carried out. Send the same one again; do not sign another.",
    RETRY_S,
    { order_id: order.id, ...x402Urls(order.id) },
  );
}

async function claim(
  { clock, store }: TillDeps,
  promise: {
    readonly order: Order;
    readonly railId: string;
    readonly authorization: Authorization;
  },
): Promise<Presented> {
  const { order, railId, authorization } = promise;
  const orderId = order.id;
  const nowMs = clock.now();
  const answer = await store.transact("claimAuthorization", {
    orderId,
    railId,
    authorization,
    nowMs,
  });
  switch (answer) {
    case "claimed":
      return { kind: "taken", orderId, isPayer: true };
    case "known":
    case "paid":
      return { kind: "taken", orderId, isPayer: false };
    case "elsewhere": {
      const known = await store.read.authorizations.byRef(authorization.ref);
      return { kind: "taken", orderId: known?.orderId ?? orderId, isPayer: false };
    }
    case "closed":
      requireOpen({ ...order, state: "expired" }, nowMs);
      return { kind: "refused", reason: "order_closed", payer: authorization.from };
  }
}
