import { expect, test } from "vitest";
import { failed } from "../outcome.ts";
import { countOrders } from "./test-answers.ts";
import {
  openX402Shop,
  paidOrder,
  paymentV2,
  PLAN,
  promisePayload,
  type X402Shop,
} from "./test-x402.ts";

async function promisesOf({ promises }: X402Shop, orderId: string): Promise<readonly string[]> {
  return (await promises(orderId)).map(({ state }) => state);
}

test("eight copies at once are one settlement, one order and one answer", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const headers = paymentV2(asked);
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => x402.order(undefined, headers)),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 202));
  const bodies = await Promise.all(answers.map(paidOrder));
  expect(new Set(bodies.map(({ order_id }) => order_id))).toEqual(new Set([asked.body.order_id]));
  expect(await promisesOf(x402, asked.body.order_id)).toEqual(["settling"]);
  expect(await countOrders(x402.shop)).toBe(1);
  expect(x402.chain.verified).toBeLessThan(8);
});

test("copies that arrive while the first is checked do not ask the chain again", async () => {
  const gate = Promise.withResolvers<void>();
  let presented = 0;
  const x402 = await openX402Shop({
    wrap: (deps) => ({
      ...deps,
      isRailOpen: (railId, nowMs) => {
        presented += 1;
        if (presented === 8) gate.resolve();
        return deps.isRailOpen(railId, nowMs);
      },
    }),
  });
  const asked = await x402.challenge();
  presented = 0;
  x402.chain.holdsVerdict = gate.promise;
  const headers = paymentV2(asked);
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => x402.order(undefined, headers)),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 202));
  expect(x402.chain.verified).toBe(1);
});

test("eight signatures at once for one order: one is carried out", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => x402.order(undefined, paymentV2(asked))),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 202));
  expect(await promisesOf(x402, asked.body.order_id)).toEqual(["settling"]);
});

test("the same signature after the delivery brings the order, without a settlement", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const headers = paymentV2(asked);
  await x402.order(undefined, headers);
  await x402.mine(asked.body.order_id);
  await x402.shop.deliver(asked.body.order_id);
  for (const again of [headers, paymentV2(asked)]) {
    const answer = await x402.order(undefined, again);
    expect(answer.status).toBe(200);
    expect(await paidOrder(answer)).toMatchObject({
      order_id: asked.body.order_id,
      status: "DELIVERED",
    });
  }
  expect(x402.chain.verified).toBe(1);
  expect(await promisesOf(x402, asked.body.order_id)).toEqual(["settled"]);
});

test("who repeats a signature that the chain shows to all learns neither goods nor token", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const headers = paymentV2(asked);
  await x402.order(undefined, headers);
  await x402.mine(asked.body.order_id);
  await x402.shop.deliver(asked.body.order_id);
  const body = await paidOrder(await x402.order(undefined, headers));
  expect(body.esim).toBeUndefined();
  expect(body.access_token).toBeUndefined();
  const own = { ...headers, authorization: `Bearer ${asked.body.access_token ?? ""}` };
  const shown = await paidOrder(await x402.order(undefined, own));
  expect(shown.esim?.iccid).toBe("89999000000000000016");
});

test("a signature of another order pays nothing twice: it brings the order that it paid", async () => {
  const x402 = await openX402Shop();
  const first = await x402.challenge();
  const payload = promisePayload();
  await x402.order(undefined, paymentV2(first, payload));
  const body = { plan_id: PLAN.id, client_ref: "the second" };
  const second = await x402.challenge(body);
  // On the chain it is used up; nobody needs to be asked to know it.
  x402.chain.verdict = failed("invalid_exact_evm_nonce_already_used", "final");
  const answer = await x402.order(body, paymentV2(second, payload));
  expect(answer.status).toBe(202);
  expect((await paidOrder(answer)).order_id).toBe(first.body.order_id);
  expect(await promisesOf(x402, second.body.order_id)).toEqual([]);
});
