/** A shop that is paid by x402 on a chain that is a list of facts: promises are read and judged as a test says. */
import { onTestFinished } from "vitest";
import type { X402Challenge, X402PaidOrder, X402PaymentRequired } from "#wire/x402";
import type { JsonObject } from "../json.ts";
import { done, type Outcome } from "../outcome.ts";
import { planIdOf, type Plan } from "../products/plan.ts";
import type {
  Authorization,
  Deposit,
  DepositPage,
  PayableOrder,
  PaymentTerms,
  X402Scheme,
} from "../rails/rail.ts";
import type { AuthorizationRow } from "../store/rows.ts";
import { JAPAN_WEEK } from "../../tests/fixtures/plan.ts";
import { DEFAULT_X402, type HttpDeps, type HttpSettings, type PayableRail } from "./deps.ts";
import { openTestShop, type TestShop, type TestShopOptions } from "./test-shop.ts";

export const NETWORK = "eip155:137";
const X402_RAIL = `${NETWORK}/x402`;
const DEPOSIT_RAIL = `${NETWORK}/deposit`;
export const ORDER_URL = "/api/v1/x402/order";
const TOKEN = "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359";
const TETHER = "0xc2132d05d31c914a87c6611c10748aeb04b58e8f";
const TREASURY = "0x1111111111111111111111111111111111111111";
export const BUYER = "0x2222222222222222222222222222222222222222";
const CONFIRMATIONS = 6;

const asset = (contract: string, symbol: string) => ({
  id: `${NETWORK}/erc20:${contract}`,
  symbol,
  decimals: 6,
});
const POLYGON_USDC = asset(TOKEN, "USDC");
const POLYGON_USDT = asset(TETHER, "USDT");

export const PLAN: Plan = {
  id: planIdOf(JAPAN_WEEK),
  facts: JAPAN_WEEK,
  priceUsdMicro: 2_040_000n,
};

const LPA = "LPA:1$rsp.sim.example$0123456789ABCDEF0123456789ABCDEF";
export const ESIM = {
  iccid: "89999000000000000016",
  activation_code: LPA,
  apn: "internet",
  data_bytes: "1073741824",
  validity_days: "7",
  validity_starts: "install",
  install_before: "2027-05-20T00:00:00.000Z",
  countries: "JP,KR",
};

/** What the chain and its facilitator say; change it at will. */
export interface X402World {
  verdict: Outcome<null>;
  /** A promise is judged after this. */
  holdsVerdict: Promise<void>;
  /** How often a promise was judged. */
  verified: number;
  /** True: what is claimed is sent at once. */
  sendsAtOnce: boolean;
  headHeight: number | null;
  isOpen: boolean;
}

export interface X402Shop {
  readonly shop: TestShop;
  readonly chain: X402World;
  /** A walk-in's POST; `headers` replace. */
  readonly order: (
    body?: object | string,
    headers?: Readonly<Record<string, string | null>>,
  ) => Promise<Response>;
  /** A new order as its 402 describes it. */
  readonly challenge: (
    body?: object,
    headers?: Readonly<Record<string, string | null>>,
  ) => Promise<Asked>;
  /** What the promise of an order has come to, by the settle job and the watcher. */
  readonly send: (orderId: string) => Promise<void>;
  readonly fail: (orderId: string, reason: string) => Promise<void>;
  readonly mine: (orderId: string, block?: Partial<Deposit>) => Promise<void>;
  /** The chain takes back everything that it has shown and that is not final. */
  readonly reorganize: () => Promise<void>;
  readonly promises: (orderId: string) => Promise<readonly AuthorizationRow[]>;
}

export interface Asked {
  readonly answer: Response;
  readonly body: X402Challenge;
  readonly required: X402PaymentRequired;
}

export function decodeHeader(answer: Response, name: string): never {
  const text = answer.headers.get(name);
  if (text === null) throw new Error(`no ${name}`);
  return JSON.parse(Buffer.from(text, "base64").toString("utf8")) as never;
}

export function encodeHeader(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64");
}

let nonces = 0;

/** The inner payload of a signed transfer; each call is another signature. */
export function promisePayload(changes: object = {}): JsonObject {
  nonces += 1;
  return {
    signature: "0xsigned",
    authorization: { from: BUYER, to: TREASURY, value: "2040000", nonce: `n${nonces}`, ...changes },
  };
}

/** `PAYMENT-SIGNATURE` for the first entry of the order's terms. */
export function paymentV2(
  { required }: Pick<Asked, "required">,
  payload: JsonObject = promisePayload(),
  extensions: object = {},
): Readonly<Record<string, string>> {
  const { accepts, resource } = required;
  const accepted = accepts[0];
  const message = { x402Version: 2, resource, accepted, payload, extensions };
  return { "payment-signature": encodeHeader(message) };
}

/** `X-PAYMENT` on Polygon. */
export function paymentV1(
  payload: JsonObject = promisePayload(),
): Readonly<Record<string, string>> {
  const message = { x402Version: 1, scheme: "exact", network: "polygon", payload };
  return { "x-payment": encodeHeader(message) };
}

function terms(order: PayableOrder): readonly PaymentTerms[] {
  return order.legs.flatMap(({ amount }) => {
    const [network, name] = amount.asset.id.split("/erc20:");
    if (network !== NETWORK || name === undefined) return [];
    const method =
      name === TETHER ? { assetTransferMethod: "permit2" } : { name: "USD Coin", version: "2" };
    return {
      scheme: "exact",
      network,
      amount: amount.atomic.toString(),
      asset: name,
      payTo: TREASURY,
      maxTimeoutSeconds: 900,
      extra: { ...method, orderId: order.id },
    };
  });
}

function createScheme(world: X402World): X402Scheme {
  const never = () => Promise.reject(new Error("requests do not settle"));
  return {
    terms,
    read: (_version, payload, wanted) => {
      const inner = (payload as { payload?: { authorization?: Record<string, string> } }).payload;
      const said = inner?.authorization ?? null;
      if (said === null) return { kind: "invalid", reason: "invalid_payload" };
      const { from = "", to, value = "0", nonce = "" } = said;
      if (to !== wanted.payTo)
        return { kind: "invalid", reason: "invalid_exact_evm_payload_recipient_mismatch" };
      if (value !== wanted.amount)
        return { kind: "invalid", reason: "invalid_exact_evm_payload_authorization_value" };
      const authorization: Authorization = {
        ref: [NETWORK, wanted.asset, from, nonce].join("|"),
        from,
        amount: {
          asset: wanted.asset === TOKEN ? POLYGON_USDC : POLYGON_USDT,
          atomic: BigInt(value),
        },
        validUntilMs: Date.now() + 900_000,
        body: { version: _version },
      };
      return { kind: "authorization", authorization };
    },
    verify: async () => {
      world.verified += 1;
      await world.holdsVerdict;
      return world.verdict;
    },
    settle: never,
    fate: never,
  };
}

function createRails(world: X402World): readonly PayableRail[] {
  const assets = [POLYGON_USDC, POLYGON_USDT];
  return [
    {
      id: X402_RAIL,
      kind: "evm-x402",
      assets,
      confirmations: CONFIRMATIONS,
      x402: createScheme(world),
      instructions: (order) => {
        const accepts = terms(order);
        return accepts.length === 0 ? null : { type: "x402", network: NETWORK, accepts };
      },
    },
    {
      id: DEPOSIT_RAIL,
      kind: "evm-deposit",
      assets,
      confirmations: CONFIRMATIONS,
      instructions: (order) => ({
        type: "evm_deposit",
        address: `0x${order.id}`,
        network: NETWORK,
      }),
    },
  ];
}

export interface X402ShopOptions extends Omit<TestShopOptions, "settings"> {
  readonly settings?: Partial<HttpSettings>;
  readonly times?: Partial<HttpSettings["x402"]>;
}

export async function openX402Shop(options: X402ShopOptions = {}): Promise<X402Shop> {
  const chain: X402World = {
    verdict: done(null),
    holdsVerdict: Promise.resolve(),
    verified: 0,
    sendsAtOnce: true,
    headHeight: 100,
    isOpen: true,
  };
  const times = { ...DEFAULT_X402, settleWaitMs: 200, goodsWaitMs: 0, ...options.times };
  const shop = await openTestShop({
    ...options,
    settings: { ...options.settings, x402: times },
    goods: options.goods ?? ESIM,
    wrap: (deps) => {
      const wrapped: HttpDeps = {
        ...deps,
        rails: [...deps.rails, ...createRails(chain)],
        plans: () => new Map([[PLAN.id, PLAN]]),
        headHeight: (railId) => (railId === X402_RAIL ? chain.headHeight : null),
        isRailOpen: (railId) => chain.isOpen || railId !== X402_RAIL,
        pricing: (priced, nowMs) =>
          priced.id.startsWith(NETWORK) ? { kind: "dollar" } : deps.pricing(priced, nowMs),
      };
      return options.wrap?.(wrapped) ?? wrapped;
    },
  });
  const facts = playPromises(shop, chain);
  const order: X402Shop["order"] = (body = { plan_id: PLAN.id }, headers = {}) =>
    shop.ask(ORDER_URL, { body, headers: { "x-api-key": null, ...headers } });
  return {
    shop,
    chain,
    order,
    challenge: async (body, headers) => {
      const answer = await order(body, headers);
      if (answer.status !== 402) throw new Error(`${answer.status} ${await answer.text()}`);
      const required = decodeHeader(answer, "payment-required") as X402PaymentRequired;
      return { answer, body: (await answer.json()) as X402Challenge, required };
    },
    ...facts,
  };
}

export async function paidOrder(answer: Response): Promise<X402PaidOrder> {
  return (await answer.json()) as X402PaidOrder;
}

type PromiseFacts = Pick<X402Shop, "fail" | "mine" | "promises" | "reorganize" | "send">;

function playPromises({ store }: TestShop, chain: X402World): PromiseFacts {
  const height = 100;
  const promises: X402Shop["promises"] = (orderId) => store.read.authorizations.ofOrder(orderId);
  const live = async (orderId: string): Promise<AuthorizationRow> => {
    const found = (await promises(orderId)).find(({ state }) => state !== "failed");
    if (found === undefined) throw new Error("no promise is alive");
    return found;
  };
  const send = async (orderId: string): Promise<void> => {
    const { ref } = await live(orderId);
    await store.transact("noteSent", { ref, txId: `0xtx_${orderId}`, nowMs: Date.now() });
  };
  const unsubscribe = store.onCommit(({ orderIds, jobKinds }) => {
    if (!chain.sendsAtOnce || !jobKinds.includes("settle")) return;
    for (const orderId of orderIds) void send(orderId);
  });
  onTestFinished(unsubscribe);
  let pages = 0;
  const book = async (
    page: Pick<DepositPage, "deposits" | "height" | "wholeAboveHeight">,
  ): Promise<void> => {
    const nowMs = Date.now();
    pages += 1;
    await store.transact("applyDeposits", {
      railId: X402_RAIL,
      before: (await store.read.cursors.byRail(X402_RAIL))?.cursor ?? null,
      terms: { holdMs: 60_000, dustAtomic: {}, toleranceUsdMicro: 0n },
      nowMs,
      page: { ...page, unreadable: [], cursor: `c${pages}`, chainTimeMs: nowMs, isCaughtUp: true },
    });
  };
  return {
    promises,
    send,
    fail: async (orderId, reason) => {
      const { ref } = await live(orderId);
      await store.transact("failAuthorization", { ref, reason, nowMs: Date.now() });
    },
    mine: async (orderId, block = {}) => {
      const promise = await live(orderId);
      const { assetId: id, symbol, decimals, atomic, from, ref, txId } = promise;
      const deposit: Deposit = {
        txId: txId ?? `0xtx_${orderId}`,
        index: 0,
        orderRef: orderId,
        authorizationRef: ref,
        from,
        amount: { asset: { id, symbol, decimals }, atomic },
        height,
        chainTimeMs: Date.now(),
        blockHash: "0xb1",
        isFinal: true,
        ...block,
      };
      await book({ deposits: [deposit], height: deposit.height });
    },
    reorganize: () => book({ deposits: [], height, wholeAboveHeight: 0 }),
  };
}
