// Run by other versions of Node against the packed package: buys a card and pays it. Settings in SMOKE, as JSON.
import {
  createClient,
  keypairSigner,
  memoryJournal,
  purchaseCard,
  Vend402Error,
  VERSION,
} from "vend402";

const { baseUrl, apiKey, network, secret } = JSON.parse(process.env.SMOKE ?? "{}");
const shop = { baseUrl, apiKey, network, journal: memoryJournal(), pollMs: 50 };
const bought = await purchaseCard({ ...shop, amountUsdc: "10.00", signer: keypairSigner(secret) });
const order = await createClient(shop).getOrder(bought.orderId);
const refusal = await createClient(shop)
  .getOrder("no-such-order")
  .catch((error) => error);
process.stdout.write(
  JSON.stringify({
    version: VERSION,
    card: bought.card,
    phase: order.phase,
    payment: bought.payment?.asset,
    refusal: refusal instanceof Vend402Error ? refusal.code : String(refusal),
  }),
);
