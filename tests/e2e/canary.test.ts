/**
 * A shop at its most talkative, with good orders, failing ones and callers who do everything wrong: nothing
 * that anybody can read holds a card, a key or a secret, but the card in the hands of its buyer.
 */
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CreateOrderResponse } from "#wire";
import { createBuyer, type Buyer } from "../world/buyer.ts";
import { databaseBytes, findLeaks, soldCardNumbers, type Said } from "../world/canary.ts";
import { sendPayment } from "../world/pay.ts";
import type { ShopProcess } from "../world/shop-process.ts";
import { watchOrder, type Witness } from "../world/witness.ts";
import { createWorld, type World } from "../world/world.ts";

const TEST_LIMIT_MS = 120_000;
const END_LIMIT_MS = 30_000;

let world: World;
let shop: ShopProcess;
let apiKey: string;
let strangersKey: string;
let buyer: Buyer;
const witnesses: Witness[] = [];
const answers: Said[] = [];

beforeAll(async () => {
  world = await createWorld({ closeEveryMs: 100, env: { VEND402_LOG_LEVEL: "debug" } });
  [apiKey, strangersKey] = [await world.newApiKey(), await world.newApiKey("--label", "stranger")];
  shop = await world.startShop();
  buyer = createBuyer(() => shop.url, apiKey);
}, 90_000);

afterAll(() => world.close());

interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request with the buyer's key, unless it brings headers of its own; the answer is kept for the search. */
async function ask({ method = "GET", path: at, headers, body }: Ask): Promise<number> {
  const answer = await fetch(shop.url + at, {
    method,
    headers: headers ?? { "X-Api-Key": apiKey, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body }),
  });
  const text = `${JSON.stringify([...answer.headers])}\n${await answer.text()}`;
  answers.push({ where: `${method} ${at.slice(0, 30)}`, text });
  return answer.status;
}

async function orderAndFollow(amount: string): Promise<CreateOrderResponse> {
  const order = await buyer.create(amount);
  witnesses.push(watchOrder({ url: () => shop.url, apiKey }, order.order_id));
  return order;
}

const post = (body: string): Ask => ({ method: "POST", path: "/v1/orders", body });

/** Requests that are refused, many with a secret where none belongs. */
function wrongRequests(key: string, orderId: string): readonly Ask[] {
  const as = (given: string): Readonly<Record<string, string>> => ({ "X-Api-Key": given });
  const order = `/v1/orders/${orderId}`;
  return [
    post("{"),
    post(`{"amount_usdc":"${key}"}`),
    post(`{"amount_usdc":7}`),
    post(`{"amount_usdc":"7.123"}`),
    post(`{"amount_usdc":"7.00","webhook_url":"ftp://${key}"}`),
    post(`{"amount_usdc":"7.00","metadata":"${key}"}`),
    post(`"${key}"`),
    post(JSON.stringify({ amount_usdc: "7.00", note: "x".repeat(2_000_000) })),
    { ...post(`{"amount_usdc":"7.00"}`), headers: { "X-Api-Key": key } },
    { path: order, headers: {} },
    { path: order, headers: as(`${key}0`) },
    { path: order, headers: as(key.slice(0, -1)) },
    { path: order, headers: as(strangersKey) },
    { path: `${order}/stream`, headers: as(strangersKey) },
    { path: order, headers: { Authorization: `Basic ${key}` } },
    { path: `/v1/orders/${key}` },
    { path: `/v1/orders?status=${key}` },
    { path: `/v1/orders?api_key=${key}&limit=${key}` },
    { path: `/v1/orders/../../${key}/%2e%2e/etc/passwd` },
    { path: `/${key}` },
    { method: "DELETE", path: order },
  ];
}

test(
  "good, failing and refused orders go through a shop that logs everything it can",
  async () => {
    const { network } = world;
    const payer = await network.newPayer("200");
    const inUsdc = await orderAndFollow("10.00");
    const inXlm = await orderAndFollow("11.00");
    const refused = await orderAndFollow("13.13");
    await sendPayment(network, payer, inUsdc.payment);
    await buyer.waitFor(inUsdc.order_id, ["ready"]);
    await sendPayment(network, payer, inXlm.payment, { asset: "xlm" });
    await buyer.waitFor(inXlm.order_id, ["ready"]);
    await sendPayment(network, payer, refused.payment);
    await buyer.waitFor(refused.order_id, ["refunded"]);
    const lost = await orderAndFollow("66.60");
    await sendPayment(network, payer, lost.payment);
    await buyer.waitFor(lost.order_id, ["failed", "refunded"]);
    // What a process says when it takes up the work of one that was killed.
    await shop.kill();
    shop = await world.startShop();
    await Promise.all(witnesses.map((witness) => witness.ended(END_LIMIT_MS)));

    for (const request of wrongRequests(apiKey, inUsdc.order_id))
      expect(await ask(request)).toSatisfy((status: number) => status >= 400 && status < 500);
    for (const at of [
      "/status",
      "/readyz",
      "/openapi.json",
      "/docs/errors",
      "/v1/orders",
      "/v1/usage",
    ])
      expect(await ask({ path: at })).toBe(200);
    for (const [command, ...args] of [
      ["orders", "show", inUsdc.order_id],
      ["orders", "show", inUsdc.order_id, "--json"],
      ["orders", "show", lost.order_id, "--json"],
      ["refunds", "--json"],
      ["unmatched", "--json"],
      ["keys", "list"],
      ["doctor"],
    ] as const)
      await world.command(command, ...args);
  },
  TEST_LIMIT_MS,
);

test("the search finds what it looks for", async () => {
  const [ready] = await Promise.all(
    witnesses.slice(0, 1).map(({ frames }) => buyer.get(frames[0]?.view.order_id ?? "")),
  );
  const shown = [{ where: "here", text: JSON.stringify(ready) }];
  expect(findLeaks(shown, world.secrets())).toEqual(["here: a card number", "here: a card's code"]);
  const { number = "" } = ready?.card ?? {};
  const grouped = [{ where: "here", text: number.replaceAll(/(\d{4})(?=\d)/g, "$1 ") }];
  expect(findLeaks(grouped, world.secrets())).toEqual(["here: a card number"]);
  const key = [{ where: "here", text: `Bearer ${apiKey}` }];
  expect(findLeaks(key, world.secrets())).toEqual(["here: an API key"]);
  expect(soldCardNumbers(path.join(world.folder, "supplier"))).toHaveLength(3);
  expect(world.secrets().length).toBeGreaterThanOrEqual(3 + 2 + 7);
});

test("no line, command, error or event holds a secret", () => {
  const shown = witnesses.flatMap((witness) => witness.said());
  const said = [...world.said(), ...answers, ...shown];
  expect(world.said().length).toBeGreaterThan(20);
  expect(answers.length).toBeGreaterThan(20);
  expect(shown.length).toBeGreaterThan(12);
  for (const level of ["info", "warn", "error"])
    expect(said.some(({ text }) => text.includes(`"level":"${level}"`))).toBe(true);
  expect(findLeaks(said, world.secrets())).toEqual([]);
});

test("the database is of no use to whoever takes a copy of it", async () => {
  const [known] = witnesses;
  const orderId = known?.frames[0]?.view.order_id ?? "";
  const inUse = databaseBytes(world.databaseFile);
  expect(inUse.some(({ text }) => text.includes(orderId))).toBe(true);
  expect(findLeaks(inUse, world.secrets())).toEqual([]);
  await shop.stop();
  const atRest = databaseBytes(world.databaseFile);
  expect(atRest.some(({ text }) => text.includes(orderId))).toBe(true);
  expect(findLeaks(atRest, world.secrets())).toEqual([]);
});
