/** Unmodified x402 clients against the real server; the chain behind it is a list of facts. */
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { privateKeyToAccount } from "viem/accounts";
import { wrapFetchWithPayment as wrapFetchV1 } from "x402-fetch";
import { expect, test } from "vitest";
import { countOrders } from "./test-answers.ts";
import {
  decodeHeader,
  openX402Shop,
  ORDER_URL,
  paidOrder,
  PLAN,
  type X402Shop,
} from "./test-x402.ts";

const account = privateKeyToAccount(`0x${"42".repeat(32)}`);

/** The stock client pays up to 1 USD of assets that it knows, unless it is told otherwise. */
function stockClient(): typeof fetch {
  const client = new x402Client().register("eip155:137", new ExactEvmScheme(account));
  client.setSpendControls({ maxAmountPerPayment: "$60" });
  return wrapFetchWithPayment(fetch, client);
}

function buy(pay: typeof fetch, { shop }: X402Shop, headers: Record<string, string> = {}) {
  return pay(`${shop.url}${ORDER_URL}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ plan_id: PLAN.id }),
  });
}

test("the stock client of version 2 buys with one call", async () => {
  const x402 = await openX402Shop();
  const answer = await buy(stockClient(), x402);
  expect(answer.status).toBe(202);
  const order = await paidOrder(answer);
  expect(order.access_token).toBeDefined();
  expect(decodeHeader(answer, "payment-response")).toMatchObject({
    success: true,
    payer: account.address,
  });
  expect((await x402.promises(order.order_id)).map(({ from }) => from)).toEqual([account.address]);
  expect(await countOrders(x402.shop)).toBe(1);
});

test("the stock client of version 1 buys at the same address", async () => {
  const x402 = await openX402Shop();
  const answer = await buy(wrapFetchV1(fetch, account, 60_000_000n), x402);
  expect(answer.status).toBe(202);
  const order = await paidOrder(answer);
  expect(decodeHeader(answer, "x-payment-response")).toMatchObject({ network: "polygon" });
  expect(await x402.promises(order.order_id)).toHaveLength(1);
  expect(await countOrders(x402.shop)).toBe(1);
});

test("a stock client that lost the answer begins anew under its key and pays nothing more", async () => {
  const x402 = await openX402Shop();
  const headers = { "idempotency-key": "0190a3c4-9f1e-7000-8000-5a4b3c2d1e0f" };
  const first = await paidOrder(await buy(stockClient(), x402, headers));
  const again = await buy(stockClient(), x402, headers);
  expect(again.status).toBe(202);
  expect(await paidOrder(again)).toMatchObject({
    order_id: first.order_id,
    access_token: first.access_token,
  });
  expect(await x402.promises(first.order_id)).toHaveLength(1);
});

test("the stock client pays at the address of an order, which answers to GET", async () => {
  const x402 = await openX402Shop();
  const { body } = await x402.challenge();
  const answer = await stockClient()(`${x402.shop.url}${body.pay_url}`);
  expect(answer.status).toBe(202);
  expect((await paidOrder(answer)).order_id).toBe(body.order_id);
});
