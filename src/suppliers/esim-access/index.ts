import { systemClock } from "../../clock.ts";
import { assert } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { done, failed, unknown, type Outcome } from "../../outcome.ts";
import { readPlanRequest, type PlanFacts } from "../../products/plan.ts";
import { isCallableUrl, type SupplierModule } from "../module.ts";
import type { Offer, StageInput, StageOutput, Supplier } from "../supplier.ts";
import { createCatalogue, type Catalogue, type CataloguePlan } from "./catalogue.ts";
import {
  createEsimAccessClient,
  NOT_IN_THIS_STATUS,
  PAGE_SIZE,
  PRICE_CHANGED,
  settle,
  STILL_ALLOCATING,
  type EsimAccessClient,
  type EsimAccessSettings,
  type Reply,
} from "./client.ts";
import { readHint } from "./hint.ts";
import { goodsOf } from "./profile.ts";
import type { Ordered, Profile, Profiles } from "./wire.ts";

const ID = "esim-access";
const PRODUCT = "travel-esim";

const DEFAULTS = {
  callTimeoutMs: 10_000,
  callsPerSecond: 7,
  pollMs: 1_000,
  catalogueMaxAgeMs: 10 * 60_000,
  // Profiles are documented to be there within 30 s.
  allocateTimeoutMs: 40_000,
} as const;

const isKey = (text: string): boolean => /^[!-~]{4,200}$/.test(text);
const KEY = "4 to 200 visible ASCII characters";

/** eSIM Access, a wholesaler of travel eSIMs. See docs/adapters/esim-access.md. */
export const esimAccess: SupplierModule = {
  id: ID,
  settings: [
    { name: "url", isSecret: false, must: "an http or https URL", accepts: isCallableUrl },
    { name: "access_code", isSecret: true, must: KEY, accepts: isKey },
    { name: "secret", isSecret: true, must: KEY, accepts: isKey },
  ],
  open: (texts) => {
    const { url = "", access_code: accessCode = "", secret = "" } = texts;
    const credentials = { url: url.replace(/\/+$/, ""), accessCode, secret };
    return openEsimAccess({ ...DEFAULTS, ...credentials, clock: systemClock });
  },
};

/** What the stages work with. */
interface Parts {
  readonly client: EsimAccessClient;
  readonly catalogue: Catalogue;
  readonly settings: EsimAccessSettings;
}

export function openEsimAccess(settings: EsimAccessSettings): Supplier {
  const client = createEsimAccessClient(settings);
  const { clock, catalogueMaxAgeMs: maxAgeMs } = settings;
  const parts = { client, settings, catalogue: createCatalogue(client, { clock, maxAgeMs }) };
  return {
    id: ID,
    products: [PRODUCT],
    placement: "dedupes",
    // Profiles appear in the list once they are allocated, which takes up to 30 s.
    lookupWindowMs: 60_000,
    stages: [
      // Three calls at the most: the order, and after a change of price the catalogue and the order again.
      {
        name: "order",
        timeoutMs: 4 * settings.callTimeoutMs,
        // Half a minute in all: most faults of the wholesaler are over by then.
        retryPausesMs: [5_000, 10_000, 15_000],
        run: (input) => order(parts, input),
      },
      {
        name: "allocate",
        timeoutMs: settings.allocateTimeoutMs,
        retryPausesMs: [400],
        run: (input) => allocate(parts, input),
      },
    ],
    find: (input) => find(parts, input),
    cancel: (state, signal) => cancel(parts, state, signal),
    readHint,
    offers: (signal) => offers(parts, signal),
  };
}

/** Buys at the price of the catalogue; when that has changed, once more at the new one if it still may cost it. */
async function order(parts: Parts, input: StageInput): Promise<Outcome<StageOutput>> {
  const first = await orderAtListPrice(parts, input);
  if (first.reply.kind !== "coded" || !PRICE_CHANGED.includes(first.reply.code)) {
    return orderOutput(input, first);
  }
  parts.catalogue.forget();
  return orderOutput(input, await orderAtListPrice(parts, input));
}

/** An order as it was sent, with its answer; without a plan it was never sent. */
interface Sent {
  readonly reply: Reply<Ordered>;
  readonly plan: CataloguePlan | null;
}

async function orderAtListPrice(parts: Parts, input: StageInput): Promise<Sent> {
  const plan = await planFor(parts, input);
  if (plan.kind !== "done") return { reply: plan, plan: null };
  const { packageCode, price } = plan.value;
  const purchase = { transactionId: input.attemptId, packageCode, price };
  return { reply: await parts.client.order(purchase, input.signal), plan: plan.value };
}

/** The package to order; never unknown, since nothing was ordered yet. */
async function planFor({ catalogue }: Parts, input: StageInput): Promise<Outcome<CataloguePlan>> {
  const { planId } = requestOf(input);
  const found = await catalogue.find(planId, input.signal);
  if (found.kind !== "done") return failed(`catalogue: ${found.reason}`, "retry");
  if (found.value === null) return failed("the plan is not in the catalogue", "final");
  if (usdMicro(found.value.price) > input.maxCostUsdMicro) {
    return failed("the plan costs more than the order allows", "final");
  }
  return done(found.value);
}

function orderOutput(input: StageInput, { reply, plan }: Sent): Outcome<StageOutput> {
  const ordered = settle(reply);
  if (ordered.kind !== "done") return ordered;
  const { orderNo, transactionId } = ordered.value;
  if (transactionId !== input.attemptId || plan === null) {
    return unknown("answered with another purchase");
  }
  return placed(orderNo, usdMicro(plan.price), []);
}

function placed(
  orderNo: string,
  costUsdMicro: bigint,
  duplicateOrderNos: readonly string[],
): Outcome<StageOutput> {
  const state = { orderNo, costUsdMicro: costUsdMicro.toString(), duplicateOrderNos };
  return done({ goods: null, state, costUsdMicro });
}

/** Asks until the profile is there: an order that was accepted is only ever waited for. */
async function allocate(parts: Parts, input: StageInput): Promise<Outcome<StageOutput>> {
  const { orderNo, costUsdMicro } = input.previous;
  assert(typeof orderNo === "string", "the order stage stored no order number");
  assert(typeof costUsdMicro === "string", "the order stage stored no cost");
  const { clock, pollMs, allocateTimeoutMs } = parts.settings;
  const endsAtMs = clock.now() + allocateTimeoutMs;
  for (;;) {
    const looked = await lookAtOrder(parts, orderNo, input);
    if (looked.kind === "done") {
      const { profile, goods } = looked.value;
      const state = { ...input.previous, esimTranNo: profile.esimTranNo };
      return done({ goods, state, costUsdMicro: BigInt(costUsdMicro) });
    }
    const isOver = looked.kind === "failed" && !looked.retryable;
    if (isOver || input.signal.aborted || clock.now() + pollMs >= endsAtMs) return looked;
    await clock.sleep(pollMs, input.signal);
  }
}

async function lookAtOrder({ client }: Parts, orderNo: string, input: StageInput) {
  const reply = await client.query({ orderNo }, 1, input.signal);
  if (reply.kind === "coded") return unknown(codeText(reply.code));
  if (reply.kind !== "done") return reply;
  const [profile, ...others] = reply.value.esimList;
  if (profile === undefined) return unknown("the profile is still being allocated");
  const isOurs = profile.orderNo === orderNo && profile.transactionId === input.attemptId;
  if (!isOurs || others.length > 0) return unknown("answered with another purchase");
  const goods = goodsOf(profile, requestOf(input).facts);
  return goods.kind === "done" ? done({ profile, goods: goods.value }) : goods;
}

function codeText(code: string): string {
  return code === STILL_ALLOCATING ? "the profile is still being allocated" : `answered ${code}`;
}

/** Clocks may differ by this much. */
const CLOCK_SKEW_MS = 10 * 60_000;
/** At 500 profiles a page this is more than the account may order in the time looked at. */
const MAX_PAGES = 40;

/** Looks through everything ordered since the attempt began, since no query takes our own reference. */
async function find(parts: Parts, input: StageInput): Promise<Outcome<StageOutput | null>> {
  const profiles = await profilesSince(parts, input);
  if (profiles.kind !== "done") return unknown(`look-up: ${profiles.reason}`);
  const ours = profiles.value.filter(({ transactionId }) => transactionId === input.attemptId);
  const [orderNo, ...duplicates] = [...new Set(ours.map((profile) => profile.orderNo))];
  if (orderNo === undefined) return done(null);
  const plan = await parts.catalogue.find(requestOf(input).planId, input.signal);
  if (plan.kind !== "done") return unknown(`look-up: ${plan.reason}`);
  // A plan that left the catalogue cost at the most what it was allowed to.
  const costUsdMicro = plan.value === null ? input.maxCostUsdMicro : usdMicro(plan.value.price);
  return placed(orderNo, costUsdMicro, duplicates);
}

async function profilesSince(
  { client, settings }: Parts,
  input: StageInput,
): Promise<Outcome<readonly Profile[]>> {
  const span = {
    startTime: timeText(input.startedAtMs - CLOCK_SKEW_MS),
    endTime: timeText(settings.clock.now() + CLOCK_SKEW_MS),
  };
  const profiles: Profile[] = [];
  for (let pageNum = 1; pageNum <= MAX_PAGES; pageNum++) {
    const reply: Reply<Profiles> = await client.query(span, pageNum, input.signal);
    if (reply.kind === "coded") return unknown(codeText(reply.code));
    if (reply.kind !== "done") return reply;
    profiles.push(...reply.value.esimList);
    if (pageNum * PAGE_SIZE >= reply.value.pager.total) return done(profiles);
  }
  return unknown("the list does not come to an end");
}

/** "2026-11-20T12:00:00Z" */
function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Works while the profile is allocated and no device has downloaded it. */
async function cancel(
  { client }: Parts,
  state: JsonObject,
  signal: AbortSignal,
): Promise<Outcome<null>> {
  const selection = await profileToCancel(client, state, signal);
  if (selection.kind !== "done") return selection;
  const { esimTranNo, esimStatus } = selection.value;
  if (esimStatus === "CANCEL") return done(null);
  const reply = await client.cancel(esimTranNo, signal);
  if (reply.kind === "coded") {
    return reply.code === NOT_IN_THIS_STATUS
      ? failed("the profile can no longer be cancelled", "final")
      : unknown(codeText(reply.code));
  }
  return reply.kind === "done" ? done(null) : reply;
}

/** Read first: a cancellation whose answer was lost must not look like one that was refused. */
async function profileToCancel(
  client: EsimAccessClient,
  { orderNo }: JsonObject,
  signal: AbortSignal,
): Promise<Outcome<Profile>> {
  assert(typeof orderNo === "string", "the order stage stored no order number");
  const reply = await client.query({ orderNo }, 1, signal);
  if (reply.kind === "coded") return unknown(codeText(reply.code));
  if (reply.kind !== "done") return reply;
  const [profile] = reply.value.esimList;
  return profile?.orderNo === orderNo
    ? done(profile)
    : unknown("the profile is still being allocated");
}

/** Balance and catalogue together: either may be what stops a purchase. */
async function offers(
  { client, catalogue }: Parts,
  signal: AbortSignal,
): Promise<Outcome<readonly Offer[]>> {
  const [balance, plans] = await Promise.all([client.balance(signal), catalogue.plans(signal)]);
  const settled = settle(balance);
  if (settled.kind !== "done") return settled;
  if (plans.kind !== "done") return plans;
  const balanceUsdMicro = usdMicro(settled.value.balance);
  return done(
    plans.value.map(({ planId, facts, price }) => ({
      kind: "plan",
      product: PRODUCT,
      planId,
      facts,
      costUsdMicro: usdMicro(price),
      stock: null,
      balanceUsdMicro,
    })),
  );
}

function requestOf({ request }: StageInput): {
  readonly planId: string;
  readonly facts: PlanFacts;
} {
  const plan = readPlanRequest(request);
  assert(plan !== null, "an eSIM is ordered without a plan");
  return plan;
}

/** 10000 of the supplier's units are one dollar, 1,000,000 of ours. */
function usdMicro(units: number): bigint {
  return BigInt(units) * 100n;
}
