import { createBuyer } from "../tests/world/buyer.ts";
import { sendPayment } from "../tests/world/pay.ts";
import { createWorld } from "../tests/world/world.ts";
import type { Size } from "./main.ts";
import { openOrderStream } from "./order-stream.ts";
import { percentile, type Row } from "./report.ts";
import { ledgerClosedAtMs } from "./watch.ts";

const LEDGER_MS = 500;
const ISSUE_MS = 200;
const ACTIVATE_MS = 100;
const ORDERS = 30;

/**
 * What the shop itself adds to an order: everything but the ledger and the supplier. Three stretches are
 * added up:
 *
 *   1. `POST /v1/orders`, from sending to the whole answer;
 *   2. from the close of the ledger with the payment to the frame `ready` at the client,
 *   3. less the fixed latencies of the supplier's two calls (its own work and the loopback stay in).
 *
 * The payer's signing and the wait for the ledger are not the shop's and are left out.
 */
export async function* overhead(size: Size): AsyncGenerator<Row> {
  const world = await createWorld({
    closeEveryMs: LEDGER_MS,
    supplier: { issueLatencyMs: ISSUE_MS, activateLatencyMs: ACTIVATE_MS, readLatencyMs: 0 },
  });
  const apiKey = await world.newApiKey();
  const shop = await world.startShop({ VEND402_LOG_LEVEL: "warn" });
  const buyer = createBuyer(() => shop.url, apiKey);
  const ownMs: number[] = [];
  try {
    const payer = await world.network.newPayer("1000");
    for (let i = 0; i < (size.isSmall ? 2 : ORDERS); i++) {
      const startMs = performance.now();
      const order = await buyer.create("10.00");
      const createdMs = performance.now() - startMs;
      const stream = await openOrderStream(shop.url, apiKey, order.order_id);
      const hash = await sendPayment(world.network, payer, order.payment);
      const { atMs } = await stream.waitFor("ready");
      stream.close();
      const afterLedgerMs = atMs - ledgerClosedAtMs(world, hash);
      ownMs.push(createdMs + afterLedgerMs - ISSUE_MS - ACTIVATE_MS);
    }
  } finally {
    await shop.stop();
    await world.close();
  }
  yield {
    bench: "overhead",
    metric: "own_ms_per_order",
    value: percentile(ownMs, 0.5),
    baseline: null,
    baselineValue: null,
    p50Ms: percentile(ownMs, 0.5),
    p99Ms: percentile(ownMs, 0.99),
    note: `${ownMs.length} orders one after the other; the ledger and the supplier's ${ISSUE_MS} + ${ACTIVATE_MS} ms are taken off`,
  };
}
