import type { Hex } from "viem";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import type { PaymentTerms } from "../rail.ts";
import {
  newPayer,
  openOn,
  type OpenRail,
  readOrFail,
  signedBy,
  type StockPayload,
} from "./test-payer.ts";

let stage: EvmStage;
let open: OpenRail;

beforeAll(async () => {
  stage = await openEvmStage();
  open = openOn(stage);
});
afterEach(() => stage.devnet.faults.clear());
afterAll(() => stage.close());

type Members = Readonly<Record<string, unknown>>;

interface Tampering {
  readonly symbol: "USDC" | "USDT";
  /** Changes the authorization, Permit2's or the token's, after it was signed. */
  readonly inside?: Members;
  readonly accepted?: Members;
  readonly terms?: Partial<PaymentTerms>;
  readonly signature?: Hex;
}

const STRANGER = "0x00000000000000000000000000000000000000aa";
const NOWHERE: Hex = `0x${"11".repeat(64)}1b`;

/** What the rail says of a promise that was tampered with: when it is read, or else when it is verified. */
async function reasonFor(tampering: Tampering): Promise<string> {
  const { symbol, inside = {}, accepted = {}, terms: changes = {}, signature } = tampering;
  const payer = await newPayer(stage, 100_000_000n);
  const terms = open.terms(symbol);
  const signed = await signedBy(payer, terms);
  const name = symbol === "USDC" ? "authorization" : "permit2Authorization";
  const { payload } = signed;
  const tampered = {
    ...signed,
    accepted: { ...signed.accepted, ...accepted },
    payload: {
      ...payload,
      [name]: { ...(payload[name] as Members), ...inside },
      ...(signature !== undefined && { signature }),
    },
  };
  const read = open.rail.x402.read(2, tampered, { ...terms, ...changes });
  if (read.kind === "invalid") return read.reason;
  const verified = await open.rail.x402.verify(read.authorization);
  const settled = await open.rail.x402.settle(read.authorization);
  expect(settled).toEqual(verified);
  if (verified.kind !== "failed" || verified.retryable) throw new Error("it was not refused");
  return verified.reason;
}

const nowS = (): bigint => BigInt(Math.floor(Date.now() / 1_000));

test.each<readonly [what: string, tampering: () => Tampering, reason: string]>([
  [
    "another amount",
    () => ({ symbol: "USDC", inside: { value: "6209999" } }),
    "invalid_exact_evm_payload_authorization_value_mismatch",
  ],
  [
    "another payee",
    () => ({ symbol: "USDC", inside: { to: STRANGER } }),
    "invalid_exact_evm_recipient_mismatch",
  ],
  [
    "another payer",
    () => ({ symbol: "USDC", inside: { from: STRANGER } }),
    "invalid_exact_evm_signature",
  ],
  [
    "another nonce",
    () => ({ symbol: "USDC", inside: { nonce: `0x${"7a".repeat(32)}` } }),
    "invalid_exact_evm_signature",
  ],
  [
    "a later end than was signed",
    () => ({ symbol: "USDC", inside: { validBefore: String(nowS() + 1_800n) } }),
    "invalid_exact_evm_signature",
  ],
  [
    "a foreign signature",
    () => ({ symbol: "USDC", signature: NOWHERE }),
    "invalid_exact_evm_signature",
  ],
  [
    "a short signature",
    () => ({ symbol: "USDC", signature: "0x1234" }),
    "invalid_exact_evm_signature",
  ],
  [
    "an end in the past",
    () => ({ symbol: "USDC", inside: { validBefore: String(nowS() + 3n) } }),
    "invalid_exact_evm_payload_authorization_valid_before",
  ],
  [
    "an end in a far future",
    () => ({ symbol: "USDC", inside: { validBefore: String(nowS() + 100_000n) } }),
    "invalid_exact_evm_payload_authorization_valid_before",
  ],
  [
    "a beginning in the future",
    () => ({ symbol: "USDC", inside: { validAfter: String(nowS() + 60n) } }),
    "invalid_exact_evm_payload_authorization_valid_after",
  ],
  [
    "no number for an amount",
    () => ({ symbol: "USDC", inside: { value: "-1" } }),
    "invalid_payload",
  ],
  [
    "the terms of another amount",
    () => ({ symbol: "USDC", accepted: { amount: "1" } }),
    "invalid_exact_evm_payload_authorization_value_mismatch",
  ],
  [
    "the terms of another order",
    () => ({ symbol: "USDC", accepted: { extra: { orderId: "ord_other" } } }),
    "invalid_payment_requirements",
  ],
  [
    "the terms of another network",
    () => ({ symbol: "USDC", accepted: { network: "eip155:1" } }),
    "invalid_exact_evm_network_mismatch",
  ],
  [
    "terms with another name of the token",
    () => ({
      symbol: "USDC",
      accepted: { extra: {} },
      terms: { extra: { name: "USDC", version: "2" } },
    }),
    "invalid_exact_evm_token_name_mismatch",
  ],
  [
    "Permit2: another amount",
    () => ({ symbol: "USDT", inside: { permitted: { token: stage.devnet.usdt, amount: "1" } } }),
    "permit2_amount_mismatch",
  ],
  [
    "Permit2: another token",
    () => ({
      symbol: "USDT",
      inside: { permitted: { token: stage.devnet.usdc, amount: "6210000" } },
    }),
    "permit2_token_mismatch",
  ],
  [
    "Permit2: another spender",
    () => ({ symbol: "USDT", inside: { spender: STRANGER } }),
    "invalid_permit2_spender",
  ],
  [
    "Permit2: another payee",
    () => ({ symbol: "USDT", inside: { witness: { to: STRANGER, validAfter: "0" } } }),
    "invalid_permit2_recipient_mismatch",
  ],
  [
    "Permit2: another nonce",
    () => ({ symbol: "USDT", inside: { nonce: "1" } }),
    "invalid_permit2_signature",
  ],
  [
    "Permit2: an end in the past",
    () => ({ symbol: "USDT", inside: { deadline: "1" } }),
    "permit2_deadline_expired",
  ],
])("%s is refused with its reason", async (_what, tampering, reason) => {
  expect(await reasonFor(tampering())).toBe(reason);
});

test.each([
  ["nothing", null],
  ["a text", "payload"],
  ["no members", {}],
  ["another version", { x402Version: 1 }],
  ["no terms", { x402Version: 2, payload: {} }],
])("%s is no payload", (_what, payload) => {
  expect(open.rail.x402.read(2, payload, open.terms())).toMatchObject({ kind: "invalid" });
});

test("a payload of version 1 is the same promise", async () => {
  const terms = open.terms();
  const { payload } = await signedBy(await newPayer(stage, 10_000_000n), terms);
  const old = { x402Version: 1, scheme: "exact", network: "polygon", payload };
  const [v1, v2] = [
    open.rail.x402.read(1, old, terms),
    open.rail.x402.read(
      2,
      { x402Version: 2, accepted: terms, payload } satisfies StockPayload,
      terms,
    ),
  ];
  expect(v1).toEqual(v2);
  const elsewhere = { ...old, network: "base" };
  expect(open.rail.x402.read(1, elsewhere, terms)).toEqual({
    kind: "invalid",
    reason: "invalid_exact_evm_network_mismatch",
  });
});

test("a payer without the money is refused before anything is sent", async () => {
  const payer = await stage.newAccount({ usdc: 1n });
  const authorization = await open.promise({ payer });
  const reason = "invalid_exact_evm_insufficient_balance";
  expect(await open.rail.x402.verify(authorization)).toMatchObject({ kind: "failed", reason });
});

test("forty promises at once, two of them bad: each gets its own answer, in few calls", async () => {
  const good = await Promise.all(
    Array.from({ length: 38 }, async () =>
      open.promise({ payer: await stage.newAccount({ usdc: 10_000_000n }) }),
    ),
  );
  const poor = await Promise.all(
    [0, 1].map(async () => open.promise({ payer: await stage.newAccount() })),
  );
  const before = stage.front.asked.get("eth_call") ?? 0;
  const outcomes = await Promise.all([...good, ...poor].map((one) => open.rail.x402.verify(one)));
  expect(outcomes.slice(0, 38).every(({ kind }) => kind === "done")).toBe(true);
  for (const outcome of outcomes.slice(38))
    expect(outcome).toMatchObject({ reason: "invalid_exact_evm_insufficient_balance" });
  // One for all, and for each bad one: alone, and why.
  expect((stage.front.asked.get("eth_call") ?? 0) - before).toBeLessThan(10);
});

test("two promises of one payer who can keep only one of them are both good by themselves", async () => {
  const payer = await stage.newAccount({ usdc: 7_000_000n });
  const both = [await open.promise({ payer }), await open.promise({ payer })];
  const outcomes = await Promise.all(both.map((one) => open.rail.x402.verify(one)));
  expect(outcomes.map(({ kind }) => kind)).toEqual(["done", "done"]);
});

const CALLS = [
  "eth_estimateGas",
  "eth_getTransactionCount",
  "eth_maxPriorityFeePerGas",
  "eth_getBlockByNumber",
] as const;

test.each(CALLS)(
  "with a server that is dead at %s nobody is blamed and nothing is sent",
  async (method) => {
    const authorization = await open.promise();
    stage.devnet.faults.plan({ kind: "drop" }, { method, times: Number.POSITIVE_INFINITY });
    expect(await open.rail.x402.settle(authorization)).toMatchObject({
      kind: "failed",
      retryable: true,
    });
    stage.devnet.faults.clear();
    expect(done(await open.rail.x402.fate(authorization))).toEqual({ kind: "open" });
    done(await open.rail.x402.verify(authorization));
  },
);

test("with a server that is dead at every call nobody is blamed, not even for a strange signature", async () => {
  const terms = open.terms();
  const signed = await signedBy(await newPayer(stage, 10_000_000n), terms);
  const strange = { ...signed, payload: { ...signed.payload, signature: NOWHERE } };
  const asked = [signed, strange].map((payload) => readOrFail(open.rail.x402, payload, terms));
  stage.devnet.faults.plan({ kind: "drop" }, { times: Number.POSITIVE_INFINITY });
  const dead = openOn(stage).rail.x402;
  for (const one of asked) {
    expect(await dead.verify(one)).toMatchObject({ kind: "unknown" });
    expect(await dead.settle(one)).toMatchObject({ kind: "failed", retryable: true });
    expect(await dead.fate(one)).toMatchObject({ kind: "failed", retryable: true });
  }
});
