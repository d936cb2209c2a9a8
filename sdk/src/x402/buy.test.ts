/** Buying over x402 from the real server, on a chain that is a list of facts. */
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { ESIM, openX402Shop, PLAN, type X402Shop } from "../../../src/http/test-x402.ts";
import { memoryJournal } from "../journal.ts";
import { purchaseEsim, type PurchaseEsimOptions } from "./buy.ts";
import type { X402Order } from "./answers.ts";

const account = privateKeyToAccount(generatePrivateKey());

function options({ shop }: X402Shop) {
  return {
    baseUrl: shop.url,
    planId: PLAN.id,
    account,
    maxUsd: "3.00",
    journal: memoryJournal(),
    deadlineMs: 10_000,
    pollMs: 20,
  };
}

test("one call buys an eSIM with a viem account", async () => {
  const place = await openX402Shop();
  const bought = await purchaseEsim({
    ...options(place),
    onStep: ({ step, orderId }) => {
      if (step === "sent") void place.mine(orderId).then(() => place.shop.deliver(orderId));
    },
  });
  expect(bought.esim).toMatchObject({ iccid: ESIM.iccid });
});
