import type { FastifyReply } from "fastify";
import type { X402PaidOrder } from "#wire/x402";
import type { RequestName } from "../../actions/create-x402-order.ts";
import { assert, Refusal } from "../../errors.ts";
import { isFinal } from "../../orders/lifecycle.ts";
import type { Order } from "../../orders/order.ts";
import { x402Urls } from "../../orders/view-x402.ts";
import type { HttpDeps } from "../deps.ts";
import { sendChallenge, showPaymentResponse, showTerms, UNPAID } from "./challenge.ts";
import { createTill, isUnderWay, requireOpen } from "./pay.ts";
import type { SentPayment } from "./payment.ts";
import { livePromise, readSnapshot, viewOfSnapshot } from "./snapshot.ts";
import { waitForOrder } from "./wait.ts";

/** An order that a request is about, and what its sender may be told of it. */
export interface Found {
  readonly order: Order;
  /** The sender made the order, or shows a key or token: it may have the access token and the goods. */
  readonly isOwn: boolean;
  /** A name that the request gave itself. */
  readonly name: RequestName | null;
}

/** Answers requests that order or pay. */
export interface Desk {
  /** A payment was presented for the order: 200, 202, or 402 when it was certainly not carried out. */
  answerPayment(reply: FastifyReply, found: Found, sent: SentPayment): Promise<FastifyReply>;
  /**
   * None was: 402 with the order's terms, or the order when it is paid already.
   * @param error Why it is a 402; "payment_required" when nothing was wrong.
   */
  answerUnpaid(reply: FastifyReply, found: Found, error?: string): Promise<FastifyReply>;
}

export function createDesk(deps: HttpDeps): Desk {
  const till = createTill(deps);
  return {
    answerUnpaid: (reply, found, error = UNPAID) => answerUnpaid(deps, reply, found, error),
    answerPayment: async (reply, found, sent) => {
      const presented = await till.present({ sent, order: found.order, name: found.name });
      if (presented.kind === "refused")
        return answerRefused(deps, reply, { found, sent, ...presented });
      const { orderId, isPayer } = presented;
      const order = await waitForNews(deps, orderId);
      const isOwn = isPayer || (found.isOwn && orderId === found.order.id);
      if (isUnderWay(order)) {
        await showPaid(deps, reply, sent, order);
        return sendOrder(deps, reply, { order, isOwn });
      }
      const promises = await deps.store.read.authorizations.ofOrder(orderId);
      const last = promises.at(-1);
      return answerRefused(deps, reply, {
        found: { ...found, order, isOwn },
        sent,
        reason: last?.reason ?? DROPPED,
        payer: last?.from ?? null,
      });
    },
  };
}

/** The chain took the payment back, and nobody can carry it out again. */
const DROPPED = "payment_dropped";
/** "It is being carried out": the reference server's word, which it sends with a 402 and we with a 202. */
const PENDING = "settlement_pending";
/** When a client should look again. */
const RETRY_AFTER_S = "1";

function tokenFor({ accessTokenOf }: HttpDeps, { order, isOwn }: Told): string | null {
  return isOwn ? accessTokenOf(order.id) : null;
}

type Told = Pick<Found, "isOwn" | "order">;

async function answerUnpaid(
  deps: HttpDeps,
  reply: FastifyReply,
  found: Told,
  error: string,
): Promise<FastifyReply> {
  const { order } = found;
  if (isUnderWay(order)) return sendOrder(deps, reply, found);
  requireOpen(order, deps.clock.now());
  const accessToken = tokenFor(deps, found);
  return sendChallenge(deps.settings, reply, { order, error, accessToken });
}

/** The x402 reason of a payer who must allow Permit2 to move the token, once. */
const NO_ALLOWANCE = "permit2_allowance_required";

/** A payment that was certainly not carried out: the same terms again, and why. */
function answerRefused(
  deps: HttpDeps,
  reply: FastifyReply,
  refused: {
    readonly found: Told;
    readonly sent: SentPayment;
    readonly reason: string;
    readonly payer: string | null;
  },
): Promise<FastifyReply> {
  const { found, sent, reason, payer } = refused;
  showPaymentResponse(reply, sent.version, {
    success: false,
    errorReason: reason,
    ...(payer === null ? {} : { payer }),
    transaction: "",
    network: sent.network,
  });
  if (reason === NO_ALLOWANCE) throw refuseWithoutAllowance(deps, reply, found.order);
  return answerUnpaid(deps, reply, found, reason);
}

/** Only this is missing: the same payment is good afterwards. The header repeats the terms, as with a 402. */
function refuseWithoutAllowance(deps: HttpDeps, reply: FastifyReply, order: Order): Refusal {
  showTerms(deps.settings, reply, { order, error: NO_ALLOWANCE });
  return new Refusal(
    NO_ALLOWANCE,
    "The payer has not allowed Permit2 to move this much of the token. Approve Permit2 once, then send the same payment again.",
    { order_id: order.id, ...x402Urls(order.id) },
  );
}

/** An order that is paid, or being paid. */
async function sendOrder(deps: HttpDeps, reply: FastifyReply, told: Told): Promise<FastifyReply> {
  const { order, isOwn } = told;
  const view = await viewOfSnapshot(deps, await readSnapshot(deps, order), isOwn);
  const token = tokenFor(deps, told);
  const body: X402PaidOrder = { ...view, ...(token === null ? {} : { access_token: token }) };
  const isOver = isFinal(order.state);
  reply.headers({ "cache-control": "no-store", location: view.status_url });
  if (!isOver) reply.header("retry-after", RETRY_AFTER_S);
  return reply
    .code(isOver ? 200 : 202)
    .type("application/json; charset=utf-8")
    .send(JSON.stringify(body));
}

/** What became of the payment so far; a success once it was sent to its chain. */
async function showPaid(
  deps: HttpDeps,
  reply: FastifyReply,
  sent: SentPayment,
  order: Order,
): Promise<void> {
  const promise = await livePromise(deps, order.id);
  const transaction = promise?.txId ?? "";
  const isSent = transaction !== "" || order.payment !== null;
  showPaymentResponse(reply, sent.version, {
    success: isSent,
    ...(isSent ? {} : { errorReason: PENDING }),
    ...(promise === null ? {} : { payer: promise.from, amount: promise.atomic.toString() }),
    transaction,
    network: sent.network,
  });
}

/** The promise is carried out by its job; what it comes to shows in the order's events. */
async function waitForNews(deps: HttpDeps, orderId: string): Promise<Order> {
  const { settleWaitMs, goodsWaitMs } = deps.settings.x402;
  const sent = await waitForOrder(deps, orderId, settleWaitMs, async ({ id, state }) => {
    if (state !== "confirming") return true;
    const promise = await livePromise(deps, id);
    return promise === null || promise.txId !== null;
  });
  const isStillOpen = sent !== null && isUnderWay(sent) && !isFinal(sent.state);
  const order = isStillOpen
    ? await waitForOrder(
        deps,
        orderId,
        goodsWaitMs,
        (now) => isFinal(now.state) || !isUnderWay(now),
      )
    : sent;
  assert(order !== null, "an order that was paid is gone");
  return order;
}
