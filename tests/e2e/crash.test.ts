/** The server is killed at every step that it stores, and each order still ends once. */
import { randomUUID } from "node:crypto";
import type { Keypair } from "@stellar/stellar-sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FINAL_PHASES, type OrderView } from "#wire";
import { heldAtomic, query, supplierDoubts, unsettled } from "../world/books.ts";
import { createBuyer, whileDown, type Buyer } from "../world/buyer.ts";
import { sendPayment, stroops, type PaymentTerms } from "../world/pay.ts";
import { watchOrder, type Witness } from "../world/witness.ts";
import { createWorld, type World } from "../world/world.ts";
import type { CrashPoint } from "./fuse.ts";
import { openCrashingShop, type CrashingShop } from "./supervisor.ts";

const LEDGER_MS = 100;
const END_LIMIT_MS = 30_000;
/** More than all that is waited for within: what stalls says so itself. */
const CASE_LIMIT_MS = 240_000;

let world: World;
let shop: CrashingShop;
let apiKey: string;
let buyer: Buyer;
let payer: Keypair;

beforeAll(async () => {
  // The keeper would send transactions of its own, and the chain's faults befall whichever comes next.
  const env = { VEND402_SWEEP_MIN_USDC: "1000000" };
  world = await createWorld({ closeEveryMs: LEDGER_MS, env });
  apiKey = await world.newApiKey();
  payer = await world.network.newPayer("5000");
  shop = await openCrashingShop(world);
  buyer = createBuyer(() => shop.url, apiKey);
}, 90_000);

afterAll(() => world.close());

/** One order as its buyer sees it, while shops come and go. */
interface Visit {
  readonly orderId: string;
  readonly terms: PaymentTerms;
  readonly witness: Witness;
  /** What the payer had before. */
  readonly usdcBefore: bigint;
}

/** Orders, again and again with the same Idempotency-Key while there is no answer, and looks on from then on. */
async function order(amount: string): Promise<Visit> {
  const usdcBefore = await usdcOfPayer();
  const key = { "Idempotency-Key": randomUUID() };
  const made = await whileDown(() => buyer.create(amount, key));
  const again = await whileDown(() => buyer.create(amount, key));
  expect(again.order_id).toBe(made.order_id);
  const witness = watchOrder({ url: () => shop.url, apiKey }, made.order_id);
  return { orderId: made.order_id, terms: made.payment, witness, usdcBefore };
}

async function usdcOfPayer(): Promise<bigint> {
  return (await world.network.balances(payer.publicKey())).usdc ?? 0n;
}

/** Asks for the order until it has ended; every answer is kept for the comparison. */
async function untilEnd({ orderId, witness }: Visit): Promise<OrderView> {
  const untilMs = performance.now() + END_LIMIT_MS;
  for (;;) {
    const view = await whileDown(() => buyer.get(orderId));
    witness.sawAnswer(view);
    if (FINAL_PHASES.includes(view.phase)) return view;
    if (performance.now() > untilMs) throw new Error(`${orderId} is still ${view.status}`);
    await new Promise((resolve) => setTimeout(resolve, LEDGER_MS / 2));
  }
}

const payoutsOf = (orderId: string) =>
  query(world.databaseFile, "SELECT state, tx_id FROM payouts WHERE order_id = ?", orderId);

/** Nothing is owed, open, unbalanced or contradicted by chain or supplier, in the whole shop. */
async function expectSettled(): Promise<void> {
  await expect.poll(() => unsettled(world.databaseFile), { timeout: END_LIMIT_MS }).toEqual([]);
  expect(supplierDoubts(world.databaseFile, world.supplier.ledger())).toEqual([]);
  expect(await world.network.takings()).toBe(heldAtomic(world.databaseFile, "USDC"));
}

/** The order ended as its story says, its money and its card with it, and nobody was told two stories. */
async function expectEnd(visit: Visit, amount: string, end: OrderView["phase"]): Promise<void> {
  const view = await untilEnd(visit);
  expect(view.phase).toBe(end);
  await visit.witness.ended(END_LIMIT_MS);
  expect(visit.witness.contradictions()).toEqual([]);
  expect(visit.witness.frames.at(-1)?.view).toEqual(view);
  await expectSettled();
  const paid = end === "ready" ? stroops(amount) : 0n;
  expect(await usdcOfPayer()).toBe(visit.usdcBefore - paid);
  expect(payoutsOf(visit.orderId)).toEqual(
    end === "ready" ? [] : [{ state: "final", tx_id: view.refund?.tx_id }],
  );
}

/** What becomes of an order when nobody is killed. */
const STORIES = {
  "a good order": { amount: "10.00", end: "ready" },
  "an order whose purchase loses its answer": { amount: "50.03", end: "ready" },
  "an order that the supplier refuses": { amount: "13.13", end: "refunded" },
  "an order whose card cannot be activated": { amount: "66.60", end: "refunded" },
} as const;

const before = (action: CrashPoint["action"], of?: string): CrashPoint =>
  of === undefined ? { action, side: "before" } : { action, side: "before", of };
const after = (action: CrashPoint["action"], of?: string): CrashPoint =>
  of === undefined ? { action, side: "after" } : { action, side: "after", of };

interface Crash {
  readonly story: keyof typeof STORIES;
  readonly when: string;
  readonly points: readonly CrashPoint[];
}

const both = (
  story: Crash["story"],
  step: string,
  ...[action, of]: [CrashPoint["action"], string?]
): readonly Crash[] => [
  { story, when: `before ${step} is stored`, points: [before(action, of)] },
  { story, when: `after ${step} is stored`, points: [after(action, of)] },
];

const CRASHES: readonly Crash[] = [
  ...both("a good order", "the order", "createOrder"),
  ...both("a good order", "its payment", "applyDeposits"),
  ...both("a good order", "the intent to buy", "startAttempt"),
  ...both("a good order", "the supplier's success", "recordSupplierEvent"),
  ...both("a good order", "the issued card", "recordStage", "issue"),
  ...both("a good order", "the active card", "recordStage", "activate"),
  ...both("a good order", "the end of its job", "turnJobs", "fulfil"),
  {
    story: "a good order",
    when: "after the intent to buy, again after its doubt and again before the issued card is stored",
    points: [after("startAttempt"), after("markUnknown"), before("recordStage", "issue")],
  },
  ...both("an order whose purchase loses its answer", "the doubt", "markUnknown"),
  ...both("an order that the supplier refuses", "the refusal", "rejectAttempt"),
  ...both("an order that the supplier refuses", "the surrender", "giveUp"),
  ...both("an order that the supplier refuses", "the debt", "oweRefund"),
  ...both("an order that the supplier refuses", "the signed refund", "storeSignedPayout"),
  ...both("an order that the supplier refuses", "the final refund", "confirmPayout"),
  ...both(
    "an order that the supplier refuses",
    "the end of its refund's job",
    "turnJobs",
    "payout",
  ),
  {
    story: "an order that the supplier refuses",
    when: "before its refund is signed, after it is signed and before it is final",
    points: [before("storeSignedPayout"), after("storeSignedPayout"), before("confirmPayout")],
  },
  {
    story: "an order whose card cannot be activated",
    when: "after the loss is stored",
    points: [after("strandAttempt")],
  },
];

test.each(CRASHES)(
  "$story ends once when the server is killed $when",
  async ({ story, points }) => {
    const { amount, end } = STORIES[story];
    const crashes = shop.crashAt(points);
    const visit = await order(amount);
    await sendPayment(world.network, payer, visit.terms);
    await crashes;
    await expectEnd(visit, amount, end);
  },
  CASE_LIMIT_MS,
);

test.each([
  { call: "issue", what: "issuing a card" },
  { call: "activate", what: "activating it" },
] as const)(
  "a server that is killed while the supplier is $what buys no second card",
  async ({ call }) => {
    const fault = world.supplier.faults.add({ call, fault: "slow", delayMs: 1_500 });
    const visit = await order("10.00");
    const callsBefore = world.supplier.calls()[call];
    await sendPayment(world.network, payer, visit.terms);
    await expect
      .poll(() => world.supplier.calls()[call], { timeout: END_LIMIT_MS, interval: 5 })
      .toBeGreaterThan(callsBefore);
    await shop.killNow();
    await expectEnd(visit, "10.00", "ready");
    world.supplier.faults.clear(fault);
  },
  CASE_LIMIT_MS,
);

test(
  "a refund that was sent but is in no ledger when the server is killed is paid once",
  async () => {
    const { network } = world;
    const { chain } = network.devnet;
    const visit = await order("13.13");
    network.pace("manual");
    await sendPayment(network, payer, visit.terms);
    chain.closeLedger();
    await expect.poll(() => chain.pending, { timeout: END_LIMIT_MS, interval: 5 }).toBe(1);
    await shop.killNow();
    network.pace(LEDGER_MS);
    await expectEnd(visit, "13.13", "refunded");
  },
  CASE_LIMIT_MS,
);

test.each([before("dropPayout"), after("dropPayout")])(
  "a refund that the network lost is signed anew once its time is over, also when the server is killed $side that is stored",
  async (point) => {
    const { chain, faults } = world.network.devnet;
    const visit = await order("13.13");
    await sendPayment(world.network, payer, visit.terms);
    faults.plan({ kind: "lose_transaction" });
    await expect.poll(() => faults.planned(), { timeout: END_LIMIT_MS, interval: 5 }).toEqual([]);
    const crashes = shop.crashAt([point]);
    chain.advanceTime(120);
    await crashes;
    await expectEnd(visit, "13.13", "refunded");
    const [payout] = query(
      world.databaseFile,
      "SELECT dead_tx_ids FROM payouts WHERE order_id = ?",
      visit.orderId,
    );
    expect(JSON.parse(String(payout?.["dead_tx_ids"]))).toHaveLength(1);
  },
  CASE_LIMIT_MS,
);

test.each([
  before("applyDeposits"),
  after("applyDeposits"),
  after("storeSignedPayout"),
  before("confirmPayout"),
])(
  "a payment that is too small goes back once when the server is killed $side $action",
  async (point) => {
    const visit = await order("10.00");
    const crashes = shop.crashAt([point]);
    await sendPayment(world.network, payer, visit.terms, { amountAtomic: stroops("9.99") });
    await crashes;
    const back =
      "SELECT deposits.reason, payouts.state FROM deposits JOIN payouts ON deposit_id = deposits.id WHERE order_ref = ?";
    await expect
      .poll(() => query(world.databaseFile, back, visit.orderId), { timeout: END_LIMIT_MS })
      .toEqual([{ reason: "underpaid", state: "final" }]);
    await expectSettled();
    expect(await usdcOfPayer()).toBe(visit.usdcBefore);
    expect((await buyer.get(visit.orderId)).phase).toBe("awaiting_payment");
    visit.witness.stop();
    expect(visit.witness.contradictions()).toEqual([]);
  },
  CASE_LIMIT_MS,
);

// The last one: four faults at the supplier open its breaker, and no order is taken for a while.
test(
  "an order whose card cannot be activated ends once when the server is killed before the loss is stored",
  async () => {
    const crashes = shop.crashAt([before("strandAttempt")]);
    const visit = await order("66.60");
    await sendPayment(world.network, payer, visit.terms);
    await crashes;
    await expectEnd(visit, "66.60", "refunded");
  },
  CASE_LIMIT_MS,
);

test("every order of the story is stored once", () => {
  const rows = query(
    world.databaseFile,
    "SELECT COUNT(*) AS orders FROM orders UNION ALL SELECT COUNT(*) FROM idempotency",
  );
  expect(rows[0]).toEqual(rows[1]);
});
