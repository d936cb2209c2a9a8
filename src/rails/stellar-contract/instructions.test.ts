import { Keypair } from "@stellar/stellar-sdk/base";
import { expect, test } from "vitest";
import type { SorobanPayment } from "#wire";
import type { PayableOrder } from "../rail.ts";
import { writeInstructions } from "./instructions.ts";
import { railAssets, type StellarContractConfig } from "./network.ts";

const issuer = Keypair.fromRawEd25519Seed(new Uint8Array(32).fill(1)).publicKey();
const CONFIG = {
  network: "local",
  passphrase: "a network",
  receiverContractId: "CRECEIVER",
  usdc: { code: "USDC", issuer },
} as StellarContractConfig;
const ASSETS = railAssets(CONFIG);
const expiresAtMs = Date.UTC(2026, 10, 5, 10, 0, 0, 250);

function order(changes: Partial<PayableOrder>): PayableOrder {
  const legs = [
    { amount: { asset: ASSETS.usdc.asset, atomic: 10_0000000n }, expiresAtMs },
    { amount: { asset: ASSETS.xlm.asset, atomic: 110_5000000n }, expiresAtMs },
  ];
  return { id: "ord_1", legs, missing: [], ...changes };
}

test("instructions are the wire's own form, with exact amounts", () => {
  const written: SorobanPayment | null = writeInstructions(CONFIG, ASSETS, order({}));
  expect(written).toEqual({
    type: "soroban_contract",
    contract_id: "CRECEIVER",
    order_id: "ord_1",
    usdc: { amount: "10.00", asset: `USDC:${issuer}` },
    xlm: { amount: "110.5000000", expires_at: "2026-11-05T10:00:00.250Z" },
    network_passphrase: "a network",
  });
});

test("no digit of an amount is lost", () => {
  const amount = { asset: ASSETS.usdc.asset, atomic: 1n };
  const written = writeInstructions(CONFIG, ASSETS, order({ legs: [{ amount, expiresAtMs }] }));
  expect(written?.usdc.amount).toBe("0.0000001");
});

test("without a price the XLM leg is left out and its reason is told", () => {
  const [usdc] = order({}).legs;
  const missing = [{ symbol: "XLM", reason: "price_unavailable" }];
  const written = writeInstructions(
    CONFIG,
    ASSETS,
    order({ legs: usdc === undefined ? [] : [usdc], missing }),
  );
  expect(written).not.toHaveProperty("xlm");
  expect(written?.xlm_unavailable).toBe("price_unavailable");
});

test("an order without a leg in USDC of this network is not payable here", () => {
  expect(writeInstructions(CONFIG, ASSETS, order({ legs: [] }))).toBeNull();
});
