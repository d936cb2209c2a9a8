/**
 * Buys in a process of its own and dies by SIGKILL at the step it is told, as an agent does that is killed. Input: JSON in
 * BUYER.
 */
import { privateKeyToAccount } from "viem/accounts";
import { purchaseCard, type NewPurchase, type ResumedPurchase } from "../buy.ts";
import { fileJournal, type PaymentJournal } from "../journal.ts";
import { keypairSigner } from "../signer.ts";
import { purchaseEsim } from "../x402/buy.ts";

export type BuyerOrders = CardBuyer | EsimBuyer;

interface Mortal {
  readonly baseUrl: string;
  readonly journalFolder: string;
  /** A step, or "before payment entry" and the like: around an entry of the journal. */
  readonly dieAt: string;
}

export interface CardBuyer extends Mortal {
  readonly apiKey: string;
  readonly secret: string;
  readonly network: { readonly passphrase: string; readonly rpcUrl: string };
  readonly purchase: NewPurchase | ResumedPurchase;
}

/** Pays by x402 on EVM. */
export interface EsimBuyer extends Mortal {
  readonly key: `0x${string}`;
  readonly esim: { readonly planId: string; readonly idempotencyKey: string };
}

const orders = JSON.parse(process.env["BUYER"] ?? "{}") as BuyerOrders;

function die(at: string): void {
  if (orders.dieAt === at) process.kill(process.pid, "SIGKILL");
}

const files = fileJournal(orders.journalFolder);
const journal: PaymentJournal = {
  read: files.read,
  async add(key, text) {
    const kind = /^(?:x402-)?([a-z]+)/.exec(key)?.[1] ?? "";
    die(`before ${kind} entry`);
    const kept = await files.add(key, text);
    die(`after ${kind} entry`);
    return kept;
  },
};

const common = {
  baseUrl: orders.baseUrl,
  journal,
  pollMs: 50,
  deadlineMs: 20_000,
  onStep: ({ step }: { readonly step: string }) => die(step),
};

function buy(): Promise<{ readonly orderId: string }> {
  if ("esim" in orders)
    return purchaseEsim({
      ...common,
      ...orders.esim,
      account: privateKeyToAccount(orders.key),
      maxUsd: "20.00",
    });
  const { apiKey, network, purchase, secret } = orders;
  return purchaseCard({ ...common, apiKey, network, signer: keypairSigner(secret), ...purchase });
}

process.stdout.write((await buy()).orderId);
