/**
 * The order state machine. This table is the only place that says which state follows which;
 * `actions/advance-order.ts` refuses every state write that is not a row of it.
 */

/** Where an order is. A state is final when no row leaves it. */
export type OrderState =
  | "awaiting_approval" // the key's spend policy holds it for its owner
  | "awaiting_payment" // quote open, nothing seen on chain
  | "confirming" // a payment is under way: promised, or on chain and not final yet
  | "paid" // payment final: from here we owe the goods or a refund
  | "fulfilling" // an attempt at a supplier is in flight
  | "delivered" // goods handed over
  | "refund_due" // we owe money back, no refund transaction is alive
  | "refunding" // refund transaction signed and stored; sent, or about to be
  | "refunded" // refund transaction final
  | "in_review" // nothing can go on without a person
  | "rejected" // the owner declined; no money was taken
  | "expired"; // the payment window closed; no money was taken

/** What happened to an order: a fact in the past tense, never a request. */
export type OrderEvent =
  | "created" // the first event of every order; no row, since nothing comes before it
  | "approved"
  | "declined"
  | "approval_lapsed"
  | "window_closed" // by chain time: the rail has been read past the end of the window
  | "authorization_claimed" // a payer's signed promise is stored and will be carried out
  | "authorization_sent" // facts name the transaction, if it is known
  | "authorization_failed" // it certainly was not carried out
  | "deposit_matched"
  | "deposit_dropped" // the chain took back a deposit that it had shown
  | "payment_confirmed"
  | "attempt_started"
  | "stage_done" // a stage of the attempt is stored; facts name it
  | "attempt_succeeded"
  | "attempt_failed" // the supplier certainly does not deliver this attempt
  | "suppliers_exhausted"
  | "deadline_passed" // the buyer has waited long enough
  | "refund_signed"
  | "refund_dropped" // the chain proves that the signed refund can never land
  | "refund_blocked" // the payer cannot receive it as things are
  | "refund_confirmed"
  | "operator_refunded";

/** Work that follows a transition. `workers/index.ts` has exactly one handler for each. */
export type OrderJob = "fulfil" | "refund" | "expire";

/** In state `from`, when `event` happens, go to `to` and enqueue `job` in the same transaction. */
export type Transition = readonly [
  from: OrderState,
  event: OrderEvent,
  to: OrderState,
  job: OrderJob | null,
];

// oxfmt-ignore
export const TRANSITIONS: readonly Transition[] = [
  // from                event                  to                   job
  ["awaiting_approval", "approved",            "awaiting_payment",   null],
  ["awaiting_approval", "declined",            "rejected",           null],
  ["awaiting_approval", "approval_lapsed",     "rejected",           null],

  ["awaiting_payment",  "authorization_claimed", "confirming",       null], // its own job carries it out
  ["awaiting_payment",  "deposit_matched",     "confirming",         null], // the rail watches its confirmations
  ["awaiting_payment",  "payment_confirmed",   "paid",              "fulfil"], // rails that are final at once
  ["awaiting_payment",  "window_closed",       "expired",            null],

  ["confirming",        "authorization_sent",  "confirming",         null],
  ["confirming",        "deposit_matched",     "confirming",         null],
  ["confirming",        "payment_confirmed",   "paid",              "fulfil"],
  ["confirming",        "authorization_failed", "awaiting_payment", "expire"],
  ["confirming",        "deposit_dropped",     "awaiting_payment",  "expire"],

  ["paid",              "deposit_dropped",     "awaiting_payment",  "expire"], // nothing is bought yet
  ["paid",              "attempt_started",     "fulfilling",         null],
  ["paid",              "suppliers_exhausted", "refund_due",        "refund"],
  ["paid",              "deadline_passed",     "refund_due",        "refund"],

  ["fulfilling",        "stage_done",          "fulfilling",         null],
  ["fulfilling",        "attempt_succeeded",   "delivered",          null],
  ["fulfilling",        "attempt_failed",      "paid",              "fulfil"],
  ["fulfilling",        "deadline_passed",     "refund_due",        "refund"],

  ["refund_due",        "refund_signed",       "refunding",          null], // the payout's own job tracks it
  ["refund_due",        "refund_blocked",      "in_review",          null],
  ["refunding",         "refund_confirmed",    "refunded",           null],
  ["refunding",         "refund_dropped",      "refund_due",         null], // the payout's own job signs anew

  ["in_review",         "operator_refunded",   "refund_due",        "refund"],
];

const ROW_BY_KEY = new Map(TRANSITIONS.map((row) => [`${row[0]} ${row[1]}`, row]));
const LEFT = new Set(TRANSITIONS.map(([from]) => from));

/** The row that applies, or undefined when `event` means nothing in state `from`. */
export function transitionFor(from: OrderState, event: OrderEvent): Transition | undefined {
  return ROW_BY_KEY.get(`${from} ${event}`);
}

/** True when no row leaves the state: its stream closes and nothing is owed any more. */
export function isFinal(state: OrderState): boolean {
  return !LEFT.has(state);
}
