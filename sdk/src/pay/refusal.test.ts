import { afterAll, beforeAll, expect, test } from "vitest";
import { purchaseCard } from "../buy.ts";
import { memoryJournal, type PaymentJournal } from "../journal.ts";
import type { Signer } from "../signer.ts";
import { API_KEY, startPeer } from "../testing/peer.ts";
import {
  hastyRuntime,
  openPayStage,
  startPeerShop,
  type PayStage,
  type PeerShopOptions,
} from "../testing/stage.ts";

let place: PayStage;

beforeAll(async () => {
  place = await openPayStage();
});
afterAll(() => place.close());

/** Tries to buy; resolves with the error once it is sure that nothing was signed, kept or paid. */
async function refusalOf(
  shopOptions: PeerShopOptions,
  options: Partial<Parameters<typeof purchaseCard>[0]> = {},
): Promise<unknown> {
  const shop = await startPeerShop(place, shopOptions);
  const { signer } = place.newSigner("50");
  let signatures = 0;
  const counting: Signer = {
    ...signer,
    signHash(hash) {
      signatures++;
      return signer.signHash(hash);
    },
  };
  const memory = memoryJournal();
  const payments: string[] = [];
  const journal: PaymentJournal = {
    read: memory.read,
    add(key, text) {
      if (key.startsWith("payment-")) payments.push(text);
      return memory.add(key, text);
    },
  };
  const base = {
    baseUrl: shop.baseUrl,
    apiKey: API_KEY,
    network: place.network,
    journal,
    signer: counting,
    pollMs: 50,
    deadlineMs: 10_000,
  };
  const error = await purchaseCard(
    { ...base, amountUsdc: "10.00", ...options } as Parameters<typeof purchaseCard>[0],
    hastyRuntime(10),
  ).then(
    () => "bought",
    (caught: unknown) => caught,
  );
  expect(signatures).toBe(0);
  expect(payments).toEqual([]);
  for (const orderId of shop.orderIds) expect(place.paymentsOf(orderId)).toEqual([]);
  return error;
}

test("a shop that asks for more than was ordered gets nothing", async () => {
  const payment = (offer: object) => ({
    ...offer,
    usdc: { amount: "10.01", asset: `USDC:${place.network.usdcIssuer}` },
  });
  expect(await refusalOf({ payment })).toMatchObject({
    code: "amount_over_cap",
    given: { price: "10.01", cap: "10.00" },
  });
});

test("a price in XLM over the cap is not paid", async () => {
  expect(
    await refusalOf({ xlmAmount: "64.6" }, { asset: "xlm", maxAmount: { xlm: "64.5" } }),
  ).toMatchObject({ code: "amount_over_cap" });
});

test("a price that has ended is not paid", async () => {
  const payment = (offer: object) => ({
    ...offer,
    expires_at: new Date(Date.now() + 5_000).toISOString(),
  });
  expect(await refusalOf({ payment })).toMatchObject({ code: "quote_expired" });
});

test("an asset that is not offered is not paid in", async () => {
  const payment = (offer: object) => ({
    ...offer,
    xlm: undefined,
    xlm_unavailable: "no fresh price",
  });
  expect(await refusalOf({ payment }, { asset: "xlm" })).toMatchObject({
    code: "asset_not_offered",
    given: { why: "no fresh price" },
  });
});

test("a contract that does not exist fails in simulation, before any signature", async () => {
  const payment = (offer: object) => ({
    ...offer,
    contract_id: "CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD2KM",
  });
  expect(await refusalOf({ payment })).toMatchObject({ code: "payment_failed", hash: null });
});

test("a network fee over the cap is not paid", async () => {
  expect(await refusalOf({}, { maxFeeXlm: "0.0001" })).toMatchObject({ code: "fee_over_cap" });
});

test("an RPC server of another network is noticed", async () => {
  const network = { ...place.network, passphrase: "Another Network ; 2026" };
  const payment = (offer: object) => ({ ...offer, network_passphrase: network.passphrase });
  expect(await refusalOf({ payment }, { network })).toMatchObject({
    code: "wrong_network",
    given: { server: place.network.passphrase },
  });
});

test("an RPC server that adds to the authorization gets no signature", async () => {
  const proxy = await startPeer(async (request, response) => {
    const answer = await fetch(place.network.rpcUrl, {
      method: "POST",
      body: request.body,
      headers: { "Content-Type": "application/json" },
    });
    const reply = (await answer.json()) as { result?: { results?: { auth: string[] }[] } };
    const [result] = reply.result?.results ?? [];
    if (result !== undefined) result.auth = [...result.auth, ...result.auth];
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(reply));
  });
  const rpcUrl = proxy.baseUrl.replace(/\/v1$/, "");
  expect(await refusalOf({}, { network: { ...place.network, rpcUrl } })).toMatchObject({
    code: "unexpected_authorization",
  });
});

test("an RPC server that answers nonsense is a named error, whatever it says", async () => {
  for (const body of [
    "",
    "<html>",
    "[]",
    "null",
    '{"result":7}',
    '{"result":{}}',
    '{"error":{"message":"no"}}',
    '{"result":{"passphrase":7,"entries":7}}',
  ]) {
    const proxy = await startPeer((_request, response) => response.writeHead(200).end(body));
    const network = { ...place.network, rpcUrl: proxy.baseUrl };
    expect(await refusalOf({}, { network }), body).toMatchObject({
      code: "rpc_error",
      retryable: true,
    });
  }
});

test("options that cannot be used are refused before an order is made", async () => {
  for (const options of [
    { asset: "btc" },
    { validForS: 5 },
    { maxFeeXlm: "-1" },
    { maxAmount: { xlm: "1e9" } },
    { network: "moonnet" },
    { network: { passphrase: "", rpcUrl: "https://a.example" } },
  ])
    expect(await refusalOf({}, options as never)).toMatchObject({ code: "invalid_option" });
});
