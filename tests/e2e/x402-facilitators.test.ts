/** Facilitators that the shop does not own: one of ours that serves it, the reference's, and some that misbehave. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import type { x402Facilitator } from "@x402/core/facilitator";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from "vitest";
import type { X402Challenge } from "#wire/x402";
import type { EvmDevnet } from "../../devnet/evm/index.ts";
import { query, unsettled, wholesalerDoubts } from "../world/books.ts";
import { createEvmWorld, type EvmBuyer, type EvmWorld } from "../world/evm-world.ts";
import { referenceFacilitator } from "../world/reference-facilitator.ts";
import type { Environment, ShopProcess } from "../world/shop-process.ts";
import { signPayment } from "../world/stock-x402.ts";
import { createX402Buyer, type X402Buyer } from "../world/x402-buyer.ts";

const LIMIT_MS = 40_000;
const TEST_LIMIT_MS = 120_000;
const PURSE = 50_000_000n;
const PAST_ANY_WINDOW_S = 7_200;
const MAIN = path.join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");

type Body = Parameters<x402Facilitator["settle"]>;

/** How the facilitator between the shop and the reference behaves. */
type Manner =
  | "honest"
  /** Says that it was carried out, and does nothing. */
  | "lies"
  /** Carries out, then cuts the line, as one whose time is over. */
  | "silent"
  | "bad gateway"
  | "pending";

let world: EvmWorld;
let chain: EvmDevnet;
let shop: ShopProcess;
let buyer: X402Buyer;
let reference: x402Facilitator;
let front: Server;
let manner: Manner = "honest";
/** A facilitator that is asked instead of the reference. */
let behind: string | null = null;
const settled: string[] = [];

const addressOf = (server: Server): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  front = createServer((request, response) => void mediate(request, response));
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  const env = {
    VEND402_SWEEP_EVERY: "1h",
    VEND402_EVM_137_FACILITATOR: addressOf(front),
  };
  world = await createEvmWorld({ env });
  chain = world.network.chain;
  const key = generatePrivateKey();
  await chain.fund(privateKeyToAddress(key), { native: 10n ** 18n });
  reference = referenceFacilitator(chain, key);
  shop = await world.startShop();
  buyer = createX402Buyer(() => shop.url);
}, 90_000);

afterEach(() => {
  manner = "honest";
  behind = null;
  chain.faults.clear();
});

afterAll(async () => {
  front.closeAllConnections();
  front.close();
  await world.close();
});

async function mediate(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const say = (body: object, status = 200): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  if (request.url === "/supported") return say(reference.getSupported());
  const body = Buffer.concat(chunks).toString();
  if (behind !== null) return say(await passOn(behind + request.url, body));
  const { paymentPayload, paymentRequirements } = JSON.parse(body) as {
    readonly paymentPayload: Body[0];
    readonly paymentRequirements: Body[1];
  };
  const network = paymentRequirements.network;
  if (manner === "lies")
    return say({ isValid: true, success: true, transaction: `0x${"ab".repeat(32)}`, network });
  if (request.url === "/verify")
    return say(await reference.verify(paymentPayload, paymentRequirements));
  const result = await reference.settle(paymentPayload, paymentRequirements);
  if (result.success) settled.push(result.transaction);
  if (manner === "silent") return void response.destroy();
  if (manner === "bad gateway") return say({ message: "Bad gateway" }, 502);
  if (manner === "pending")
    return say({ ...result, success: false, errorReason: "settlement_pending" });
  say(result);
}

async function passOn(url: string, body: string): Promise<object> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body });
  return (await answer.json()) as object;
}

interface Asked {
  readonly order: X402Challenge;
  readonly answer: Response;
}

async function ask(): Promise<Asked> {
  const plan = await buyer.planFor("JP");
  const answer = await fetch(`${shop.url}/api/v1/x402/order`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
    body: JSON.stringify({ plan_id: plan.plan_id }),
  });
  expect(answer.status).toBe(402);
  return { order: (await answer.clone().json()) as X402Challenge, answer };
}

const payAt = ({ order }: Asked, signed: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(shop.url + order.pay_url, { method: "POST", headers: signed });

const newPayer = (): Promise<EvmBuyer> => world.network.newBuyer({ usdc: PURSE });

async function expectDeliveredOnce(asked: Asked, payer: EvmBuyer): Promise<void> {
  const end = await buyer.end(asked.order);
  expect(end.status).toBe("DELIVERED");
  const price = BigInt(end.price.amount.replace(".", "")) * 10_000n;
  expect(await world.network.usdcOf(payer.address)).toBe(PURSE - price);
  await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
  expect(wholesalerDoubts(world.databaseFile, world.supplier.ledger())).toEqual([]);
}

test.each<Manner>(["honest", "silent", "bad gateway", "pending"])(
  "the reference's facilitator that is %s after it has settled: one settlement, one delivery",
  async (how) => {
    const before = settled.length;
    const asked = await ask();
    const payer = await newPayer();
    const signed = await signPayment({ chain, buyer: payer }, asked.answer);
    manner = how;
    const answers = await Promise.all([payAt(asked, signed), payAt(asked, signed)]);
    expect(answers.map(({ status }) => status).every((one) => one === 200 || one === 202)).toBe(
      true,
    );
    await expectDeliveredOnce(asked, payer);
    expect(settled.length - before).toBe(1);
  },
  TEST_LIMIT_MS,
);

test(
  "while no RPC server answers a payment is not judged; the same one is taken when one does",
  async () => {
    const asked = await ask();
    const payer = await newPayer();
    const signed = await signPayment({ chain, buyer: payer }, asked.answer);
    chain.faults.plan({ kind: "drop" }, { times: Number.POSITIVE_INFINITY });
    const refused = await payAt(asked, signed);
    expect(refused.status).toBe(502);
    expect(await refused.json()).toMatchObject({ code: "facilitator_unavailable" });
    chain.faults.clear();
    await expect
      .poll(async () => (await payAt(asked, signed)).status, { timeout: LIMIT_MS })
      .toBeLessThan(300);
    await expectDeliveredOnce(asked, payer);
  },
  TEST_LIMIT_MS,
);

test(
  "a shop pays through a facilitator of ours in a process of its own, which ends when it is told to",
  async () => {
    const facilitator = await startFacilitator();
    behind = facilitator.url;
    const before = settled.length;
    const asked = await ask();
    const payer = await newPayer();
    const signed = await signPayment({ chain, buyer: payer }, asked.answer);
    expect((await payAt(asked, signed)).status).toBeLessThan(300);
    await expectDeliveredOnce(asked, payer);
    expect(settled.length).toBe(before);
    expect(await facilitator.stop()).toBe(0);
  },
  TEST_LIMIT_MS,
);

// Last: it moves the chain's clock.
test(
  "a facilitator that says it has paid and never did: nothing is bought, and the order can be paid again",
  async () => {
    const asked = await ask();
    const payer = await newPayer();
    const signed = await signPayment({ chain, buyer: payer }, asked.answer);
    manner = "lies";
    expect((await payAt(asked, signed)).status).toBe(202);
    const stateOf = () =>
      query(
        world.databaseFile,
        "SELECT orders.state AS state, authorizations.state AS promise, reason FROM orders JOIN authorizations ON order_id = orders.id WHERE orders.id = ?",
        asked.order.order_id,
      )[0];
    expect(stateOf()).toMatchObject({ state: "confirming", promise: "settling" });
    await chain.advanceTime(PAST_ANY_WINDOW_S);
    await expect.poll(stateOf, { timeout: LIMIT_MS }).toEqual({
      state: "awaiting_payment",
      promise: "failed",
      reason: "authorization_expired",
    });
    expect(await world.network.usdcOf(payer.address)).toBe(PURSE);
    const attempts = "SELECT id FROM attempts WHERE order_id = ?";
    expect(query(world.databaseFile, attempts, asked.order.order_id)).toEqual([]);
    await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
  },
  TEST_LIMIT_MS,
);

interface FacilitatorProcess {
  readonly url: string;
  readonly stop: () => Promise<number | null>;
}

/** `vend402 facilitator` on a free port, with nothing but what it needs. */
async function startFacilitator(): Promise<FacilitatorProcess> {
  const relay = generatePrivateKey();
  await chain.fund(privateKeyToAddress(relay), { native: 10n ** 18n });
  const { VEND402_EVM_137_RPC = "", VEND402_EVM_137_ASSETS = "" } = world.env;
  const env: Environment = {
    PATH: process.env["PATH"] ?? "",
    VEND402_FACILITATOR_DATA: path.join(world.folder, "facilitator"),
    VEND402_EVM_137_RPC,
    VEND402_EVM_137_ASSETS,
    VEND402_EVM_137_RELAY_KEYS: relay,
  };
  const child = spawn(process.execPath, [MAIN, "facilitator", "--port", "0"], {
    // No settings of the place where the tests run.
    cwd: world.folder,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line", {
    signal: AbortSignal.timeout(LIMIT_MS),
  })) as [string];
  const url = /^facilitator at (\S+) for eip155:137$/.exec(line)?.[1];
  if (url === undefined) throw new Error(`the facilitator said: ${line}`);
  return {
    url,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}
