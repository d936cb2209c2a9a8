import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { nativeToScVal, scValToNative, xdr, type Keypair } from "@stellar/stellar-sdk";
import { onTestFinished } from "vitest";
import type { EventRecord } from "../../../devnet/stellar/index.ts";
import { openStellarStage, type StellarStage } from "../../../tests/fixtures/stellar-stage.ts";
import { formatStroops } from "../decimal.ts";
import { systemRuntime, type Runtime } from "../runtime.ts";
import { keypairSigner, type Signer } from "../signer.ts";
import { answerJson, CARD, frame, openEventStream, startPeer, type Peer } from "./peer.ts";

/** A local chain with a receiver contract, and a shop that believes its events. */
export interface PayStage {
  readonly stage: StellarStage;
  readonly network: {
    readonly passphrase: string;
    readonly rpcUrl: string;
    readonly usdcIssuer: string;
  };
  /** Closes a ledger every so many milliseconds; null: only by hand. */
  readonly pace: (everyMs: number | null) => void;
  readonly newSigner: (usdc?: string) => { readonly signer: Signer; readonly key: Keypair };
  /** Every payment of an order that is on chain, of whatever asset and amount. */
  readonly paymentsOf: (orderId: string) => readonly EventRecord[];
  /** A folder that is removed with the test. */
  readonly newFolder: () => string;
  readonly close: () => Promise<void>;
}

export async function openPayStage(): Promise<PayStage> {
  const stage = await openStellarStage();
  const { devnet, usdc } = stage;
  let timer: NodeJS.Timeout | null = null;
  const pace = (everyMs: number | null) => {
    if (timer !== null) clearInterval(timer);
    timer = everyMs === null ? null : setInterval(() => devnet.chain.closeLedger(), everyMs);
  };
  pace(50);
  const eventsOf = (orderId: string) => {
    const topic = nativeToScVal(Buffer.from(orderId), { type: "bytes" }).toXdr("base64");
    return [...devnet.chain.history.ledgers()]
      .flatMap(({ events }) => events)
      .filter(
        ({ contractId, topics, successful }) =>
          successful && contractId === stage.receiverId && topics[1] === topic,
      );
  };
  return {
    stage,
    network: {
      passphrase: devnet.passphrase,
      rpcUrl: devnet.url,
      usdcIssuer: usdc.issuer.publicKey(),
    },
    pace,
    newSigner(amount) {
      const key = stage.newAccount(amount);
      return { key, signer: keypairSigner(key.secret()) };
    },
    paymentsOf: eventsOf,
    newFolder() {
      const folder = mkdtempSync(path.join(tmpdir(), "vend402-sdk-"));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      return folder;
    },
    async close() {
      pace(null);
      await stage.close();
    },
  };
}

/** Time that runs `speed` times as fast for whoever uses it. */
export function hastyRuntime(speed: number): Runtime {
  const startMs = Date.now();
  return {
    nowMs: () => startMs + (Date.now() - startMs) * speed,
    random: Math.random,
    sleep: (ms, signal) => systemRuntime.sleep(ms / speed, signal),
  };
}

export interface PeerShopOptions {
  /** Changes an order's payment instructions. */
  readonly payment?: (payment: Record<string, unknown>) => Record<string, unknown>;
  /** What becomes of a paid order. @default "ready" */
  readonly fate?: "ready" | "refunded" | "processing";
  /** Decides a held order; without it orders need no approval. */
  readonly isApproved?: () => boolean;
  readonly xlmAmount?: string;
  /** The shop does not see the chain. */
  readonly isBlind?: () => boolean;
}

export interface PeerShop extends Peer {
  /** Ids in the order of creation. */
  readonly orderIds: readonly string[];
}

interface PeerOrder {
  readonly id: string;
  readonly amount: string;
  readonly created: object;
}

const LOOK_AT_CHAIN_MS = 20;

/** A shop of the cards API, as small as a payer can be tested against. */
export async function startPeerShop(
  place: PayStage,
  options: PeerShopOptions = {},
): Promise<PeerShop> {
  const orders = new Map<string, PeerOrder>();
  const byKey = new Map<string, PeerOrder>();
  const view = (order: PeerOrder) => viewOrder(place, options, order);
  const peer = await startPeer((request, response) => {
    if (request.method === "POST") {
      const key = String(request.headers["idempotency-key"]);
      const order =
        byKey.get(key) ??
        newOrder(place, options, JSON.parse(request.body) as { amount_usdc: string });
      byKey.set(key, order);
      orders.set(order.id, order);
      answerJson(response, options.isApproved === undefined ? 201 : 202, order.created);
      return;
    }
    const [, id = "", stream] = /^\/v1\/orders\/([^/]+)(\/stream)?$/.exec(request.path) ?? [];
    const order = orders.get(id);
    if (order === undefined)
      answerJson(response, 404, { error: "order_not_found", message: "No such order." });
    else if (stream === undefined) answerJson(response, 200, view(order));
    else {
      openEventStream(response);
      let shown = "";
      const timer = setInterval(() => {
        const now = view(order);
        if (JSON.stringify(now) === shown) return;
        shown = JSON.stringify(now);
        response.write(frame(now));
      }, LOOK_AT_CHAIN_MS);
      response.on("close", () => clearInterval(timer));
    }
  });
  return {
    ...peer,
    get orderIds() {
      return [...orders.keys()];
    },
  };
}

let created = 0;

function newOrder(
  place: PayStage,
  options: PeerShopOptions,
  body: { amount_usdc: string },
): PeerOrder {
  created += 1;
  const id = `order-${String(process.pid)}-${String(created)}`;
  const amount = body.amount_usdc;
  const base = { order_id: id, amount_usdc: amount };
  return {
    id,
    amount,
    created:
      options.isApproved === undefined
        ? {
            ...base,
            status: "pending_payment",
            phase: "awaiting_payment",
            payment: paymentOf(place, options, { id, amount }),
          }
        : {
            ...base,
            phase: "awaiting_approval",
            approval_request_id: "a-1",
            note: "Ask the owner.",
          },
  };
}

function paymentOf(
  place: PayStage,
  options: PeerShopOptions,
  { id, amount }: { id: string; amount: string },
): object {
  const payment = {
    type: "soroban_contract",
    contract_id: place.stage.receiverId,
    order_id: id,
    usdc: { amount, asset: `USDC:${place.network.usdcIssuer}` },
    xlm: { amount: options.xlmAmount ?? "64.5161290" },
    network_passphrase: place.network.passphrase,
  };
  return options.payment?.(payment) ?? payment;
}

function viewOrder(place: PayStage, options: PeerShopOptions, order: PeerOrder): object {
  const instructions = paymentOf(place, options, order) as {
    usdc: { amount: string };
    xlm?: { amount: string };
  };
  const prices = [instructions.usdc.amount, instructions.xlm?.amount].map((amount) =>
    formatStroops(stroopsOf(amount)),
  );
  const isPaid =
    options.isBlind?.() !== true &&
    place
      .paymentsOf(order.id)
      .some(({ value }) =>
        prices.includes(
          formatStroops(BigInt(String(scValToNative(xdr.ScVal.fromXdr(value, "base64"))))),
        ),
      );
  const isHeld = options.isApproved?.() === false;
  const phase = isHeld
    ? "awaiting_approval"
    : isPaid
      ? (options.fate ?? "ready")
      : "awaiting_payment";
  return {
    order_id: order.id,
    amount_usdc: order.amount,
    payment_asset: "usdc",
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: "2026-01-01T00:00:00.000Z",
    status: {
      awaiting_approval: "awaiting_approval",
      awaiting_payment: "pending_payment",
      ready: "delivered",
      processing: "ordering",
      refunded: "refunded",
    }[phase],
    phase,
    ...(phase === "awaiting_payment" ? { payment: instructions } : {}),
    ...(phase === "ready" ? { card: CARD } : {}),
    ...(phase === "refunded"
      ? {
          error: "Out of stock.",
          refund: { stellar_txid: "cd".repeat(32), amount: order.amount, asset: "USDC" },
        }
      : {}),
  };
}

function stroopsOf(amount = "0"): bigint {
  const [whole = "0", fraction = ""] = amount.split(".");
  return BigInt(whole + fraction.padEnd(7, "0"));
}
