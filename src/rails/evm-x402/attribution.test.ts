import { getAddress, pad, type RpcLog, zeroHash } from "viem";
import { expect, test } from "vitest";
import type { SeenTransfer } from "../../chains/evm/pages.ts";
import { carriesOut, refsOf } from "./attribution.ts";
import { wordOf, type Hex, type SignedPromise } from "./promise.ts";

const CAIP2 = "eip155:137";
const USED: Hex = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
const account = (digit: string): Hex => `0x${digit.repeat(40)}`;
const [TOKEN, OTHER_TOKEN] = [account("a"), account("b")];
const [PAYER, STRANGER, SHOP] = [account("1"), account("2"), account("3")];

function transfer(logIndex: number, from = PAYER, token = TOKEN): SeenTransfer {
  const asset = { id: `${CAIP2}/erc20:${token}`, symbol: "USDC", decimals: 6 };
  return {
    txId: zeroHash,
    index: logIndex,
    from: getAddress(from),
    to: getAddress(SHOP),
    amount: { asset, atomic: 5n },
    height: 1,
    blockHash: zeroHash,
    logIndex,
    chainTimeMs: 0,
    isFinal: true,
  };
}

/** "This promise was carried out", as some contract says. */
function used(logIndex: number, nonce: bigint, by = TOKEN, payer = PAYER): RpcLog {
  return {
    address: by,
    topics: [USED, pad(payer), wordOf(nonce)],
    data: "0x",
    logIndex: `0x${logIndex.toString(16)}`,
    blockHash: zeroHash,
    blockNumber: "0x1",
    transactionHash: zeroHash,
    transactionIndex: "0x0",
    removed: false,
  };
}

const refs = (transfers: readonly SeenTransfer[], logs: readonly RpcLog[]) =>
  refsOf(CAIP2, transfers, { to: TOKEN, input: "0x", logs }, []);
const refOf = (nonce: bigint): string => `${CAIP2}|${TOKEN}|${PAYER}|${wordOf(nonce)}`;

test("a transfer is of the promise that its token told of just before", () => {
  const logs = [used(0, 7n), used(2, 8n), used(4, 9n)];
  expect(refs([transfer(1), transfer(3), transfer(5)], logs)).toEqual([7n, 8n, 9n].map(refOf));
});

test("a promise names one transfer: a second one after it is a plain one", () => {
  expect(refs([transfer(1), transfer(2)], [used(0, 7n)])).toEqual([refOf(7n), null]);
});

test.each([
  ["another contract", used(0, 7n, OTHER_TOKEN)],
  ["the token, of another payer", used(0, 7n, TOKEN, STRANGER)],
  ["the token, after the transfer", used(2, 7n)],
])("what %s tells names no promise", (_who, log) => {
  expect(refs([transfer(1)], [log])).toEqual([null]);
});

test("another event with the same content names no promise", () => {
  const log = { ...used(0, 7n), topics: [zeroHash, pad(PAYER), wordOf(7n)] } as RpcLog;
  expect(refs([transfer(1)], [log])).toEqual([null]);
});

test("a permit that was spent names the one transfer of its payer, payee, token and amount", () => {
  const permit = { token: TOKEN, from: PAYER, to: SHOP, atomic: 5n, nonce: wordOf(258n) };
  const facts = { to: null, input: "0x", logs: [] } as const;
  const transfers = [
    transfer(0, STRANGER),
    transfer(1, PAYER, OTHER_TOKEN),
    transfer(2),
    transfer(3),
  ];
  expect(refsOf(CAIP2, transfers, facts, [permit])).toEqual([
    null,
    null,
    `${CAIP2}|${TOKEN}|${PAYER}|258`,
    null,
  ]);
  const differing = { ...permit, atomic: 6n };
  expect(refsOf(CAIP2, transfers, facts, [differing])).toEqual([null, null, null, null]);
});

test("only the token's own word, of this payer and nonce, says that a promise was carried out", () => {
  const promise: SignedPromise = {
    method: "eip3009",
    from: PAYER,
    to: SHOP,
    token: TOKEN,
    atomic: 5n,
    validAfter: 0n,
    validBefore: 1n,
    nonce: wordOf(7n),
    signature: "0x",
  };
  const says = (log: RpcLog): boolean =>
    carriesOut(promise, { to: TOKEN, input: "0x", logs: [log] });
  expect(says(used(0, 7n))).toBe(true);
  const others = [used(0, 8n), used(0, 7n, OTHER_TOKEN), used(0, 7n, TOKEN, STRANGER)];
  expect(others.map(says)).toEqual([false, false, false]);
});
