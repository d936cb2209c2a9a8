import { expect, onTestFinished, test } from "vitest";
import {
  startCardSupplier,
  type CardSupplier,
  type FaultRule,
} from "../../../devnet/suppliers/index.ts";
import {
  supplierContract,
  type SupplierBench,
  type SupplierFault,
} from "../../../tests/contracts/supplier.ts";
import { prepaidCard } from "../../products/prepaid-card/index.ts";
import type { StageInput, Supplier } from "../supplier.ts";
import { openSimCards, simCards } from "./index.ts";

// oxfmt-ignore
const RULES: Readonly<Record<SupplierFault, FaultRule>> = {
  silent_before_sale:                 { call: "issue", fault: "timeout" },
  reset_before_sale:                  { call: "issue", fault: "reset" },
  error_before_sale:                  { call: "issue", fault: "error_500" },
  unreadable_before_sale:             { call: "issue", fault: "truncated_json" },
  silent_after_sale:                  { call: "issue", fault: "timeout", when: "after" },
  reset_after_sale:                   { call: "issue", fault: "reset", when: "after" },
  error_after_sale:                   { call: "issue", fault: "error_500", when: "after" },
  truncated_after_sale:               { call: "issue", fault: "truncated_json", when: "after" },
  not_json_after_sale:                { call: "issue", fault: "wrong_content_type", when: "after" },
  wrong_shape_after_sale:             { call: "issue", fault: "wrong_shape", when: "after" },
  oversized_after_sale:               { call: "issue", fault: "oversized", when: "after" },
  look_up_silent:                     { call: "find", fault: "timeout" },
  look_up_reset:                      { call: "find", fault: "reset" },
  look_up_error:                      { call: "find", fault: "error_503" },
  look_up_truncated:                  { call: "find", fault: "truncated_json" },
  look_up_wrong_shape:                { call: "find", fault: "wrong_shape" },
  look_up_rate_limited:               { call: "find", fault: "rate_limited" },
  later_stage_silent:                 { call: "activate", fault: "timeout" },
  later_stage_reset:                  { call: "activate", fault: "reset" },
  later_stage_error:                  { call: "activate", fault: "error_500" },
  later_stage_error_after_effect:     { call: "activate", fault: "error_500", when: "after" },
  later_stage_truncated_after_effect: { call: "activate", fault: "truncated_json", when: "after" },
  later_stage_rate_limited:           { call: "activate", fault: "rate_limited" },
  down:                               { call: "health", fault: "error_503" },
  offers_silent:                      { call: "offers", fault: "timeout" },
  offers_wrong_shape:                 { call: "offers", fault: "wrong_shape" },
  offers_error:                       { call: "balance", fault: "error_500" },
  rate_limited:                       { call: "issue", fault: "rate_limited", retryAfterS: 2 },
  out_of_stock:                       { call: "issue", fault: "out_of_stock" },
  no_balance:                         { call: "issue", fault: "insufficient_balance" },
  sale_takes_long:                    { call: "issue", fault: "slow", delayMs: 1500 },
};

const FACE_25 = { faceUsdMicro: "25000000" };

function startTwin(faults: readonly FaultRule[] = []): Promise<CardSupplier> {
  return startCardSupplier({
    speed: 1,
    seed: "contract",
    issueLatencyMs: 0,
    activateLatencyMs: 0,
    readLatencyMs: 0,
    faults,
  });
}

function openAdapter(
  { url, apiKey }: Pick<CardSupplier, "url" | "apiKey">,
  timeoutMs = 10_000,
): Supplier {
  return openSimCards({
    url,
    apiKey,
    issueTimeoutMs: timeoutMs,
    activateTimeoutMs: timeoutMs,
    readTimeoutMs: timeoutMs,
  });
}

function inputOf(changes: Partial<StageInput> = {}): StageInput {
  return {
    attemptId: "att_1",
    product: "prepaid-card",
    request: FACE_25,
    previous: {},
    maxCostUsdMicro: 25_000_000n,
    startedAtMs: Date.now(),
    signal: AbortSignal.timeout(20_000),
    ...changes,
  };
}

supplierContract("sim-cards", async ({ timeoutMs }): Promise<SupplierBench> => {
  const twin = await startTwin();
  return {
    supplier: openAdapter(twin, timeoutMs),
    product: "prepaid-card",
    request: FACE_25,
    maxCostUsdMicro: 25_000_000n,
    goodsFields: prepaidCard.goodsFields,
    secrets: [twin.apiKey],
    strike: (fault) => {
      twin.faults.add(RULES[fault]);
    },
    sold: () =>
      twin.ledger().map(({ reference, status }) => ({ reference, isUsable: status === "active" })),
    unplug: () => twin.close(),
    close: () => twin.close(),
  };
});

/** A twin for one test, and the adapter in front of it. */
async function start(
  ...faults: readonly FaultRule[]
): Promise<{ readonly twin: CardSupplier; readonly supplier: Supplier }> {
  const twin = await startTwin(faults);
  onTestFinished(() => twin.close());
  return { twin, supplier: openAdapter(twin) };
}

test("the goods are what a buyer reads, the cost what the supplier took", async () => {
  const { twin, supplier } = await start();
  const outcome = await supplier.stages[0].run(inputOf());
  expect(outcome).toEqual({
    kind: "done",
    value: {
      goods: {
        number: expect.stringMatching(/^4\d{15}$/) as string,
        cvv: expect.stringMatching(/^\d{3}$/) as string,
        expiry: expect.stringMatching(/^(0[1-9]|1[0-2])\/\d\d$/) as string,
        brand: "USD Visa Card",
      },
      state: { cardId: twin.ledger()[0]?.cardId, status: "issued", duplicateCardIds: [] },
      costUsdMicro: 24_600_000n,
    },
  });
});

test("a card that is active already is not activated again", async () => {
  const { twin, supplier } = await start();
  const bought = await supplier.stages[0].run(inputOf());
  const previous = bought.kind === "done" ? bought.value.state : {};
  const activate = () => supplier.stages[1]?.run(inputOf({ previous }));
  expect(await activate()).toMatchObject({ kind: "done", value: { goods: null } });
  expect(await activate()).toMatchObject({ kind: "done", value: { goods: null } });
  expect(twin.calls().activate).toBe(1);
});

test("an activation whose answer was lost is read back before anything else is said", async () => {
  const { supplier } = await start({ call: "activate", fault: "reset", when: "after" });
  const bought = await supplier.stages[0].run(inputOf());
  const previous = bought.kind === "done" ? bought.value.state : {};
  expect(await supplier.stages[1]?.run(inputOf({ previous }))).toMatchObject({
    kind: "done",
    value: { state: { status: "active" } },
  });
});

test("a supplier that sold twice is found with the first card, the others named", async () => {
  const { twin, supplier } = await start({ call: "issue", fault: "duplicate", times: "always" });
  const first = await supplier.stages[0].run(inputOf());
  await supplier.stages[0].run(inputOf());
  const [, second] = twin.ledger();
  const found = await supplier.find(inputOf());
  expect(found).toMatchObject({
    kind: "done",
    value: {
      goods: first.kind === "done" ? first.value.goods : {},
      state: { duplicateCardIds: [second?.cardId] },
    },
  });
});

test("a face value that is no whole number of cents is refused, and nothing is bought", async () => {
  const { twin, supplier } = await start();
  const request = { faceUsdMicro: "25001000" };
  expect(await supplier.stages[0].run(inputOf({ request }))).toEqual({
    kind: "failed",
    retryable: false,
    reason: "refused with 422 invalid_face_value",
  });
  expect(twin.ledger()).toEqual([]);
});

test("a wrong API key is a refusal, and the probe shows it before anybody buys", async () => {
  const { twin } = await start();
  const supplier = openAdapter({ url: twin.url, apiKey: "wrong-key" });
  const refused = { kind: "failed", retryable: false, reason: "refused with 401 unauthorized" };
  expect(await supplier.offers(AbortSignal.timeout(10_000))).toEqual(refused);
  expect(await supplier.stages[0].run(inputOf())).toEqual(refused);
});

test("the offer says what a card costs and what the account holds", async () => {
  const { twin, supplier } = await start();
  expect(await supplier.offers(AbortSignal.timeout(10_000))).toEqual({
    kind: "done",
    value: [
      {
        kind: "face",
        product: "prepaid-card",
        minFaceUsdMicro: 5_000_000n,
        maxFaceUsdMicro: 500_000_000n,
        feeUsdMicro: 100_000n,
        costBps: 9_800n,
        stock: 10_000,
        balanceUsdMicro: 100_000_000_000n,
      },
    ],
  });
  expect(twin.calls()).toMatchObject({ issue: 0, activate: 0, health: 1, balance: 1, offers: 1 });
});

test.each([
  ["url", "https://cards.example", true],
  ["url", "http://127.0.0.1:4010/", true],
  ["url", "ftp://cards.example", false],
  ["url", "https://key@cards.example", false],
  ["url", "cards.example", false],
  ["api_key", "sim_0123456789", true],
  ["api_key", "with space inside", false],
  ["api_key", "short", false],
])("the setting %s given as %j is accepted: %s", (name, text, isAccepted) => {
  const setting = simCards.settings.find((one) => one.name === name);
  expect(setting?.accepts(text)).toBe(isAccepted);
});

test("the module opens the supplier that its settings name, a slash at the end or not", async () => {
  const { twin } = await start();
  const supplier = simCards.open({ url: `${twin.url}/`, api_key: twin.apiKey });
  expect(supplier.id).toBe(simCards.id);
  expect((await supplier.offers(AbortSignal.timeout(10_000))).kind).toBe("done");
});
