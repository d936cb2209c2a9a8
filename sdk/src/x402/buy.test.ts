/** Buying over x402 from the real server, on a chain that is a list of facts. */
import { createWalletClient, http, recoverTypedDataAddress } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, onTestFinished, test } from "vitest";
import { CARD } from "../../../src/http/test-shop.ts";
import { ESIM } from "../../../src/http/test-x402.ts";
import { done, failed } from "../../../src/outcome.ts";
import { purchaseCard } from "../buy.ts";
import { IdempotencyConflictError, OrderExpiredError, OrderFailedError } from "../errors.ts";
import { memoryJournal } from "../journal.ts";
import { PaymentUnknownError } from "../pay/errors.ts";
import { systemRuntime } from "../runtime.ts";
import {
  errorOf,
  isPayment,
  openEsimStage,
  type BuyerOptions,
  type SentPromise,
  type Traffic,
} from "../testing/esim-stage.ts";
import {
  createEsimOrder,
  listPlans,
  payEsimOrder,
  purchaseEsim,
  waitForEsim,
  type PurchaseEsimOptions,
} from "./buy.ts";

const isOrder = ({ method, url }: Request) => method === "POST" && url.endsWith("/order");

/** The first requests of a kind reach the shop, and their answers are lost. */
function losingAnswers(isLost: (request: Request) => boolean, count: number): Traffic {
  let lost = 0;
  return async (request, pass) => {
    const answer = await pass();
    if (!isLost(request) || lost === count) return answer;
    lost += 1;
    throw new TypeError("socket hang up");
  };
}

/** The same buyer, who kept the order's id. */
function continuing(options: BuyerOptions, orderId: string): PurchaseEsimOptions {
  const { planId: _plan, idempotencyKey: _key, ...rest } = options;
  return { ...rest, orderId };
}

test("one call buys an eSIM with a viem account, above the dollar of stock clients", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const bought = await purchaseEsim(stage.buyer());
  expect(bought.esim).toMatchObject({ iccid: ESIM.iccid, activation_code: ESIM.activation_code });
  expect(bought.payment).toMatchObject({ network: "eip155:137", asset: "USDC", amount: "2.04" });
  const steps = bought.steps.map(({ step }) => step);
  expect(steps.slice(0, 2)).toEqual(["quote", "signed"]);
  expect(steps.at(-1)).toBe("delivered");
  expect(new Set(steps).size).toBe(steps.length);
  expect(stage.sent).toHaveLength(1);
  expect(stage.sent[0]?.extensions["payment-identifier"]?.info.id).toBe(`pay_${bought.orderId}`);
  expect(stage.sent[0]?.extensions["bazaar"]).toBeUndefined();
});

const NOTHING: SentPromise = {
  header: "",
  accepted: { asset: "", payTo: "", amount: "" },
  payload: { signature: "0x" },
  extensions: {},
};

test("what is sent is the account's own signature over price, payee and the order's nonce", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const account = privateKeyToAccount(generatePrivateKey());
  const { payment } = await purchaseEsim({ ...stage.buyer(), account });
  const [{ accepted, payload } = NOTHING] = stage.sent;
  const { from, to, value, validAfter, validBefore, nonce } = payload.authorization ?? {};
  expect({ from, to, value, nonce }).toEqual({
    from: account.address,
    to: accepted.payTo,
    value: "2040000",
    nonce: payment?.id,
  });
  const field = (name: string, type: string) => ({ name, type });
  const signer = await recoverTypedDataAddress({
    domain: {
      name: "USD Coin",
      version: "2",
      chainId: 137,
      verifyingContract: accepted.asset as `0x${string}`,
    },
    types: {
      TransferWithAuthorization: [
        field("from", "address"),
        field("to", "address"),
        field("value", "uint256"),
        field("validAfter", "uint256"),
        field("validBefore", "uint256"),
        field("nonce", "bytes32"),
      ],
    },
    primaryType: "TransferWithAuthorization",
    message: {
      from,
      to,
      value: BigInt(value ?? 0),
      validAfter: BigInt(validAfter ?? 0),
      validBefore: BigInt(validBefore ?? 0),
      nonce,
    },
    signature: payload.signature,
  });
  expect(signer).toBe(account.address);
});

test.each([1, 3])(
  "when %i answers to the payment are lost, the same promise is sent again",
  async (count) => {
    const stage = await openEsimStage({ traffic: losingAnswers(isPayment, count) });
    stage.deliverAll();
    const { esim, orderId } = await purchaseEsim(stage.buyer());
    expect(esim.iccid).toBe(ESIM.iccid);
    expect(new Set(stage.sent.map(({ header }) => header)).size).toBe(1);
    expect(stage.signatures()).toBe(1);
    expect(await stage.promises(orderId)).toHaveLength(1);
  },
);

test("when the answer to the order is lost there is one order all the same", async () => {
  const stage = await openEsimStage({ traffic: losingAnswers(isOrder, 2) });
  stage.deliverAll();
  await purchaseEsim(stage.buyer());
  expect(await stage.countOrders()).toBe(1);
});

test("called again with the same key after the end: the same goods and no payment", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const options = { ...stage.buyer(), idempotencyKey: "trip-42" };
  const first = await purchaseEsim(options);
  const again = await purchaseEsim(options);
  const byId = await purchaseEsim(continuing(options, first.orderId));
  for (const { orderId, esim, payment } of [again, byId])
    expect({ orderId, esim, payment }).toEqual({
      orderId: first.orderId,
      esim: first.esim,
      payment: null,
    });
  expect(stage.sent).toHaveLength(1);
  expect(await stage.countOrders()).toBe(1);
});

test("eight calls with one key at once: one order, one promise, eight times the goods", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const options = { ...stage.buyer(), idempotencyKey: "trip-42" };
  const bought = await Promise.all(Array.from({ length: 8 }, () => purchaseEsim(options)));
  expect(new Set(bought.map(({ orderId }) => orderId)).size).toBe(1);
  expect(new Set(stage.sent.map(({ header }) => header)).size).toBe(1);
  expect(stage.signatures()).toBe(1);
  expect(await stage.countOrders()).toBe(1);
});

test("without the journal a second machine signs the same nonce, which the chain takes once", async () => {
  const stage = await openEsimStage();
  const options = stage.buyer();
  const { orderId, accessToken } = await createEsimOrder(options);
  const journals = [memoryJournal(), memoryJournal()];
  stage.chain.verdict = failed("insufficient_funds", "final");
  for (const journal of journals) await errorOf(payEsimOrder({ ...options, orderId, journal }));
  const [one, two] = stage.sent;
  expect(one?.payload.authorization?.["nonce"]).toBe(two?.payload.authorization?.["nonce"]);
  stage.chain.verdict = done(null);
  stage.deliverAll();
  for (const journal of journals) await payEsimOrder({ ...options, orderId, journal });
  expect(await stage.promises(orderId)).toHaveLength(1);
  expect((await waitForEsim({ ...options, orderId, accessToken: accessToken ?? "" })).iccid).toBe(
    ESIM.iccid,
  );
});

test("two buyers who choose the same key do not meet", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const one = await purchaseEsim({ ...stage.buyer(), idempotencyKey: "trip" });
  const two = await purchaseEsim({ ...stage.buyer(), idempotencyKey: "trip" });
  expect(one.orderId).not.toBe(two.orderId);
});

test("a key that bought something else is refused before anything is sent", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const options = { ...stage.buyer(), idempotencyKey: "trip" };
  await purchaseEsim(options);
  const error = await errorOf(purchaseEsim({ ...options, planId: "another" }));
  expect(error).toBeInstanceOf(IdempotencyConflictError);
  expect(await stage.countOrders()).toBe(1);
});

test("whoever pays an order of another may read its goods", async () => {
  const stage = await openEsimStage();
  const { orderId } = await createEsimOrder(stage.buyer());
  stage.deliverAll();
  const { esim } = await purchaseEsim(continuing(stage.buyer(), orderId));
  expect(esim.iccid).toBe(ESIM.iccid);
});

test("what cannot be delivered comes back, and the error names the refund", async () => {
  const stage = await openEsimStage();
  const buying = errorOf(
    purchaseEsim({
      ...stage.buyer(),
      onStep: ({ step, orderId }) => {
        if (step === "sent")
          void (async () => {
            await stage.mine(orderId);
            await stage.shop.giveUp(orderId);
            await stage.shop.signRefund(orderId);
            await stage.shop.confirmRefund(orderId);
          })();
      },
    }),
  );
  const error = await buying;
  expect(error).toBeInstanceOf(OrderFailedError);
  expect(error).toMatchObject({
    refund: {
      amount: "2.04",
      asset: "USDC",
      tx_id: expect.stringContaining("refund_of") as string,
    },
  });
});

test("an order whose window closed is told so, and nothing is signed for it", async () => {
  const stage = await openEsimStage();
  const options = stage.buyer();
  const { orderId } = await createEsimOrder(options);
  stage.shop.world.skewMs = 901_000;
  await stage.shop.expire(orderId);
  const error = await errorOf(purchaseEsim(continuing(options, orderId)));
  expect(error).toBeInstanceOf(OrderExpiredError);
  expect(stage.sent).toEqual([]);
});

test("a payment that the shop never shows ends at the deadline as unknown", async () => {
  const stage = await openEsimStage({
    traffic: (request, pass) =>
      isPayment(request) ? Promise.reject(new TypeError("socket hang up")) : pass(),
  });
  const error = await errorOf(purchaseEsim({ ...stage.buyer(), deadlineMs: 1_500 }));
  expect(error).toBeInstanceOf(PaymentUnknownError);
});

test("viem's wallet client signs as well as an account", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const own = privateKeyToAccount(generatePrivateKey());
  const wallet = createWalletClient({ account: own, transport: http("http://127.0.0.1:9") });
  const { payment } = await purchaseEsim({ ...stage.buyer(), account: wallet });
  expect(payment?.payer).toBe(own.address);
});

test("a card is bought the same way, and costs at most what was ordered", async () => {
  const stage = await openEsimStage({ goods: CARD });
  stage.deliverAll();
  const { planId: _plan, maxUsd: _max, ...options } = stage.buyer();
  const error = await errorOf(purchaseCard({ ...options, amountUsdc: "2.04", maxUsd: "1.00" }));
  expect(error.code).toBe("amount_over_cap");
  const bought = await purchaseCard({ ...options, amountUsdc: "2.04" });
  expect(bought.card.number).toBe(CARD.number);
  expect(bought.payment).toMatchObject({ asset: "USDC", amount: "2.04" });
});

test("with an API key the order is the key's, and needs no token to be read", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const { apiKey } = stage.shop;
  const { orderId } = await purchaseEsim({ ...stage.buyer(), apiKey });
  expect((await stage.shop.store.read.orders.byId(orderId))?.keyId).toBe("key_1");
  const elsewhere = { ...stage.buyer(), apiKey, orderId };
  expect((await waitForEsim(elsewhere)).iccid).toBe(ESIM.iccid);
});

test("goods of an order that nobody may read are not waited for in vain", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const { orderId } = await purchaseEsim(stage.buyer());
  const error = await errorOf(waitForEsim({ ...stage.buyer(), orderId }));
  expect(error.message).toContain("accessToken");
});

test("plans are listed, by country too, and an order lists every way to pay", async () => {
  const stage = await openEsimStage();
  const shop = { baseUrl: `${stage.shop.url}/v1` };
  expect(await listPlans(shop)).toHaveLength(1);
  expect((await listPlans({ ...shop, country: "JP" }))[0]?.price.amount).toBe("2.04");
  expect(await listPlans({ ...shop, country: "BR" })).toEqual([]);
  const { asked } = await createEsimOrder(stage.buyer());
  expect(asked?.terms.deposits.map(({ type }) => type)).toEqual([
    "soroban_contract",
    "evm_deposit",
  ]);
});

test("an aborted call ends with the caller's reason and leaves no connection", async () => {
  const stage = await openEsimStage();
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const buying = purchaseEsim({
    ...stage.buyer(),
    signal: stop.signal,
    onStep: ({ step }) => {
      if (step === "sent") stop.abort("enough");
    },
  });
  await expect(buying).rejects.toBe("enough");
});

async function untilDelivered(statusUrl: string): Promise<void> {
  for (;;) {
    const { status } = (await (await fetch(statusUrl)).json()) as { status: string };
    if (status === "DELIVERED") return;
    await systemRuntime.sleep(20);
  }
}

test("a stranger who pays reads the goods also when they come before the payment's answer", async () => {
  const stage = await openEsimStage({
    traffic: async (request, pass) => {
      const answer = await pass();
      if (isPayment(request)) await untilDelivered(request.url.replace(/\/pay$/, ""));
      return answer;
    },
  });
  const { orderId } = await createEsimOrder(stage.buyer());
  stage.deliverAll();
  const { esim } = await purchaseEsim(continuing(stage.buyer(), orderId));
  expect(esim.iccid).toBe(ESIM.iccid);
});

test("where the stream is stripped it polls, with the tag of what it knows", async () => {
  const seen: string[] = [];
  const stage = await openEsimStage({
    traffic: async (request, pass) => {
      if (request.url.endsWith("/events")) return new Response("gone", { status: 410 });
      const answer = await pass();
      if (request.method === "GET")
        seen.push(
          `${String(answer.status)} ${request.headers.get("if-none-match") === null ? "" : "tagged"}`,
        );
      return answer;
    },
  });
  const buying = purchaseEsim(stage.buyer());
  await expect.poll(() => seen, { timeout: 10_000 }).toContain("304 tagged");
  stage.deliverAll();
  expect((await buying).esim.iccid).toBe(ESIM.iccid);
});
