import { encodeFunctionData, type Hex, parseAbi } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { type EvmStage, openEvmStage, transferCall } from "../../../tests/fixtures/evm-stage.ts";
import type { Authorization, Deposit, Rail } from "../rail.ts";
import { cancel, newPayer, openOn, readOrFail, signedBy } from "./test-payer.ts";

let stage: EvmStage;
const { signal } = new AbortController();

beforeAll(async () => {
  stage = await openEvmStage();
});
afterEach(() => stage.devnet.faults.clear());
afterAll(() => stage.close());

/** What the rail's own reader finds of a promise: the only word about a payment that counts. */
async function depositsOf(rail: Rail, { ref }: Authorization): Promise<readonly Deposit[]> {
  const found: Deposit[] = [];
  for (let cursor: string | null = null; ;) {
    const read = await rail.readDeposits(cursor, signal);
    if (read.kind !== "done") throw new Error("the rail cannot be read");
    found.push(...read.value.deposits.filter((one) => one.authorizationRef === ref));
    if (read.value.isCaughtUp) return found;
    ({ cursor } = read.value);
  }
}

async function payerWithMoney(): Promise<PrivateKeyAccount> {
  return newPayer(stage, 100_000_000n);
}

test.each(["USDC", "USDT"] as const)(
  "%s: a promise is verified, carried out, and read back as the payment that it was",
  async (symbol) => {
    const { rail, promise } = openOn(stage);
    const authorization = await promise({ symbol });
    expect(done(await rail.x402.verify(authorization))).toBeNull();
    expect(done(await rail.x402.fate(authorization))).toEqual({ kind: "open" });
    const { txId } = done(await rail.x402.settle(authorization));
    await stage.devnet.mine();
    expect(done(await rail.x402.fate(authorization))).toEqual({ kind: "used", txId });
    const { from, amount, ref: authorizationRef } = authorization;
    expect(await depositsOf(rail, authorization)).toMatchObject([
      { txId, amount, authorizationRef, isPayerSafe: true, isFinal: false },
    ]);
    expect(from).toMatch(/^0x[0-9a-f]{40}$/);
  },
);

test("eight calls at the same time send one transaction", async () => {
  const { rail, promise } = openOn(stage);
  const authorization = await promise();
  const before = stage.front.asked.get("eth_sendRawTransaction") ?? 0;
  const settled = await Promise.all(
    Array.from({ length: 8 }, () => rail.x402.settle(authorization)),
  );
  const txIds = settled.map((outcome) => done(outcome).txId);
  await stage.devnet.mine();
  expect(new Set(txIds).size).toBe(1);
  expect((stage.front.asked.get("eth_sendRawTransaction") ?? 0) - before).toBe(1);
  expect(await depositsOf(rail, authorization)).toHaveLength(1);
});

test("two processes that carry out the same promise move the money once", async () => {
  const [second, payer] = await Promise.all([stage.newAccount(), payerWithMoney()]);
  const { promise, rail } = openOn(stage);
  const other = openOn(stage, { changes: { RELAY_KEYS: stage.keyOf(second) } });
  const authorization = await promise({ payer });
  await Promise.all([rail.x402.settle(authorization), other.rail.x402.settle(authorization)]);
  await stage.devnet.mine();
  expect(await depositsOf(rail, authorization)).toHaveLength(1);
  expect(await stage.balanceOf(stage.devnet.usdc, payer.address)).toBe(
    100_000_000n - authorization.amount.atomic,
  );
});

test("an answer that is lost after sending is unknown; then the chain tells", async () => {
  const { rail, promise } = openOn(stage);
  const authorization = await promise();
  stage.devnet.faults.plan({ kind: "drop_answer" }, { method: "eth_sendRawTransaction" });
  expect(await rail.x402.settle(authorization)).toMatchObject({ kind: "unknown" });
  done(await rail.x402.settle(authorization));
  await stage.devnet.mine();
  const restarted = openOn(stage).rail;
  expect(done(await restarted.x402.fate(authorization))).toMatchObject({ kind: "used" });
  expect(await restarted.x402.settle(authorization)).toMatchObject({
    kind: "failed",
    retryable: false,
    reason: "invalid_exact_evm_nonce_already_used",
  });
  expect(await depositsOf(rail, authorization)).toHaveLength(1);
});

test("a transaction that vanishes leaves no gap: others go on, and the promise is sent again", async () => {
  const { rail, promise } = openOn(stage);
  const [lost, next] = [await promise(), await promise()];
  stage.devnet.faults.plan({ kind: "lose_transaction" });
  done(await rail.x402.settle(lost));
  done(await rail.x402.settle(next));
  await stage.devnet.mine();
  expect(await depositsOf(rail, next)).toHaveLength(1);
  expect(done(await rail.x402.fate(lost))).toEqual({ kind: "open" });
  done(await rail.x402.settle(lost));
  await stage.devnet.mine();
  expect(await depositsOf(rail, lost)).toHaveLength(1);
});

test("a reorg opens a promise again, and it is carried out again", async () => {
  const { rail, promise } = openOn(stage);
  const authorization = await promise();
  await stage.finalize();
  done(await rail.x402.settle(authorization));
  await stage.devnet.mine();
  expect(await depositsOf(rail, authorization)).toHaveLength(1);
  await stage.devnet.reorg(1);
  expect(await depositsOf(rail, authorization)).toEqual([]);
  expect(done(await rail.x402.fate(authorization))).toEqual({ kind: "open" });
  done(await rail.x402.settle(authorization));
  await stage.devnet.mine();
  expect(await depositsOf(rail, authorization)).toHaveLength(1);
});

test("a transaction that the chain turns down is not taken for one on its way", async () => {
  const { rail, promise } = openOn(stage);
  const payer = await payerWithMoney();
  const authorization = await promise({ payer });
  done(await rail.x402.settle(authorization));
  // The payer's own transfer bids more than the relay: it comes first and leaves nothing.
  const held = await stage.balanceOf(stage.devnet.usdc, payer.address);
  await stage.send(payer, transferCall(stage.devnet.usdc, stage.keeper.address, held));
  await stage.devnet.mine();
  expect(await depositsOf(rail, authorization)).toEqual([]);
  expect(await rail.x402.settle(authorization)).toEqual({
    kind: "failed",
    retryable: false,
    reason: "invalid_exact_evm_insufficient_balance",
  });
});

test("many promises at once all land, spread over the relay keys", async () => {
  const relays = await Promise.all([stage.newAccount(), stage.newAccount()]);
  const keys = relays.map((account) => stage.keyOf(account));
  const { rail, promise } = openOn(stage, { changes: { RELAY_KEYS: keys.join(",") } });
  const promises: Authorization[] = [];
  for (let i = 0; i < 6; i++) promises.push(await promise());
  for (const settled of await Promise.all(promises.map((one) => rail.x402.settle(one))))
    done(settled);
  await stage.devnet.mine();
  for (const one of promises) expect(await depositsOf(rail, one)).toHaveLength(1);
  const counts = await Promise.all(
    relays.map(({ address }) => stage.devnet.rpc("eth_getTransactionCount", [address, "latest"])),
  );
  expect(counts.map(Number)).toEqual([3, 3]);
});

test("a transaction that waits for long is sent again with a higher bid; one of the two lands", async () => {
  const { rail, promise } = openOn(stage, { tuning: { outbidAfterMs: 0 } });
  const authorization = await promise();
  const first = done(await rail.x402.settle(authorization));
  const second = done(await rail.x402.settle(authorization));
  expect(second.txId).not.toBe(first.txId);
  const next = await promise();
  done(await rail.x402.settle(next));
  await stage.devnet.mine();
  expect(done(await rail.x402.settle(authorization))).toEqual(second);
  for (const one of [authorization, next]) expect(await depositsOf(rail, one)).toHaveLength(1);
});

test("nothing is sent while gas costs more than allowed, or with an empty relay account", async () => {
  const { promise, rail } = openOn(stage);
  const authorization = await promise();
  const cheap = openOn(stage, { changes: { MAX_FEE_GWEI: "1" } });
  const poor = await stage.newAccount();
  await stage.devnet.setBalance(poor.address, 0n);
  const broke = openOn(stage, { changes: { RELAY_KEYS: stage.keyOf(poor) } });
  for (const one of [cheap, broke])
    expect(await one.rail.x402.settle(authorization)).toMatchObject({
      kind: "failed",
      retryable: true,
    });
  expect(done(await rail.x402.fate(authorization))).toEqual({ kind: "open" });
});

test("USDT without an allowance asks for one, and is taken once it is there", async () => {
  const payer = await stage.newAccount({ usdt: 100_000_000n });
  const { rail, promise } = openOn(stage);
  const authorization = await promise({ symbol: "USDT", payer });
  const refusal = { kind: "failed", retryable: false, reason: "permit2_allowance_required" };
  expect(await rail.x402.verify(authorization)).toEqual(refusal);
  expect(await rail.x402.settle(authorization)).toEqual(refusal);
  const approve = parseAbi(["function approve(address spender, uint256 amount)"]);
  const args = [stage.devnet.permit2, 100_000_000n] as const;
  await stage.send(payer, {
    to: stage.devnet.usdt,
    data: encodeFunctionData({ abi: approve, functionName: "approve", args }),
  });
  await stage.devnet.mine();
  done(await rail.x402.verify(authorization));
  done(await rail.x402.settle(authorization));
  await stage.devnet.mine();
  expect(await depositsOf(rail, authorization)).toHaveLength(1);
});

test("a promise that its payer cancelled is dead, but only once final blocks say so", async () => {
  const payer = await payerWithMoney();
  const { rail, promise } = openOn(stage);
  const authorization = await promise({ payer });
  await cancel(stage, payer, nonceOf(authorization));
  expect(await rail.x402.fate(authorization)).toMatchObject({ kind: "unknown" });
  await stage.finalize();
  const dead = { kind: "dead", reason: "authorization_revoked" };
  expect(done(await rail.x402.fate(authorization))).toEqual(dead);
});

test("a nonce that was spent on another promise is no payment", async () => {
  const payer = await payerWithMoney();
  const { rail, terms } = openOn(stage);
  const wanted = terms();
  const authorization = readOrFail(rail.x402, await signedBy(payer, wanted), wanted);
  await spendElsewhere(payer, nonceOf(authorization));
  expect(await rail.x402.settle(authorization)).toMatchObject({ kind: "failed", retryable: false });
  await stage.finalize();
  const dead = { kind: "dead", reason: "authorization_revoked" };
  expect(done(await rail.x402.fate(authorization))).toEqual(dead);
  expect(await depositsOf(rail, authorization)).toEqual([]);
});

test("a nonce of Permit2 that its payer gave up is dead", async () => {
  const payer = await payerWithMoney();
  const { rail, promise } = openOn(stage);
  const authorization = await promise({ symbol: "USDT", payer });
  const nonce = BigInt(authorization.ref.split("|")[3] ?? "");
  const giveUp = parseAbi(["function invalidateUnorderedNonces(uint256 place, uint256 mask)"]);
  const args = [nonce >> 8n, 1n << (nonce & 255n)] as const;
  await stage.send(payer, {
    to: stage.devnet.permit2,
    data: encodeFunctionData({ abi: giveUp, functionName: "invalidateUnorderedNonces", args }),
  });
  await stage.devnet.mine();
  expect(await rail.x402.verify(authorization)).toMatchObject({ reason: "permit2_invalid_nonce" });
  await stage.finalize();
  expect(done(await rail.x402.fate(authorization))).toMatchObject({ kind: "dead" });
});

// Last: the chain's clock does not go back.
test("a promise that ran out is dead by final blocks, and not before", async () => {
  const { rail, promise } = openOn(stage);
  const authorization = await promise();
  await stage.devnet.advanceTime(900);
  await stage.devnet.mine();
  expect(done(await rail.x402.fate(authorization))).toEqual({ kind: "open" });
  expect(await rail.x402.settle(authorization)).toMatchObject({ kind: "failed", retryable: false });
  await stage.finalize();
  const dead = { kind: "dead", reason: "authorization_expired" };
  expect(done(await rail.x402.fate(authorization))).toEqual(dead);
});

function nonceOf({ ref }: Authorization): Hex {
  return (ref.split("|")[3] ?? "0x") as Hex;
}

/** Another promise of the same payer with the same nonce, which somebody carries out. */
async function spendElsewhere(payer: PrivateKeyAccount, nonce: Hex): Promise<void> {
  const word = <Name extends string>(name: Name) => ({ name, type: "uint256" }) as const;
  const message = {
    from: payer.address,
    to: stage.keeper.address,
    value: 1n,
    validAfter: 0n,
    validBefore: 2n ** 40n,
    nonce,
  };
  const signature = await payer.signTypedData({
    domain: {
      name: "USD Coin",
      version: "2",
      chainId: stage.devnet.chainId,
      verifyingContract: stage.devnet.usdc,
    },
    types: {
      TransferWithAuthorization: [
        { name: "from", type: "address" },
        { name: "to", type: "address" },
        word("value"),
        word("validAfter"),
        word("validBefore"),
        { name: "nonce", type: "bytes32" },
      ],
    },
    primaryType: "TransferWithAuthorization",
    message,
  });
  const data = encodeFunctionData({
    abi: parseAbi([
      "function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)",
    ]),
    functionName: "transferWithAuthorization",
    args: [message.from, message.to, message.value, 0n, message.validBefore, nonce, signature],
  });
  await stage.send(stage.keeper, { to: stage.devnet.usdc, data });
  await stage.devnet.mine();
}
