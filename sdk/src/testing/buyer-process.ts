/**
 * Buys in a process of its own and dies by SIGKILL at the step it is told, as an agent does that is killed. Input: JSON in
 * BUYER.
 */
import { purchaseCard, type NewPurchase, type ResumedPurchase } from "../buy.ts";
import { fileJournal, type PaymentJournal } from "../journal.ts";
import { keypairSigner } from "../signer.ts";

export interface BuyerOrders {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly secret: string;
  readonly network: { readonly passphrase: string; readonly rpcUrl: string };
  readonly journalFolder: string;
  readonly purchase: NewPurchase | ResumedPurchase;
  /** A step, or "before payment entry" and the like: around an entry of the journal. */
  readonly dieAt: string;
}

const orders = JSON.parse(process.env["BUYER"] ?? "{}") as BuyerOrders;

function die(at: string): void {
  if (orders.dieAt === at) process.kill(process.pid, "SIGKILL");
}

const files = fileJournal(orders.journalFolder);
const journal: PaymentJournal = {
  read: files.read,
  async add(key, text) {
    const [kind = ""] = key.split("-");
    die(`before ${kind} entry`);
    const kept = await files.add(key, text);
    die(`after ${kind} entry`);
    return kept;
  },
};

const { orderId } = await purchaseCard({
  baseUrl: orders.baseUrl,
  apiKey: orders.apiKey,
  signer: keypairSigner(orders.secret),
  network: orders.network,
  journal,
  pollMs: 50,
  deadlineMs: 20_000,
  ...orders.purchase,
  onStep: ({ step }) => die(step),
});
process.stdout.write(orderId);
