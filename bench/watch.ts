import { createBuyer } from "../tests/world/buyer.ts";
import { sendPayment } from "../tests/world/pay.ts";
import { createWorld, type World } from "../tests/world/world.ts";
import type { Size } from "./main.ts";
import { openOrderStream } from "./order-stream.ts";
import { percentile, type Row } from "./report.ts";

const LEDGER_MS = 1_000;
const ORDERS = 20;

/** From the close of the ledger that holds the payment to `processing` on the order's stream. */
export async function* watch(size: Size): AsyncGenerator<Row> {
  const world = await createWorld({ closeEveryMs: LEDGER_MS, supplier: { speed: 10_000 } });
  const apiKey = await world.newApiKey();
  const shop = await world.startShop({ VEND402_LOG_LEVEL: "warn" });
  const buyer = createBuyer(() => shop.url, apiKey);
  const delaysMs: number[] = [];
  try {
    const payer = await world.network.newPayer("1000");
    for (let i = 0; i < (size.isSmall ? 2 : ORDERS); i++) {
      const order = await buyer.create("10.00");
      const stream = await openOrderStream(shop.url, apiKey, order.order_id);
      const hash = await sendPayment(world.network, payer, order.payment);
      const { atMs } = await stream.waitFor("processing");
      stream.close();
      delaysMs.push(atMs - ledgerClosedAtMs(world, hash));
    }
  } finally {
    await shop.stop();
    await world.close();
  }
  yield {
    bench: "watch",
    metric: "ledger_close_to_processing_ms",
    value: percentile(delaysMs, 0.5),
    baseline: null,
    baselineValue: null,
    p50Ms: percentile(delaysMs, 0.5),
    p99Ms: percentile(delaysMs, 0.99),
    note: `${delaysMs.length} orders one after the other, ledgers of ${LEDGER_MS} ms`,
  };
}

/** When the ledger with this transaction was closed, by this machine's clock. */
export function ledgerClosedAtMs({ network }: World, hash: string): number {
  const height = network.devnet.chain.history.transaction(hash)?.ledger;
  const closedAtMs = height === undefined ? null : network.closedAtMs(height);
  if (closedAtMs === null) throw new Error(`transaction ${hash} is in no ledger`);
  return closedAtMs;
}
