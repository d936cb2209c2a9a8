import { afterEach, expect, test } from "vitest";
import {
  faultKinds,
  type CardSupplier,
  type CardSupplierOptions,
  type FaultRule,
} from "./index.ts";
import { cardWords } from "./card-faults.ts";
import { openFaultScript } from "./faults.ts";
import { startFast, type Reply, type TestClient } from "./test-client.ts";

const started: CardSupplier[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((supplier) => supplier.close()));
});

async function start(
  options: Partial<CardSupplierOptions> = {},
): Promise<CardSupplier & { readonly client: TestClient }> {
  const supplier = await startFast(options);
  started.push(supplier);
  return supplier;
}

const brief = (reply: Reply): [number, unknown] => [reply.status, reply.body["code"]];

test("a 500 before the sale sells nothing; the next request does", async () => {
  const supplier = await start({ faults: [{ call: "issue", fault: "error_500" }] });
  expect(brief(await supplier.client.issue("order-1"))).toEqual([500, "internal"]);
  expect(supplier.ledger()).toEqual([]);
  expect((await supplier.client.issue("order-1")).status).toBe(201);
});

test("a card that was sold before the connection was reset is found by its reference", async () => {
  const supplier = await start({ faults: [{ call: "issue", fault: "reset", when: "after" }] });
  await expect(supplier.client.issue("order-1")).rejects.toThrow("fetch failed");
  expect(supplier.ledger()).toHaveLength(1);
  const found = await supplier.client.get("/v1/cards?reference=order-1");
  expect(found.body).toMatchObject({ cards: [{ reference: "order-1" }] });
  expect((await supplier.client.issue("order-1")).status).toBe(200);
  expect(supplier.ledger()).toHaveLength(1);
});

test("a card that was sold before a 500 is found by its reference", async () => {
  const supplier = await start({ faults: [{ call: "issue", fault: "error_500", when: "after" }] });
  expect((await supplier.client.issue("order-1")).status).toBe(500);
  expect(supplier.ledger()).toHaveLength(1);
});

test("an activation fails as often as the rule says, then works", async () => {
  const supplier = await start({ faults: [{ call: "activate", fault: "error_500", times: 2 }] });
  const { body } = await supplier.client.issue("order-1");
  const path = `/v1/cards/${String(body["id"])}/activate`;
  const statuses: number[] = [];
  for (let index = 0; index < 3; index += 1) {
    statuses.push((await supplier.client.post(path)).status);
  }
  expect(statuses).toEqual([500, 500, 200]);
});

test("an activation that took effect before a 500 shows as active", async () => {
  const rule: FaultRule = { call: "activate", fault: "error_500", when: "after" };
  const supplier = await start({ faults: [rule] });
  const { body } = await supplier.client.issue("order-1");
  const id = String(body["id"]);
  expect((await supplier.client.post(`/v1/cards/${id}/activate`)).status).toBe(500);
  expect((await supplier.client.get(`/v1/cards/${id}`)).body).toMatchObject({ status: "active" });
});

test("a duplicating supplier sells a second card for one reference", async () => {
  const supplier = await start({
    faults: [{ call: "issue", fault: "duplicate", times: "always" }],
  });
  const first = await supplier.client.issue("order-1");
  const second = await supplier.client.issue("order-1");
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(first.body["id"]).not.toBe(second.body["id"]);
  expect(supplier.ledger().map((sold) => sold.reference)).toEqual(["order-1", "order-1"]);
});

test("a call that times out never answers; with when after it has sold", async () => {
  const supplier = await start({
    faults: [
      { call: "issue", fault: "timeout", reference: "order-1" },
      { call: "issue", fault: "timeout", reference: "order-2", when: "after" },
    ],
  });
  for (const reference of ["order-1", "order-2"]) {
    const asked = fetch(`${supplier.url}/v1/cards`, {
      method: "POST",
      headers: { authorization: `Bearer ${supplier.apiKey}`, "idempotency-key": reference },
      body: JSON.stringify({ reference, face_value: "25.00", currency: "USD" }),
      signal: AbortSignal.timeout(50),
    });
    await expect(asked).rejects.toThrow("aborted due to timeout");
  }
  await expect
    .poll(() => supplier.ledger().map((sold) => sold.reference), { timeout: 5_000 })
    .toEqual(["order-2"]);
});

test("a rate limit says when to come back", async () => {
  const supplier = await start({
    faults: [{ call: "any", fault: "rate_limited", retryAfterS: 7 }],
  });
  const limited = await supplier.client.get("/v1/balance");
  expect(brief(limited)).toEqual([429, "rate_limited"]);
  expect(limited.headers.get("retry-after")).toBe("7");
  expect((await supplier.client.get("/v1/balance")).status).toBe(200);
});

test("a slow call takes longer by the delay of its rule", async () => {
  const slept: number[] = [];
  const clock = {
    now: () => 1_800_000_000_000,
    sleep: async (ms: number) => {
      slept.push(ms);
    },
  };
  const supplier = await start({
    clock,
    issueLatencyMs: 5,
    faults: [{ call: "issue", fault: "slow", delayMs: 4000 }],
  });
  await supplier.client.issue("order-1");
  await supplier.client.issue("order-2");
  expect(slept).toEqual([4005, 5]);
});

test("spoilt answers are what they are called", async () => {
  const supplier = await start();
  const { url, apiKey } = supplier;
  const spoilt = async (fault: FaultRule["fault"]): Promise<[number, string | null, string]> => {
    supplier.faults.add({ call: "balance", fault });
    const response = await fetch(`${url}/v1/balance`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    return [response.status, response.headers.get("content-type"), await response.text()];
  };
  const [, , truncated] = await spoilt("truncated_json");
  expect(() => JSON.parse(truncated) as unknown).toThrow("JSON");
  expect((await spoilt("wrong_content_type")).slice(0, 2)).toEqual([200, "text/html"]);
  expect(await spoilt("wrong_shape")).toEqual([200, "application/json", '{"result":"ok"}']);
  expect((await spoilt("oversized"))[2].length).toBeGreaterThan(8_000_000);
  expect((await spoilt("error_503"))[0]).toBe(503);
  expect((await spoilt("out_of_stock"))[0]).toBe(422);
  expect((await spoilt("insufficient_balance"))[0]).toBe(402);
});

test("a rule applies to its call, reference and face value only", async () => {
  const supplier = await start({
    faults: [
      { call: "issue", fault: "error_500", reference: "order-2", times: "always" },
      { call: "issue", fault: "error_503", faceValue: "30.00", times: "always" },
    ],
  });
  expect((await supplier.client.issue("order-1")).status).toBe(201);
  expect((await supplier.client.issue("order-2")).status).toBe(500);
  expect((await supplier.client.issue("order-3", "30.00")).status).toBe(503);
  expect((await supplier.client.issue("order-4", "30")).status).toBe(503);
});

test("the first rule that spoils the answer wins; the others keep their firings", async () => {
  const supplier = await start({
    faults: [
      { call: "balance", fault: "error_503" },
      { call: "any", fault: "rate_limited" },
    ],
  });
  const statuses: number[] = [];
  for (let index = 0; index < 3; index += 1) {
    statuses.push((await supplier.client.get("/v1/balance")).status);
  }
  expect(statuses).toEqual([503, 429, 200]);
});

test("chance comes from the seed and does not depend on the order of arrival", () => {
  const references = Array.from({ length: 200 }, (_, index) => `order-${index}`);
  const rule: FaultRule = { call: "issue", fault: "reset", times: "always", probability: 0.25 };
  const struck = (seed: string, asked: readonly string[]): string[] => {
    const script = openFaultScript(cardWords, seed, { rules: [rule], magic: [] });
    return asked
      .filter((reference) => {
        const strike = script.strike({ call: "issue", reference, item: "25.00" });
        return strike.spoiling !== null;
      })
      .toSorted();
  };
  const first = struck("a", references);
  expect(struck("a", references.toReversed())).toEqual(first);
  expect(struck("b", references)).not.toEqual(first);
  expect(first.length).toBeGreaterThan(30);
  expect(first.length).toBeLessThan(75);
});

test.each([
  ["13.13", [422, "out_of_stock"], [422, "out_of_stock"]],
  ["13.14", [402, "insufficient_balance"], [402, "insufficient_balance"]],
  ["42.90", [429, "rate_limited"], [201, undefined]],
  ["50.01", [500, "internal"], [201, undefined]],
  ["50.02", [500, "internal"], [200, undefined]],
])("face value %s misbehaves for every reference anew", async (faceValue, first, second) => {
  const { client } = await start();
  for (const reference of ["order-1", "order-2"]) {
    expect(brief(await client.issue(reference, faceValue))).toEqual(first);
    expect(brief(await client.issue(reference, faceValue))).toEqual(second);
  }
});

test("face value 66.60 never activates, 66.61 does at the second try", async () => {
  const { client } = await start();
  const activate = async (faceValue: string): Promise<number[]> => {
    const { body } = await client.issue(`order-${faceValue}`, faceValue);
    const path = `/v1/cards/${String(body["id"])}/activate`;
    return [(await client.post(path)).status, (await client.post(path)).status];
  };
  expect(await activate("66.60")).toEqual([500, 500]);
  expect(await activate("66.61")).toEqual([500, 200]);
});

test("rules are added, listed and taken back over HTTP", async () => {
  const supplier = await start();
  const { client } = supplier;
  const added = await client.post("/__sim/faults", [
    { call: "health", fault: "error_503", times: "always" },
    { call: "activate", fault: "timeout" },
  ]);
  expect(added.status).toBe(201);
  expect((await client.get("/v1/health")).status).toBe(503);
  expect((await client.get("/__sim/faults")).body).toEqual({
    faults: [
      { id: "fault_1", rule: { call: "health", fault: "error_503", times: "always" }, fired: 1 },
      { id: "fault_2", rule: { call: "activate", fault: "timeout" }, fired: 0 },
    ],
  });
  await fetch(`${supplier.url}/__sim/faults`, { method: "DELETE" });
  expect(supplier.faults.list()).toEqual([]);
  expect((await client.get("/v1/health")).status).toBe(200);
});

test.each([
  [{}, "call: missing; fault: missing"],
  [{ call: "buy", fault: "reset" }, "call: must be one of health"],
  [{ call: "issue", fault: "explode" }, `fault: must be one of ${faultKinds.join(", ")}`],
  [
    { call: "issue", fault: "reset", times: 0 },
    'times: must be a whole number from 1, or "always"',
  ],
  [{ call: "issue", fault: "reset", probability: 2 }, "probability: must be a number from 0 to 1"],
  [{ call: "issue", fault: "reset", faceValue: "25" }, "faceValue: must be a decimal text"],
  [{ call: "issue", fault: "reset", constructor: 1 }, "constructor: no such member"],
  [null, "a fault rule is an object"],
])("the rule %j is refused with its reason, and so is the list it is in", async (rule, reason) => {
  const supplier = await start();
  const good = { call: "issue", fault: "reset" };
  const reply = await supplier.client.post("/__sim/faults", [good, rule]);
  expect(reply.status).toBe(400);
  expect(reply.body["detail"]).toContain(reason);
  expect(supplier.faults.list()).toEqual([]);
});

test("a web page cannot steer the supplier", async () => {
  const supplier = await start();
  await supplier.client.issue("order-1");
  const reply = await supplier.client.post("/__sim/reset", {}, { origin: "https://example.com" });
  expect(brief(reply)).toEqual([403, "forbidden"]);
  expect(supplier.ledger()).toHaveLength(1);
});

test("a reset forgets sales, firings and scripted rules, and ends the sales in progress", async () => {
  const supplier = await start({
    issueLatencyMs: 1,
    faults: [{ call: "balance", fault: "error_500" }],
  });
  const { client } = supplier;
  await client.issue("order-1");
  await client.get("/v1/balance");
  supplier.faults.add({ call: "issue", fault: "slow", delayMs: 60_000 });
  const hanging = client.issue("order-2");
  await expect.poll(() => supplier.calls().issue, { timeout: 5_000 }).toBe(2);

  const [reset] = await Promise.all([
    client.post("/__sim/reset"),
    expect(hanging).rejects.toThrow("fetch failed"),
  ]);
  expect(reset.status).toBe(200);
  expect(supplier.ledger()).toEqual([]);
  expect(supplier.balance()).toBe("100000.00");
  expect((await client.get("/v1/balance")).status).toBe(500);
  expect((await client.issue("order-2")).status).toBe(201);
});
