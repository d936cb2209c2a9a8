import { bytesToHex, concat, type Hex } from "viem";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { openBooks } from "../../../tests/fixtures/rail-books.ts";
import type { Authorization } from "../rail.ts";
import { openOn, readOrFail, type OpenRail } from "./test-payer.ts";

/** EIP-1271: a signature is good when its first byte is 0x77, whatever was signed. */
const WALLET: Hex = concat([
  "0x60643560f81c", // calldataload(100) >> 248
  "0x6077146010", // == 0x77, or nothing of 32 bytes
  "0x5760205ff3",
  "0x5b631626ba7e60e01b5f5260205ff3",
]);
const MONEY = 100_000_000n;

let stage: EvmStage;
let wallet: Hex;

beforeAll(async () => {
  stage = await openEvmStage();
  wallet = privateKeyToAddress(generatePrivateKey());
  await stage.devnet.rpc("anvil_setCode", [wallet, WALLET]);
  await stage.devnet.fund(wallet, { usdc: MONEY });
});
afterAll(() => stage.close());

function signedWith({ rail, terms: termsOf }: OpenRail, signature: Hex): Authorization {
  const terms = termsOf();
  const validBefore = Math.floor(Date.now() / 1_000) + 600;
  const authorization = {
    from: wallet,
    to: terms.payTo,
    value: terms.amount,
    validAfter: "0",
    validBefore: String(validBefore),
    nonce: bytesToHex(crypto.getRandomValues(new Uint8Array(32))),
  };
  const payload = { x402Version: 2, accepted: terms, payload: { authorization, signature } };
  return readOrFail(rail.x402, payload, terms);
}

test.each([
  ["of a form of its own", `0x77${"5a".repeat(40)}`],
  ["as long as a key's", `0x77${"5a".repeat(63)}1b`],
] as const)("a wallet that is a contract pays with a signature %s", async (_form, signature) => {
  const open = openOn(stage);
  const { rail } = open;
  const authorization = signedWith(open, signature);
  const held = await stage.balanceOf(stage.devnet.usdc, wallet);
  expect(done(await rail.x402.verify(authorization))).toBeNull();
  done(await rail.x402.settle(authorization));
  await stage.devnet.mine();
  expect(await stage.balanceOf(stage.devnet.usdc, wallet)).toBe(held - authorization.amount.atomic);
  const books = openBooks(() => rail);
  await books.catchUp();
  const { ref: authorizationRef } = authorization;
  // It has code, and what comes back can still be used by whoever signs for it.
  expect(books.deposits()).toContainEqual(
    expect.objectContaining({ authorizationRef, isPayerSafe: true }),
  );
});

test("a signature that the contract does not take is refused, and nothing is sent", async () => {
  const open = openOn(stage);
  const authorization = signedWith(open, `0x78${"5a".repeat(40)}`);
  const before = stage.front.asked.get("eth_sendRawTransaction") ?? 0;
  const refusal = {
    kind: "failed",
    retryable: false,
    reason: "invalid_exact_evm_transaction_simulation_failed",
  };
  expect(await open.rail.x402.verify(authorization)).toEqual(refusal);
  expect(await open.rail.x402.settle(authorization)).toEqual(refusal);
  expect(stage.front.asked.get("eth_sendRawTransaction") ?? 0).toBe(before);
});
