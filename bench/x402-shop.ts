/**
 * The real HTTP server over a real store on disk, paid on one x402 rail of two assets. The rail only says its
 * terms: nobody pays. Prints its URL and runs until it is told to stop.
 */
import { createSecretKey, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ShopActions } from "../src/actions/index.ts";
import { createLocalFeed } from "../src/feed/local.ts";
import { buildApp } from "../src/http/app.ts";
import type { PayableRail } from "../src/http/deps.ts";
import { createLog } from "../src/log.ts";
import { planIdOf } from "../src/products/plan.ts";
import type { PayableOrder, PaymentTerms } from "../src/rails/rail.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import { JAPAN_WEEK } from "../tests/fixtures/plan.ts";
import { httpDeps } from "./http-deps.ts";
import { NETWORK, TOKENS, TREASURY } from "./x402.ts";

const assets = TOKENS.map(({ contract, symbol }) => ({
  id: `${NETWORK}/erc20:${contract}`,
  symbol,
  decimals: 6,
}));

function terms({ id, legs }: PayableOrder): readonly PaymentTerms[] {
  return TOKENS.flatMap(({ contract, extra }, index) => {
    const leg = legs.find(({ amount }) => amount.asset.id === assets[index]?.id);
    return leg === undefined
      ? []
      : {
          scheme: "exact",
          network: NETWORK,
          amount: leg.amount.atomic.toString(),
          asset: contract,
          payTo: TREASURY,
          maxTimeoutSeconds: 900,
          extra: { ...extra, orderId: id },
        };
  });
}

const nobody = () => Promise.reject(new Error("nobody pays here"));
const rail: PayableRail = {
  id: `${NETWORK}/x402`,
  kind: "evm-x402",
  assets,
  confirmations: 6,
  instructions: (order) => ({ type: "x402", network: NETWORK, accepts: terms(order) }),
  x402: {
    terms,
    read: () => ({ kind: "invalid", reason: "invalid_payload" }),
    verify: nobody,
    settle: nobody,
    fate: nobody,
  },
};

const folder = mkdtempSync(path.join(tmpdir(), "vend402-bench-"));
const log = createLog({ level: "error", now: Date.now, write: () => {} });
const store = await openSqliteStore<ShopActions>({
  file: path.join(folder, "shop.db"),
  thread: "worker",
  actionsUrl: new URL("../src/actions/index.ts", import.meta.url),
  log,
  onFatal: (error) => {
    throw error;
  },
});
const feed = createLocalFeed(log);
store.onCommit(({ orderIds }) => feed.publish(orderIds));
const plan = { id: planIdOf(JAPAN_WEEK), facts: JAPAN_WEEK, priceUsdMicro: 2_040_000n };
const plans = new Map([[plan.id, plan]]);
const app = await buildApp({
  ...httpDeps(store, feed, createSecretKey(randomBytes(32)), log),
  rails: [rail],
  plans: () => plans,
});
process.once("SIGTERM", () => {
  void app
    .close()
    .then(() => store.close())
    .then(() => {
      rmSync(folder, { recursive: true, force: true });
      process.exit(0);
    });
});
process.stdout.write(`${await app.listen({ host: "127.0.0.1", port: 0 })} ${plan.id}\n`);
