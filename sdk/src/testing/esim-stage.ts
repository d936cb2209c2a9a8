import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import {
  openX402Shop,
  PLAN,
  type X402Shop,
  type X402ShopOptions,
} from "../../../src/http/test-x402.ts";
import { countOrders } from "../../../src/http/test-answers.ts";
import { Vend402Error } from "../errors.ts";
import { memoryJournal } from "../journal.ts";
import type { PurchaseEsimOptions } from "../x402/buy.ts";
import type { EvmSigner } from "../x402/evm.ts";

/** A shop of the real server, on a chain that is a list of facts, and what buyers sent to it. */
export interface EsimStage extends X402Shop {
  /** `PAYMENT-SIGNATURE` of every request that carried one, decoded, oldest first. */
  readonly sent: readonly SentPromise[];
  /** How often the buyers' accounts signed: two promises of one second are the same bytes. */
  signatures(): number;
  /** How many orders the shop made. */
  countOrders(): Promise<number>;
  /** What a buyer passes; every call is another buyer with another journal. */
  buyer(): BuyerOptions;
  /** Makes every payment final and its order delivered, from now on. */
  deliverAll(): void;
}

export type BuyerOptions = PurchaseEsimOptions & { readonly planId: string };

export interface SentPromise {
  /** As it was sent. */
  readonly header: string;
  readonly accepted: { readonly asset: string; readonly payTo: string; readonly amount: string };
  readonly payload: {
    readonly signature: `0x${string}`;
    readonly authorization?: Readonly<Record<string, `0x${string}`>>;
    readonly permit2Authorization?: {
      readonly from: string;
      readonly nonce: string;
      readonly deadline: string;
    };
  };
  readonly extensions: Readonly<Record<string, { readonly info: { readonly id: string } }>>;
}

/** What becomes of a request on its way; `pass` does it. Throw for a lost one. */
export type Traffic = (request: Request, pass: () => Promise<Response>) => Promise<Response>;

export interface EsimStageOptions extends X402ShopOptions {
  readonly traffic?: Traffic;
}

export async function openEsimStage(options: EsimStageOptions = {}): Promise<EsimStage> {
  const place = await openX402Shop(options);
  const sent: SentPromise[] = [];
  let signatures = 0;
  const newAccount = (): EvmSigner => {
    const own = privateKeyToAccount(generatePrivateKey());
    return {
      address: own.address,
      signTypedData: (message) => {
        signatures += 1;
        return own.signTypedData(message);
      },
    };
  };
  const { traffic = (_request, pass) => pass() } = options;
  const fetch: typeof globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    const header = request.headers.get("payment-signature");
    if (header !== null) sent.push({ ...(decode(header) as SentPromise), header });
    return traffic(request, () => globalThis.fetch(input, init));
  };
  return {
    ...place,
    sent,
    signatures: () => signatures,
    countOrders: () => countOrders(place.shop),
    buyer: () => ({
      baseUrl: place.shop.url,
      planId: PLAN.id,
      account: newAccount(),
      maxUsd: "3.00",
      journal: memoryJournal(),
      deadlineMs: 15_000,
      pollMs: 20,
      fetch,
    }),
    deliverAll: createDelivery(place),
  };
}

function decode(header: string): unknown {
  return JSON.parse(Buffer.from(header, "base64").toString("utf8"));
}

/** As watcher and supplier do; orders that were promised before are delivered too. */
function createDelivery({ shop, mine, promises }: X402Shop): () => void {
  const known = new Set<string>();
  const begun = new Set<string>();
  let isOn = false;
  const deliver = async (orderId: string): Promise<void> => {
    const order = await shop.store.read.orders.byId(orderId);
    const isPromised = (await promises(orderId)).some(({ state }) => state === "settling");
    if (order?.state !== "confirming" || !isPromised || begun.has(orderId)) return;
    begun.add(orderId);
    await mine(orderId);
    await shop.deliver(orderId);
  };
  shop.store.onCommit(({ orderIds }) => {
    for (const orderId of orderIds) {
      known.add(orderId);
      if (isOn) void deliver(orderId);
    }
  });
  return () => {
    isOn = true;
    for (const orderId of known) void deliver(orderId);
  };
}

/** Whether a request carries a payment. */
export function isPayment(request: Request): boolean {
  return request.headers.has("payment-signature");
}

/** The error of a call that must fail. */
export async function errorOf(call: Promise<unknown>): Promise<Vend402Error> {
  const error: unknown = await call.then(
    () => new Error("it succeeded"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof Vend402Error) return error;
  throw error;
}
