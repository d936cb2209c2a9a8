import { expect, test } from "vitest";
import type { PlanList, X402Discovery } from "#wire/x402";
import { planIdOf, type Plan, type PlanFacts } from "../products/plan.ts";
import { JAPAN_WEEK } from "../../tests/fixtures/plan.ts";
import { EXTENSIONS } from "./x402/discovery.ts";
import { openX402Shop } from "./test-x402.ts";

const plan = (changes: Partial<PlanFacts>, priceUsdMicro: bigint): Plan => {
  const facts = { ...JAPAN_WEEK, ...changes };
  return { id: planIdOf(facts), facts, priceUsdMicro };
};
const JAPAN = plan({}, 2_040_000n);
const FRANCE = plan({ countries: ["FR"], dataBytes: 5n * 1_073_741_824n }, 4_500_000n);
const BOTH = plan({ countries: ["FR", "JP"], dataBytes: 3n * 1_073_741_824n }, 1_000_000n);

async function openCatalogue() {
  let onSale = [JAPAN, FRANCE, BOTH];
  const { shop } = await openX402Shop({
    wrap: (deps) => ({ ...deps, plans: () => new Map(onSale.map((each) => [each.id, each])) }),
  });
  const ask = (query = "", headers: Readonly<Record<string, string | null>> = {}) =>
    shop.ask(`/api/v1/x402/plans${query}`, { headers: { "x-api-key": null, ...headers } });
  const ids = async (query: string) =>
    ((await (await ask(query)).json()) as PlanList).plans.map(({ plan_id }) => plan_id);
  return { ask, ids, sell: (plans: Plan[]) => (onSale = plans) };
}

test("the catalogue tells place, data, days and price, the cheapest first", async () => {
  const { ask, ids } = await openCatalogue();
  expect(await ids("")).toEqual([BOTH.id, JAPAN.id, FRANCE.id]);
  const answer = await ask("?country=jp&min_data_mb=1024");
  expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
  expect(await answer.json()).toEqual({
    plans: [
      expect.objectContaining({ plan_id: BOTH.id }),
      {
        plan_id: JAPAN.id,
        countries: ["JP"],
        data_bytes: 1_073_741_824,
        validity_days: 7,
        validity_starts: "install",
        price: { amount: "2.04", currency: "USD" },
      },
    ],
  });
});

test("filters by country and by data leave what fits both", async () => {
  const { ids } = await openCatalogue();
  expect(await ids("?country=FR")).toEqual([BOTH.id, FRANCE.id]);
  expect(await ids("?country=FR&min_data_mb=4096")).toEqual([FRANCE.id]);
  expect(await ids("?country=AQ")).toEqual([]);
});

test.each(["?country=Japan", "?min_data_mb=0", "?min_data_mb=x"])(
  "%s is refused",
  async (query) => {
    const { ask } = await openCatalogue();
    expect((await ask(query)).status).toBe(400);
  },
);

test("who has the catalogue is told so, until a price changes", async () => {
  const { ask, sell } = await openCatalogue();
  const tag = (await ask()).headers.get("etag");
  expect((await ask("", { "if-none-match": tag })).status).toBe(304);
  sell([{ ...JAPAN, priceUsdMicro: 2_050_000n }, FRANCE, BOTH]);
  expect((await ask("", { "if-none-match": tag })).status).toBe(200);
});

test("the shop is discovered with its networks and where to go on", async () => {
  const { shop } = await openX402Shop();
  const answer = await shop.ask("/.well-known/x402", { headers: { "x-api-key": null } });
  expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
  const body = (await answer.json()) as X402Discovery;
  expect(body.resources).toEqual(["https://shop.example/api/v1/x402/order"]);
  expect(body.networks.map(({ rail, network, scheme }) => [rail, network, scheme])).toEqual([
    ["stellar:local/contract", "stellar:local", "deposit"],
    ["eip155:137/x402", "eip155:137", "exact"],
    ["eip155:137/deposit", "eip155:137", "deposit"],
  ]);
  expect((await shop.ask("/openapi.json")).status).toBe(200);
});

test("agents that read prose find the purchase on one page", async () => {
  const { shop } = await openX402Shop();
  const answer = await shop.ask("/llms.txt", { headers: { "x-api-key": null } });
  expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  const text = await answer.text();
  expect(text).toMatch(/^# Vend402\n\n> /);
  expect(text).toContain("https://shop.example/api/v1/x402/plans?country=JP");
});

test("every 402 describes its route for catalogues of paid services", async () => {
  const { challenge } = await openX402Shop();
  const { required } = await challenge();
  expect(required.extensions).toEqual(EXTENSIONS);
  const { bazaar } = EXTENSIONS;
  expect(bazaar.info.input).toMatchObject({ type: "http", method: "POST", bodyType: "json" });
  // Short enough that clients can echo it within the limits of headers.
  expect(JSON.stringify(required).length).toBeLessThan(6_000);
});
