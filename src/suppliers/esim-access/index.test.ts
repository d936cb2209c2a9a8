import { expect, onTestFinished, test } from "vitest";
import { JAPAN_WEEK } from "../../../tests/fixtures/plan.ts";
import {
  startEsimSupplier,
  type EsimFaultRule,
  type EsimSupplier,
  type EsimSupplierOptions,
} from "../../../devnet/suppliers/index.ts";
import {
  supplierContract,
  type SupplierBench,
  type SupplierFault,
} from "../../../tests/contracts/supplier.ts";
import { systemClock } from "../../clock.ts";
import type { JsonObject } from "../../json.ts";
import { planIdOf, storePlanRequest, type PlanFacts } from "../../products/plan.ts";
import { travelEsim } from "../../products/travel-esim/index.ts";
import type { StageInput, StageOutput, Supplier } from "../supplier.ts";
import type { EsimAccessSettings } from "./client.ts";
import { esimAccess, openEsimAccess } from "./index.ts";

// oxfmt-ignore
const RULES: Readonly<Record<SupplierFault, EsimFaultRule>> = {
  silent_before_sale:                 { call: "order", fault: "timeout" },
  reset_before_sale:                  { call: "order", fault: "reset" },
  error_before_sale:                  { call: "order", fault: "error_500" },
  unreadable_before_sale:             { call: "order", fault: "truncated_json" },
  silent_after_sale:                  { call: "order", fault: "timeout", when: "after" },
  reset_after_sale:                   { call: "order", fault: "reset", when: "after" },
  error_after_sale:                   { call: "order", fault: "busy", when: "after" },
  truncated_after_sale:               { call: "order", fault: "truncated_json", when: "after" },
  not_json_after_sale:                { call: "order", fault: "wrong_content_type", when: "after" },
  wrong_shape_after_sale:             { call: "order", fault: "wrong_shape", when: "after" },
  oversized_after_sale:               { call: "order", fault: "oversized", when: "after" },
  look_up_silent:                     { call: "query", fault: "timeout" },
  look_up_reset:                      { call: "query", fault: "reset" },
  look_up_error:                      { call: "query", fault: "server_error" },
  look_up_truncated:                  { call: "query", fault: "truncated_json" },
  look_up_wrong_shape:                { call: "query", fault: "wrong_shape" },
  look_up_rate_limited:               { call: "query", fault: "rate_limited" },
  later_stage_silent:                 { call: "query", fault: "timeout" },
  later_stage_reset:                  { call: "query", fault: "reset" },
  later_stage_error:                  { call: "query", fault: "server_error" },
  later_stage_error_after_effect:     { call: "query", fault: "error_500", when: "after" },
  later_stage_truncated_after_effect: { call: "query", fault: "truncated_json", when: "after" },
  later_stage_rate_limited:           { call: "query", fault: "rate_limited" },
  down:                               { call: "any", fault: "error_503" },
  offers_silent:                      { call: "packages", fault: "timeout" },
  offers_wrong_shape:                 { call: "packages", fault: "wrong_shape" },
  offers_error:                       { call: "balance", fault: "server_error" },
  rate_limited:                       { call: "order", fault: "rate_limited", retryAfterS: 2 },
  out_of_stock:                       { call: "order", fault: "out_of_profiles" },
  no_balance:                         { call: "order", fault: "insufficient_balance" },
  sale_takes_long:                    { call: "order", fault: "slow", delayMs: 1500 },
};

const REQUEST = storePlanRequest(planIdOf(JAPAN_WEEK), JAPAN_WEEK);
const COST_USD_MICRO = 1_100_000n;

/** One gigabyte in Antarctica: the packages that always misbehave. */
function magicRequest(validityDays: number): JsonObject {
  const facts: PlanFacts = { ...JAPAN_WEEK, countries: ["AQ"], validityDays };
  return storePlanRequest(planIdOf(facts), facts);
}

function startTwin(options: Partial<EsimSupplierOptions> = {}): Promise<EsimSupplier> {
  return startEsimSupplier({
    speed: 1,
    seed: "contract",
    callLatencyMs: 0,
    allocationMs: 0,
    requestsPerSecond: 10_000,
    ...options,
  });
}

function openAdapter(twin: EsimSupplier, changes: Partial<EsimAccessSettings> = {}): Supplier {
  return openEsimAccess({
    ...twin.credentials,
    url: twin.url,
    callTimeoutMs: 10_000,
    callsPerSecond: 10_000,
    pollMs: 5,
    catalogueMaxAgeMs: 60_000,
    allocateTimeoutMs: 10_000,
    clock: systemClock,
    ...changes,
  });
}

function inputOf(changes: Partial<StageInput> = {}): StageInput {
  return {
    attemptId: "att_1",
    product: "travel-esim",
    request: REQUEST,
    previous: {},
    maxCostUsdMicro: COST_USD_MICRO,
    startedAtMs: Date.now(),
    signal: AbortSignal.timeout(20_000),
    ...changes,
  };
}

supplierContract("esim-access", async ({ timeoutMs }): Promise<SupplierBench> => {
  const twin = await startTwin();
  return {
    supplier: openAdapter(twin, { callTimeoutMs: timeoutMs }),
    product: "travel-esim",
    request: REQUEST,
    maxCostUsdMicro: COST_USD_MICRO,
    goodsFields: travelEsim.goodsFields,
    secrets: Object.values(twin.credentials),
    strike: (fault) => {
      twin.faults.add(RULES[fault]);
    },
    sold: () =>
      twin.ledger().map(({ transactionId, status }) => ({
        reference: transactionId,
        isUsable: status === "allocated",
      })),
    unplug: () => twin.close(),
    close: () => twin.close(),
  };
});

/** A twin for one test, and the adapter in front of it. */
async function start(options: Partial<EsimSupplierOptions> = {}): Promise<{
  readonly twin: EsimSupplier;
  readonly supplier: Supplier;
}> {
  const twin = await startTwin(options);
  onTestFinished(() => twin.close());
  return { twin, supplier: openAdapter(twin) };
}

function buy(supplier: Supplier, changes: Partial<StageInput> = {}) {
  return supplier.stages[0].run(inputOf(changes));
}

function allocate(supplier: Supplier, changes: Partial<StageInput>) {
  const [, second = supplier.stages[0]] = supplier.stages;
  return second.run(inputOf(changes));
}

/** What both stages stored and brought. */
async function bought(supplier: Supplier, changes: Partial<StageInput> = {}): Promise<StageOutput> {
  const ordered = await buy(supplier, changes);
  const previous = ordered.kind === "done" ? ordered.value.state : {};
  const outcome = await allocate(supplier, { ...changes, previous });
  if (outcome.kind !== "done") throw new Error(outcome.reason);
  return outcome.value;
}

test("the goods are what was sold, with an activation code that its view can read", async () => {
  const { twin, supplier } = await start();
  const { goods, costUsdMicro } = await bought(supplier);
  expect(goods).toEqual({
    iccid: expect.stringMatching(/^89999\d{15}$/) as string,
    activation_code: expect.stringMatching(/^LPA:1\$rsp\.sim\.example\$[0-9A-F]{32}$/) as string,
    apn: "sim.example",
    data_bytes: "1073741824",
    validity_days: "7",
    validity_starts: "install",
    install_before: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*\.000Z$/) as string,
    countries: "JP",
  });
  expect(costUsdMicro).toBe(COST_USD_MICRO);
  expect(twin.balance()).toBe("9998.90");
  expect(await travelEsim.view(goods ?? {})).toMatchObject({ smdp_address: "rsp.sim.example" });
});

test("an order that is being allocated is waited for, and lost only after the time limit", async () => {
  const { twin } = await start({ allocationMs: 300 });
  const hasty = openAdapter(twin, { allocateTimeoutMs: 50 });
  const ordered = await buy(hasty);
  const previous = ordered.kind === "done" ? ordered.value.state : {};
  expect(await allocate(hasty, { previous })).toEqual({
    kind: "unknown",
    reason: "the profile is still being allocated",
  });
  expect(await allocate(openAdapter(twin), { previous })).toMatchObject({ kind: "done" });
  expect(twin.ledger()).toHaveLength(1);
});

test("an attempt whose profile is being allocated is not found as null", async () => {
  const { supplier } = await start({ allocationMs: 60_000 });
  await buy(supplier);
  expect(await supplier.find(inputOf())).toEqual({
    kind: "unknown",
    reason: "look-up: the profile is still being allocated",
  });
});

test("what costs more than the order allows is not ordered", async () => {
  const { twin, supplier } = await start();
  expect(await buy(supplier, { maxCostUsdMicro: COST_USD_MICRO - 1n })).toEqual({
    kind: "failed",
    retryable: false,
    reason: "the plan costs more than the order allows",
  });
  expect(twin.calls().order).toBe(0);
});

test("a price that changed is read again, and the order sent once more under the same reference", async () => {
  const { twin, supplier } = await start({ faults: [{ call: "order", fault: "price_changed" }] });
  await supplier.offers(AbortSignal.timeout(10_000));
  expect((await buy(supplier)).kind).toBe("done");
  expect(twin.calls()).toMatchObject({ packages: 2, order: 2 });
  expect(twin.ledger()).toHaveLength(1);
});

test("a price that stays another than the catalogue's is a refusal", async () => {
  const { twin, supplier } = await start({
    faults: [{ call: "order", fault: "price_changed", times: "always" }],
  });
  expect(await buy(supplier)).toEqual({
    kind: "failed",
    retryable: false,
    reason: "refused with 200005",
  });
  expect(twin.ledger()).toEqual([]);
});

test("a plan that is in no catalogue is refused without a purchase", async () => {
  const { twin, supplier } = await start();
  const facts = { ...JAPAN_WEEK, countries: ["ZZ"] };
  const request = storePlanRequest(planIdOf(facts), facts);
  expect(await buy(supplier, { request })).toMatchObject({ kind: "failed", retryable: false });
  expect(twin.calls().order).toBe(0);
});

test("a supplier that sold twice is found with the first order, the others named", async () => {
  const { twin, supplier } = await start({
    faults: [{ call: "order", fault: "duplicate", times: "always" }],
  });
  await buy(supplier);
  await buy(supplier);
  const [first, second] = twin.ledger();
  expect(await supplier.find(inputOf())).toMatchObject({
    kind: "done",
    value: { state: { orderNo: first?.orderNo, duplicateOrderNos: [second?.orderNo] } },
  });
});

test("what nobody has downloaded is given back and its cost returned, once", async () => {
  const { twin, supplier } = await start();
  const { state } = await bought(supplier);
  const cancel = () => supplier.cancel?.(state, AbortSignal.timeout(10_000));
  expect(await cancel()).toEqual({ kind: "done", value: null });
  expect(await cancel()).toEqual({ kind: "done", value: null });
  expect(twin.calls().cancel).toBe(1);
  expect(twin.balance()).toBe("10000.00");
});

test("what a device has downloaded is ours to keep", async () => {
  const { twin, supplier } = await start();
  const { state } = await bought(supplier);
  twin.download(twin.ledger()[0]?.esimTranNo ?? "");
  expect(await supplier.cancel?.(state, AbortSignal.timeout(10_000))).toEqual({
    kind: "failed",
    retryable: false,
    reason: "the profile can no longer be cancelled",
  });
  expect(twin.balance()).toBe("9998.90");
});

test("a cancellation whose answer was lost is unknown, and done at the next try", async () => {
  const { supplier } = await start({ faults: [{ call: "cancel", fault: "reset", when: "after" }] });
  const { state } = await bought(supplier);
  const cancel = () => supplier.cancel?.(state, AbortSignal.timeout(10_000));
  expect((await cancel())?.kind).toBe("unknown");
  expect((await cancel())?.kind).toBe("done");
});

test("a profile that was cancelled is no goods", async () => {
  const { supplier } = await start();
  const { state } = await bought(supplier);
  await supplier.cancel?.(state, AbortSignal.timeout(10_000));
  expect(await allocate(supplier, { previous: state })).toEqual({
    kind: "failed",
    retryable: false,
    reason: "the profile is CANCEL",
  });
});

test("a wrong secret is a refusal, and the probe shows it before anybody buys", async () => {
  const { twin } = await start();
  const supplier = openAdapter(twin, { secret: "wrong-secret" });
  const refused = { kind: "failed", retryable: false, reason: "refused with 101003" };
  expect(await supplier.offers(AbortSignal.timeout(10_000))).toEqual(refused);
  expect(await buy(supplier)).toMatchObject({ kind: "failed" });
  expect(twin.ledger()).toEqual([]);
});

test("a clock that is wrong by an hour is refused before anybody buys", async () => {
  const { twin } = await start();
  const clock = { ...systemClock, now: () => Date.now() - 3_600_000 };
  expect(await openAdapter(twin, { clock }).offers(AbortSignal.timeout(10_000))).toEqual({
    kind: "failed",
    retryable: false,
    reason: "refused with 101001",
  });
});

test("calls are spread so that the supplier's limit is never met", async () => {
  const { twin } = await start({ requestsPerSecond: 50 });
  const supplier = openAdapter(twin, { callsPerSecond: 45 });
  const signal = AbortSignal.timeout(20_000);
  const probes = await Promise.all(Array.from({ length: 60 }, () => supplier.offers(signal)));
  expect(probes.filter(({ kind }) => kind !== "done")).toEqual([]);
});

test("the catalogue is read once for many probes, the balance every time", async () => {
  const { twin, supplier } = await start();
  const signal = AbortSignal.timeout(10_000);
  for (let probe = 0; probe < 3; probe += 1) await supplier.offers(signal);
  expect(twin.calls()).toMatchObject({ packages: 1, balance: 3, order: 0 });
});

test("an offer is a plan with its cost; what is sold by the day is left out", async () => {
  const { supplier } = await start();
  const offered = await supplier.offers(AbortSignal.timeout(10_000));
  const offers = offered.kind === "done" ? offered.value : [];
  expect(offers).toContainEqual({
    kind: "plan",
    product: "travel-esim",
    planId: planIdOf(JAPAN_WEEK),
    facts: JAPAN_WEEK,
    costUsdMicro: COST_USD_MICRO,
    stock: null,
    balanceUsdMicro: 10_000_000_000n,
  });
  expect(
    offers.filter((offer) => offer.kind === "plan" && offer.costUsdMicro === 1_300_000n),
  ).toEqual([]);
});

test.each([
  [1, "failed", "refused with 200011"],
  [2, "failed", "refused with 200007"],
  [5, "unknown", "answered 500"],
  [6, "unknown", "connection broke: ECONNRESET"],
  [8, "unknown", "answered 900001"],
])("the Antarctica plan of %i days misbehaves as it is told: %s", async (days, kind, reason) => {
  const { supplier } = await start();
  const outcome = await buy(supplier, { request: magicRequest(days) });
  expect(outcome).toMatchObject({ kind, reason });
});

test("a settings text is accepted or not", () => {
  const accepts = (name: string, text: string) =>
    esimAccess.settings.find((setting) => setting.name === name)?.accepts(text);
  expect(accepts("url", "https://api.example.com")).toBe(true);
  expect(accepts("url", "api.example.com")).toBe(false);
  expect(accepts("access_code", "0123456789abcdef")).toBe(true);
  expect(accepts("secret", "with space")).toBe(false);
});

test("the module opens the supplier that its settings name", async () => {
  const { twin } = await start();
  const { accessCode, secret } = twin.credentials;
  const supplier = esimAccess.open({ url: `${twin.url}/`, access_code: accessCode, secret });
  expect(supplier.id).toBe(esimAccess.id);
  expect((await supplier.offers(AbortSignal.timeout(10_000))).kind).toBe("done");
});
