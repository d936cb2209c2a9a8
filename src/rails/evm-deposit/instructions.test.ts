import { expect, test } from "vitest";
import { depositContracts, depositId } from "../../chains/evm/deposit-contracts.ts";
import { parseEvm } from "../../chains/evm/settings.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { PayableOrder, Rail } from "../rail.ts";
import { evmDeposit } from "./index.ts";

const TREASURY = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const EXPIRES_AT_MS = Date.UTC(2026, 10, 20, 12);

function openRail(): Rail {
  const parsed = parseEvm("137", {
    RPC: "https://rpc.example",
    TREASURY_KEY: "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    KEEPER_KEY: "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    DEPOSIT_FACTORY: depositContracts(TREASURY).factory.address,
    FINALITY: "6",
  });
  if (parsed.kind === "problems") throw new Error(parsed.problems.join("; "));
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  return evmDeposit.open(parsed.config, { clock: systemClock, log });
}

function orderWith(rail: Rail, symbols: readonly string[]): PayableOrder {
  const legs = rail.assets
    .filter(({ symbol }) => symbols.includes(symbol))
    .map((asset) => ({ amount: { asset, atomic: 6_210_000n }, expiresAtMs: EXPIRES_AT_MS }));
  return { id: "ord_1", legs, missing: [] };
}

test("the payer is told one address, and how much of which token", () => {
  const rail = openRail();
  expect(rail.instructions(orderWith(rail, ["USDC", "USDT"]))).toMatchInlineSnapshot(`
    {
      "address": "0x3e7B2FcaC5EB54faE34cF04cFCdf2ECCE5d4fBA1",
      "assets": [
        {
          "amount": "6.21",
          "amount_atomic": "6210000",
          "contract": "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359",
          "decimals": 6,
          "expires_at": "2026-11-20T12:00:00.000Z",
          "symbol": "USDC",
        },
        {
          "amount": "6.21",
          "amount_atomic": "6210000",
          "contract": "0xc2132D05D31c914a87C6611C10748AEb04B58e8F",
          "decimals": 6,
          "expires_at": "2026-11-20T12:00:00.000Z",
          "symbol": "USDT",
        },
      ],
      "chain_id": 137,
      "deposit_id": "0xcb191aa7529f9dee7efd8d9bbcd25037c90323bcad65c86fcca97cb5210dd34e",
      "factory": "0x05f6F97C9D6Fe9811c9434495D8150D9615Ea96C",
      "network": "eip155:137",
      "type": "evm_deposit",
    }
  `);
  expect(rail.instructions(orderWith(rail, ["USDT"]))).toMatchObject({
    assets: [{ symbol: "USDT", amount: "6.21" }],
  });
});

test("an order without a leg in a token of the chain has no instructions", () => {
  const rail = openRail();
  expect(rail.instructions(orderWith(rail, []))).toBeNull();
});

test("every order has an address of its own, and the same one whenever it is asked", () => {
  const rail = openRail();
  const addressOf = (id: string): unknown =>
    rail.instructions({ ...orderWith(rail, ["USDC"]), id })?.["address"];
  expect(addressOf("ord_1")).toBe(addressOf("ord_1"));
  expect(addressOf("ord_1")).not.toBe(addressOf("ord_2"));
  expect(depositId("ord_1")).toMatch(/^0x[0-9a-f]{64}$/);
});

test("the rail says what it is: amounts are rounded here, and confirmations are counted by the settings", () => {
  expect(openRail()).toMatchObject({
    id: "eip155:137/deposit",
    kind: "evm-deposit",
    roundsAmounts: true,
    confirmations: 6,
  });
});
