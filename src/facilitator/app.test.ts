import { HTTPFacilitatorClient } from "@x402/core/http";
import type { PaymentPayload, PaymentRequirements } from "@x402/core/types";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/client";
import type { PrivateKeyAccount } from "viem/accounts";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from "vitest";
import { type EvmStage, openEvmStage } from "../../tests/fixtures/evm-stage.ts";
import { systemClock } from "../clock.ts";
import { createLog } from "../log.ts";
import { evmX402 } from "../rails/evm-x402/index.ts";
import { newPayer, signedBy } from "../rails/evm-x402/test-payer.ts";
import type { PaymentTerms } from "../rails/rail.ts";
import { buildFacilitator, type FacilitatorOptions } from "./app.ts";
import { openReplays, type Replays } from "./replays.ts";

const KEY = "key-of-a-seller-of-ours";
const ATOMIC = 6_210_000n;
const LIMIT_MS = 20_000;

let stage: EvmStage;
/** Sellers have treasuries that the facilitator has never heard of. */
let seller: PrivateKeyAccount;

beforeAll(async () => {
  stage = await openEvmStage({ blockTimeMs: 50 });
  seller = await stage.newAccount();
});
afterEach(() => {
  stage.devnet.faults.clear();
  stage.front.twist(null);
});
afterAll(() => stage.close());

interface Open {
  readonly url: string;
  readonly client: HTTPFacilitatorClient;
  readonly stop: () => Promise<void>;
}

const quiet = createLog({ level: "error", now: () => 0, write: () => {} });

function memory(): Replays {
  const replays = openReplays(":memory:");
  onTestFinished(() => replays.close());
  return replays;
}

async function open(changes: Partial<FacilitatorOptions> = {}, key = KEY): Promise<Open> {
  const context = { clock: systemClock, log: quiet };
  const scheme = evmX402.openForOthers(stage.config(), context);
  const server = buildFacilitator({
    ...context,
    schemes: [scheme],
    replays: memory(),
    keys: [KEY],
    lookEveryMs: 20,
    ...changes,
  });
  let isOpen = true;
  const stop = async (): Promise<void> => {
    if (isOpen) await server.close();
    isOpen = false;
  };
  const url = await server.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(stop);
  const headers = { Authorization: `Bearer ${key}` };
  const createAuthHeaders = async () => ({ verify: headers, settle: headers, supported: headers });
  return { url, client: new HTTPFacilitatorClient({ url, createAuthHeaders }), stop };
}

function requirements(symbol: "USDC" | "USDT" = "USDC"): PaymentRequirements {
  const { devnet } = stage;
  const isUsdc = symbol === "USDC";
  return {
    scheme: "exact",
    network: `eip155:${devnet.chainId}`,
    amount: ATOMIC.toString(),
    asset: isUsdc ? devnet.usdc : devnet.usdt,
    payTo: seller.address,
    maxTimeoutSeconds: 600,
    extra: isUsdc ? { name: "USD Coin", version: "2" } : { assetTransferMethod: "permit2" },
  };
}

async function payment(
  required: PaymentRequirements,
  payer?: PrivateKeyAccount,
): Promise<PaymentPayload> {
  const by = payer ?? (await newPayer(stage, ATOMIC));
  return (await signedBy(by, required as PaymentTerms)) as PaymentPayload;
}

const earned = (): Promise<bigint> => stage.balanceOf(stage.devnet.usdc, seller.address);

test("it says what it supports, in both versions, and who signs", async () => {
  const { client } = await open();
  expect(await client.getSupported()).toEqual({
    kinds: [
      { x402Version: 2, scheme: "exact", network: "eip155:137" },
      { x402Version: 1, scheme: "exact", network: "polygon" },
    ],
    extensions: [],
    signers: { "eip155:*": [stage.relay.address] },
  });
});

test.each(["USDC", "USDT"] as const)(
  "the stock client verifies and settles %s for a seller whom we do not know",
  async (symbol) => {
    const { client } = await open();
    const required = requirements(symbol);
    const payer = await newPayer(stage, ATOMIC);
    const signed = await payment(required, payer);
    expect(await client.verify(signed, required)).toMatchObject({ isValid: true });
    const held = await stage.balanceOf(required.asset as `0x${string}`, seller.address);
    expect(await client.settle(signed, required)).toMatchObject({
      success: true,
      network: "eip155:137",
      transaction: expect.stringMatching(/^0x[0-9a-f]{64}$/) as string,
      payer: payer.address.toLowerCase(),
    });
    const after = await stage.balanceOf(required.asset as `0x${string}`, seller.address);
    expect(after - held).toBe(ATOMIC);
  },
  LIMIT_MS,
);

test("a seller that speaks version 1 is served as well", async () => {
  const { client } = await open();
  const { amount, ...others } = requirements();
  const required = {
    ...others,
    network: "polygon",
    maxAmountRequired: amount,
    resource: "https://shop.example/esim",
    description: "",
    mimeType: "application/json",
  } as unknown as PaymentRequirements;
  const payer = await newPayer(stage, ATOMIC);
  const signed = (await new ExactEvmSchemeV1(payer).createPaymentPayload(1, required)) as never;
  expect(await client.verify(signed, required)).toMatchObject({ isValid: true });
  expect(await client.settle(signed, required)).toMatchObject({
    success: true,
    network: "polygon",
  });
});

test("eight calls for one promise move the money once, and one of them alone may deliver", async () => {
  const { client } = await open();
  const required = requirements();
  const signed = await payment(required);
  const held = await earned();
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => client.settle(signed, required)),
  );
  expect(answers.filter(({ success }) => success)).toHaveLength(1);
  const refused = answers.filter(({ success }) => !success);
  expect(new Set(refused.map(({ errorReason }) => errorReason))).toEqual(
    new Set(["duplicate_settlement"]),
  );
  expect(new Set(answers.map(({ transaction }) => transaction)).size).toBe(1);
  expect((await earned()) - held).toBe(ATOMIC);
});

test("a promise that was settled is a duplicate ever after, restarts included", async () => {
  const replays = memory();
  const first = await open({ replays });
  const required = requirements();
  const signed = await payment(required);
  const settled = await first.client.settle(signed, required);
  expect(settled.success).toBe(true);
  await first.stop();
  const { client } = await open({ replays });
  expect(await client.settle(signed, required)).toMatchObject({
    success: false,
    errorReason: "duplicate_settlement",
    transaction: settled.transaction,
  });
  expect(await client.verify(signed, required)).toMatchObject({
    isValid: false,
    invalidReason: "invalid_exact_evm_nonce_already_used",
  });
});

test("a caller that gave an idempotency key and lost the answer is told again", async () => {
  const { url } = await open();
  const required = requirements();
  const body = bodyOf(await payment(required), required);
  const settle = async (key: string): Promise<Readonly<Record<string, unknown>>> => {
    const headers = { "idempotency-key": key };
    const answer = await post(`${url}/settle`, body, headers);
    return (await answer.json()) as Readonly<Record<string, unknown>>;
  };
  const first = await settle("order-7");
  expect(first).toMatchObject({ success: true });
  expect(await settle("order-7")).toEqual(first);
  expect(await settle("order-8")).toMatchObject({ errorReason: "duplicate_settlement" });
});

test("a signature that was tampered with is refused by name, and nothing is sent", async () => {
  const { client } = await open();
  const required = requirements();
  const signed = await payment(required);
  const { authorization, signature } = signed.payload as {
    readonly authorization: object;
    readonly signature: string;
  };
  const forged = {
    ...signed,
    payload: { authorization, signature: signature.replace(/^0x../, "0x77") },
  };
  const refusal = "invalid_exact_evm_signature";
  expect(await client.verify(forged, required)).toMatchObject({
    isValid: false,
    invalidReason: refusal,
  });
  expect(await client.settle(forged, required)).toMatchObject({
    success: false,
    errorReason: refusal,
    transaction: "",
  });
});

test.each([
  ["network", { network: "eip155:1" }, "invalid_network"],
  ["scheme", { scheme: "upto" }, "unsupported_scheme"],
  [
    "token",
    { asset: "0x1111111111111111111111111111111111111111" },
    "invalid_payment_requirements",
  ],
  ["amount", { amount: "1" }, "invalid_exact_evm_payload_authorization_value_mismatch"],
])("another %s than was signed for is refused", async (_what, changes, reason) => {
  const { client } = await open();
  const signed = await payment(requirements());
  const required = { ...requirements(), ...changes } as PaymentRequirements;
  const payload = { ...signed, accepted: { ...signed.accepted, ...changes } } as PaymentPayload;
  expect(await client.verify(payload, required)).toMatchObject({
    isValid: false,
    invalidReason: reason,
  });
});

test("while no RPC server answers nobody is judged: 503, come again", async () => {
  const { url } = await open();
  const required = requirements();
  const body = bodyOf(await payment(required), required);
  stage.devnet.faults.plan({ kind: "http_status", status: 503 }, { times: 1_000 });
  for (const path of ["/verify", "/settle"]) {
    const answer = await post(url + path, body);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("2");
    expect(await answer.json()).toMatchObject({ code: "chain_unreachable" });
  }
  stage.devnet.faults.clear();
  expect(await (await post(`${url}/settle`, body)).json()).toMatchObject({ success: true });
});

test("only those with a key may verify and settle; what is supported is for everybody", async () => {
  const { client, url } = await open({}, "key-of-nobody-we-know");
  const required = requirements();
  const signed = await payment(required);
  await expect(client.verify(signed, required)).rejects.toThrow(/401/);
  await expect(client.settle(signed, required)).rejects.toThrow(/401/);
  const answer = await fetch(`${url}/settle`, { method: "POST", body: "{}" });
  expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  expect((await client.getSupported()).kinds).toHaveLength(2);
});

test.each([
  ["no JSON", "{", 400],
  ["no object", "[]", 400],
  ["nothing in it", "{}", 400],
  ["a payload that is none", '{"x402Version":2,"paymentPayload":[],"paymentRequirements":{}}', 400],
  [
    "an amount that is no number",
    '{"x402Version":2,"paymentPayload":{"x402Version":2},"paymentRequirements":{"amount":"0x1"}}',
    400,
  ],
  ["more than 64 kB", JSON.stringify({ paymentPayload: "x".repeat(70_000) }), 413],
])("a body with %s is refused, not taken for a bad payment", async (_what, body, status) => {
  const { url } = await open();
  for (const path of ["/verify", "/settle"]) {
    const answer = await post(url + path, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
  }
});

test("a facilitator that is told to stop answers what it has in hand", async () => {
  const { url, stop } = await open();
  const required = requirements();
  const body = bodyOf(await payment(required), required);
  const sent = (): number => stage.front.asked.get("eth_sendRawTransaction") ?? 0;
  const before = sent();
  // A server that never shows the payment.
  const unused = { result: `0x${"0".repeat(64)}` };
  stage.front.twist(({ method }) => (method === "eth_call" ? unused : null));
  const settling = post(`${url}/settle`, body);
  await expect.poll(sent, { timeout: LIMIT_MS }).toBe(before + 1);
  await stop();
  const answer = await settling;
  expect(await answer.json()).toMatchObject({ errorReason: "settlement_pending" });
});

// Last: no blocks come by themselves any more.
test("what has not landed in time is pending with its transaction, and lands under the same one", async () => {
  const { client } = await open({ settleWaitMs: 100 });
  const patient = await open();
  const required = requirements();
  const signed = await payment(required);
  await stage.devnet.rpc("evm_setIntervalMining", [0]);
  const pending = await client.settle(signed, required);
  expect(pending).toMatchObject({
    success: false,
    errorReason: "settlement_pending",
    transaction: expect.stringMatching(/^0x[0-9a-f]{64}$/) as string,
  });
  await stage.devnet.mine();
  expect(await client.settle(signed, required)).toMatchObject({
    success: true,
    transaction: pending.transaction,
  });
  expect((await patient.client.verify(signed, required)).isValid).toBe(false);
});

function bodyOf(paymentPayload: PaymentPayload, paymentRequirements: PaymentRequirements): string {
  return JSON.stringify({ x402Version: 2, paymentPayload, paymentRequirements });
}

function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${KEY}`, ...headers },
    body,
  });
}
