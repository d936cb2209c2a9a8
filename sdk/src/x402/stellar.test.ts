/** The same order paid with the shop's contract on Stellar: the real server's terms, the real contract, a local ledger. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { ESIM } from "../../../src/http/test-x402.ts";
import { memoryJournal } from "../journal.ts";
import { errorOf, openEsimStage, type EsimStage } from "../testing/esim-stage.ts";
import { openPayStage, type PayStage } from "../testing/stage.ts";
import { purchaseEsim } from "./buy.ts";
import type { X402Receipt } from "./payer.ts";

let place: PayStage;

beforeAll(async () => {
  place = await openPayStage();
});
afterAll(() => place.close());

/** A shop whose Stellar deposits name the contract of the local chain; what it is told there it believes. */
async function openStage(): Promise<EsimStage> {
  return openEsimStage({
    wrap: (deps) => ({
      ...deps,
      rails: deps.rails.map((rail) => ({
        ...rail,
        instructions: (order) => {
          const made = rail.instructions(order);
          if (made?.type !== "soroban_contract") return made;
          const usdc = { ...(made["usdc"] as object), asset: `USDC:${place.network.usdcIssuer}` };
          return {
            ...made,
            usdc,
            contract_id: place.stage.receiverId,
            network_passphrase: place.network.passphrase,
          };
        },
      })),
    }),
  });
}

function buyer(stage: EsimStage) {
  const { account: _account, ...options } = stage.buyer();
  const { signer } = place.newSigner("50");
  return { ...options, stellar: signer, stellarNetwork: place.network };
}

test("an eSIM is paid in USDC on Stellar, once however often it is asked for", async () => {
  const stage = await openStage();
  const options = { ...buyer(stage), idempotencyKey: "trip" };
  const deliver = async (orderId: string) => {
    await stage.shop.pay(orderId);
    await stage.shop.deliver(orderId);
  };
  const bought = await purchaseEsim({
    ...options,
    onStep: ({ step, orderId }) => {
      if (step === "sent") void deliver(orderId);
    },
  });
  expect(bought.esim.iccid).toBe(ESIM.iccid);
  expect(bought.payment).toMatchObject({
    network: "stellar:custom",
    asset: "USDC",
    amount: "2.04",
    payer: options.stellar.publicKey,
  });
  await purchaseEsim(options);
  expect(place.paymentsOf(bought.orderId)).toHaveLength(1);
  expect(stage.sent).toEqual([]);
});

test("maxUsd limits what is paid on Stellar", async () => {
  const stage = await openStage();
  const error = await errorOf(purchaseEsim({ ...buyer(stage), maxUsd: "2.03" }));
  expect(error.code).toBe("amount_over_cap");
});

test("an order that was begun with one wallet is not paid with another, only continued", async () => {
  const stage = await openStage();
  const journal = memoryJournal();
  const account = privateKeyToAccount(generatePrivateKey());
  const { stellar, stellarNetwork, ...options } = {
    ...buyer(stage),
    journal,
    idempotencyKey: "trip",
  };
  const stop = new AbortController();
  const signal = stop.signal;
  const onStep = ({ step }: { readonly step: string }) => {
    if (step === "signed") stop.abort("killed");
  };
  await expect(purchaseEsim({ ...options, account, signal, onStep })).rejects.toBe("killed");
  const error = await errorOf(purchaseEsim({ ...options, stellar, stellarNetwork }));
  expect(error.code).toBe("begun_otherwise");
  expect(place.paymentsOf(error.purchase?.orderId ?? "")).toEqual([]);
  stage.deliverAll();
  const both = await purchaseEsim({ ...options, account, stellar, stellarNetwork });
  expect(both.esim.iccid).toBe(ESIM.iccid);
  expect(place.paymentsOf(both.orderId)).toEqual([]);
});

test("of two wallets the preferred network decides, else the first that can pay", async () => {
  const stage = await openStage();
  const account = privateKeyToAccount(generatePrivateKey());
  const networks: string[] = [];
  for (const network of [
    undefined,
    ["stellar:custom", "eip155:137"],
    ["eip155:137", "stellar:custom"],
  ]) {
    const stop = new AbortController();
    const onStep = ({ step, payment }: { step: string; payment: X402Receipt | null }) => {
      if (step !== "signed") return;
      networks.push(payment?.network ?? "");
      stop.abort("seen");
    };
    const buying = purchaseEsim({ ...buyer(stage), account, network, signal: stop.signal, onStep });
    await expect(buying).rejects.toBe("seen");
  }
  expect(networks).toEqual(["eip155:137", "stellar:custom", "eip155:137"]);
});
